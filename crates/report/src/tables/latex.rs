//! The ranked table for papers: a `table` environment in the manner of booktabs.

use std::fmt::Write;

use statistics::Description;

use crate::study::{Criterion, Row, Study, Versus};

/// A corrected p below it gets a star.
const SIGNIFICANCE: f64 = 0.05;

/// A table with caption and label, to be read by `\input`. What it needs is said in a comment at its top.
#[must_use]
pub fn latex(study: &Study) -> String {
    let test = study.test_criterion();
    let mut header = vec!["configuration".into(), "$n$".into(), heading(&study.reported)];
    header.extend(study.ranked_by.as_ref().map(heading));
    header.extend(test.as_ref().map(heading));
    header.extend(study.has_comparisons().then(|| "difference to baseline".into()));
    let mut text = String::from("% Needs \\usepackage{booktabs}; pdfLaTeX, XeLaTeX or LuaLaTeX, UTF-8.\n");
    for note in &study.notes {
        let _ = writeln!(text, "% {}", note.replace(['\n', '\r'], " "));
    }
    text.push_str("\\begin{table}\n\\centering\n");
    let _ = writeln!(text, "\\caption{{{}}}", caption(study));
    let _ = writeln!(text, "\\label{{tab:{}-{}}}", plain(&study.pipeline), plain(&study.stage));
    let _ = writeln!(text, "\\begin{{tabular}}{{l{}}}\n\\toprule", "r".repeat(header.len() - 1));
    let _ = writeln!(text, "{} \\\\\n\\midrule", header.join(" & "));
    for row in &study.rows {
        let _ = writeln!(text, "{} \\\\", line(study, test.as_ref(), row).join(" & "));
    }
    text.push_str("\\bottomrule\n\\end{tabular}\n\\end{table}\n");
    text
}

/// Whole sentences: a reader of the paper has nothing else.
fn caption(study: &Study) -> String {
    let Criterion { metric, epoch } = &study.reported;
    let mut text = format!(
        "{} ({}), mean $\\pm$ sample standard deviation over $n$ seeds; smaller is better.",
        tag(metric),
        escape(epoch)
    );
    if let Some(Criterion { metric, epoch }) = &study.ranked_by {
        let _ = write!(text, " Ranked by {} ({}).", tag(metric), escape(epoch));
    }
    if study.rows.iter().any(|row| row.best_of.is_some()) {
        text.push_str(" Bold: the best of its kind.");
    }
    if study.rows.iter().any(|row| row.count() < row.seeds) {
        text.push_str(" Where $n$ is $k/m$, only $k$ of $m$ seeds gave a value.");
    }
    if study.has_comparisons() {
        let _ = write!(
            text,
            " Difference to the baseline: mean over common seeds, with its 95\\,\\% confidence interval by Student's $t$; \
             $^{{*}}$: $p < {SIGNIFICANCE}$ in a two-sided paired $t$ test after Holm's correction."
        );
    }
    let settings: Vec<String> = study
        .settings
        .iter()
        .map(|setting| format!("{}: {}", escape(&setting.name), escape(&setting.value)))
        .collect();
    if !settings.is_empty() {
        let _ = write!(text, " Settings: {}.", settings.join("; "));
    }
    text
}

fn line(study: &Study, test: Option<&Criterion>, row: &Row) -> Vec<String> {
    let is_best = row.best_of.is_some();
    let label = escape(&study.label(row));
    let label = if is_best { format!("\\textbf{{{label}}}") } else { label };
    let label = if row.is_baseline { format!("{label} (baseline)") } else { label };
    let mut line = vec![label, row.count_of_seeds(), spread(row.value, &study.reported, is_best)];
    line.extend(study.ranked_by.as_ref().map(|criterion| spread(row.ranked_by, criterion, false)));
    line.extend(test.map(|criterion| spread(row.test, criterion, false)));
    line.extend(study.has_comparisons().then(|| difference(row.versus, &study.reported)));
    line
}

/// `\texttt{error\_rate/validation} (\%)`.
fn heading(criterion: &Criterion) -> String {
    match criterion.unit().trim() {
        "" => tag(&criterion.metric),
        unit => format!("{} ({})", tag(&criterion.metric), escape(unit)),
    }
}

fn tag(metric: &str) -> String {
    format!("\\texttt{{{}}}", escape(metric))
}

fn spread(description: Option<Description>, criterion: &Criterion, is_best: bool) -> String {
    let decimals = criterion.decimals();
    let text = match description {
        Some(Description { mean, deviation: Some(deviation), .. }) => {
            format!("{mean:.decimals$} \\pm {deviation:.decimals$}")
        }
        Some(Description { mean, deviation: None, .. }) => format!("{mean:.decimals$}"),
        None => return "--".into(),
    };
    if is_best { format!("$\\mathbf{{{text}}}$") } else { format!("${text}$") }
}

/// `$+1.23\ [0.80, 1.66]^{*}$`.
fn difference(versus: Option<Versus>, criterion: &Criterion) -> String {
    let Some(Versus { comparison, corrected }) = versus else { return "--".into() };
    let decimals = criterion.decimals();
    let mut text = format!("${:+.decimals$}", comparison.difference);
    if let Some(interval) = comparison.interval {
        let _ = write!(text, "\\ [{:.decimals$}, {:.decimals$}]", interval.low, interval.high);
    }
    text.push_str(if corrected.is_some_and(|p| p < SIGNIFICANCE) { "^{*}$" } else { "$" });
    text
}

