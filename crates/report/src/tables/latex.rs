//! The ranked table for papers: a `table` environment with the rules of booktabs.

use std::fmt::Write;

use super::number::{difference, mean_and_deviation};
use crate::{
    derived::Quantity,
    study::{Criterion, Row, Study},
};

const ABSENT: &str = "--";

/// The largest corrected p value that gets a star.
const SIGNIFICANCE: f64 = 0.05;

/// Returns a table with caption and label, for `\input`. A comment at its top names the packages that it needs.
pub fn latex(study: &Study) -> String {
    let quantities = study.quantities();
    let mut header = vec!["configuration".into(), "$n$".into()];
    header.extend(quantities.iter().map(|quantity| heading(&quantity.criterion)));
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
        let _ = writeln!(text, "{} \\\\", line(study, &quantities, row).join(" & "));
    }
    text.push_str("\\bottomrule\n\\end{tabular}\n\\end{table}\n");
    text
}

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
        text.push_str(" Bold: the best of its group.");
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

fn line(study: &Study, quantities: &[Quantity], row: &Row) -> Vec<String> {
    let mut label = escape(&study.label(row));
    if row.best_of.is_some() {
        label = format!("\\textbf{{{label}}}");
    }
    if row.is_baseline {
        label += " (baseline)";
    }
    let mut line = vec![label, row.count_of_seeds()];
    line.extend(quantities.iter().enumerate().map(|(index, Quantity { criterion, value })| {
        let Some(value) = value(row) else { return ABSENT.into() };
        let text = mean_and_deviation(&value, criterion.decimals(), " \\pm ");
        // The reported quantity comes first.
        let is_bold = index == 0 && row.best_of.is_some();
        if is_bold { format!("$\\mathbf{{{text}}}$") } else { format!("${text}$") }
    }));
    line.extend(study.has_comparisons().then(|| against_baseline(row, study.reported.decimals())));
    line
}

/// Returns a metric with its unit: `\texttt{error\_rate/validation} (\%)`.
fn heading(criterion: &Criterion) -> String {
    match criterion.unit().trim() {
        "" => tag(&criterion.metric),
        unit => format!("{} ({})", tag(&criterion.metric), escape(unit)),
    }
}

fn tag(metric: &str) -> String {
    format!("\\texttt{{{}}}", escape(metric))
}

/// Returns `$+1.23\ [0.80, 1.66]^{*}$`.
fn against_baseline(row: &Row, decimals: usize) -> String {
    let Some(versus) = row.versus else { return ABSENT.into() };
    let star = if versus.corrected.is_some_and(|p| p < SIGNIFICANCE) { "^{*}" } else { "" };
    format!("${}{star}$", difference(&versus.comparison, decimals, "\\ "))
}

/// Returns text that LaTeX prints as it is. Letters beyond ASCII are left to the document's fonts.
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

/// Replaces each character that a label cannot have by a hyphen.
fn plain(name: &str) -> String {
    name.chars().map(|character| if character.is_ascii_alphanumeric() { character } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_latex_takes_for_its_own_stays_bare() {
        let special = "& % $ # _ { } ~ ^ \\ < > | \" ` -- --- [ * \n";
        insta::assert_snapshot!(escape(special), @r"\& \% \$ \# \_ \{ \} \textasciitilde{} \textasciicircum{} \textbackslash{} \textless{} \textgreater{} \textbar{} '' \textasciigrave{} -{}- -{}-{}- {[} {*}");
    }

    #[test]
    fn a_label_is_letters_digits_and_hyphens() {
        assert_eq!(plain("r&d_100% é"), "r-d-100---");
    }
}