/// Text as LaTeX prints it, whatever it holds. Letters beyond ASCII are left to the document's fonts.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => escaped.extend(['\\', character]),
            '\\' => escaped.push_str("\\textbackslash{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '<' => escaped.push_str("\\textless{}"),
            '>' => escaped.push_str("\\textgreater{}"),
            '|' => escaped.push_str("\\textbar{}"),
            '"' => escaped.push_str("''"),
            // At the start of a row they would belong to the end of the row above.
            '[' | '*' => escaped.extend(['{', character, '}']),
            '`' => escaped.push_str("\\textasciigrave{}"),
            // Two of them would become a dash.
            '-' if escaped.ends_with('-') => escaped.push_str("{}-"),
            '±' => escaped.push_str("$\\pm$"),
            '×' => escaped.push_str("$\\times$"),
            '−' => escaped.push_str("$-$"),
            '≤' => escaped.push_str("$\\leq$"),
            '≥' => escaped.push_str("$\\geq$"),
            '→' => escaped.push_str("$\\to$"),
            control if control.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

/// For a label: letters, digits and hyphens.
fn plain(name: &str) -> String {
    name.chars().map(|character| if character.is_ascii_alphanumeric() { character } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::example;

    #[test]
    fn a_study_is_a_table_of_booktabs() {
        insta::assert_snapshot!(latex(&example::study()), @r"
        % Needs \usepackage{booktabs}; pdfLaTeX, XeLaTeX or LuaLaTeX, UTF-8.
        % The dataset has no holdout: `validation` is the official test split.
        \begin{table}
        \centering
        \caption{\texttt{error\_rate/validation} (best epoch by loss/validation), mean $\pm$ sample standard deviation over $n$ seeds; smaller is better. Ranked by \texttt{loss/validation} (best epoch). Bold: the best of its kind. Where $n$ is $k/m$, only $k$ of $m$ seeds gave a value. Difference to the baseline: mean over common seeds, with its 95\,\% confidence interval by Student's $t$; $^{*}$: $p < 0.05$ in a two-sided paired $t$ test after Holm's correction. Settings: dataset: MNIST, 100 \% of the training images, 28$\times$28, ''raw''; early stopping: loss/validation \textless{} 1e-3 \textbar{}\textbar{} patience\_epochs \textgreater{} 5 \& \$HOME \#1 \{x\textasciicircum{}2\} \textasciitilde{} \textbackslash{}n \textasciigrave{}{[}{*}]\textasciigrave{}.}
        \label{tab:r-d-100--summary}
        \begin{tabular}{lrrrrr}
        \toprule
        configuration & $n$ & \texttt{error\_rate/validation} (\%) & \texttt{loss/validation} & \texttt{error\_rate/test} (\%) & difference to baseline \\
        \midrule
        \textbf{dfa 2x500 lr0.001 uniform\textless{}0.1\textgreater{}} & 3 & $\mathbf{5.58 \pm 0.38}$ & $0.1861 \pm 0.0127$ & $5.68 \pm 0.38$ & $-0.75\ [-1.06, -0.44]^{*}$ \\
        \textbf{backprop 2x500 lr0.001} (baseline) & 3 & $\mathbf{6.33 \pm 0.26}$ & $0.2111 \pm 0.0087$ & $6.43 \pm 0.26$ & -- \\
        dfa 2x500 lr0.1 a\textbar{}b \& c\_d & 2/3 & $7.38 \pm 0.53$ & $0.2458 \pm 0.0177$ & $7.47 \pm 0.53$ & $+1.19\ [-4.37, 6.75]$ \\
        backprop 2x500 lr1e-10 & 1/3 & $88.00$ & $2.9333$ & $88.10$ & $+81.75$ \\
        \bottomrule
        \end{tabular}
        \end{table}
        ");
    }

    #[test]
    fn nothing_that_latex_takes_for_its_own_stays_bare() {
        let special = "& % $ # _ { } ~ ^ \\ < > | \" ` -- --- [ * \n";
        insta::assert_snapshot!(escape(special), @r"\& \% \$ \# \_ \{ \} \textasciitilde{} \textasciicircum{} \textbackslash{} \textless{} \textgreater{} \textbar{} '' \textasciigrave{} -{}- -{}-{}- {[} {*}");
    }

    #[test]
    fn a_label_is_letters_digits_and_hyphens() {
        assert_eq!(plain("r&d_100% é"), "r-d-100---");
    }

    /// Compiles a document of this body; absent where the program is not there.
    fn compile(program: &str, body: &str) -> Option<std::process::Output> {
        let folder = tempfile::tempdir().expect("a folder");
        let document = format!(
            "\\documentclass{{article}}\n\\usepackage{{booktabs}}\n\\begin{{document}}\n{body}\\end{{document}}\n"
        );
        std::fs::write(folder.path().join("table.tex"), document).expect("a file in it");
        let arguments: &[&str] = match program {
            "tectonic" => &["--only-cached"],
            _ => &["-interaction=nonstopmode", "-halt-on-error"],
        };
        Command::new(program).args(arguments).arg("table.tex").current_dir(folder.path()).output().ok()
    }

    #[test]
    #[expect(clippy::print_stderr, reason = "a skipped test says so; nothing else would show it")]
    fn latex_compiles_it() {
        // An installation without booktabs, or without formats, tells nothing about our table.
        let works = |program: &&str| compile(program, "x\n").is_some_and(|output| output.status.success());
        let Some(program) = ["pdflatex", "lualatex", "tectonic"].into_iter().find(works) else {
            return eprintln!("skipped: there is no pdflatex, lualatex or tectonic with booktabs");
        };
        let output = compile(program, &latex(&example::study())).expect("it started before");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}
