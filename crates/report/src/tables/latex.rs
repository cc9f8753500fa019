//! Tables for papers: `table` environments with the rules of booktabs.

use std::fmt::Write;

use super::number::{difference, mean_and_deviation};
use crate::{
    derived::Quantity,
    effect,
    pivot::Pivot,
    study::{AxisValue, Criterion, Images, Row, Study},
    words,
};

const ABSENT: &str = "--";
const PACKAGES: &str = "% Needs \\usepackage{booktabs}; pdfLaTeX, XeLaTeX or LuaLaTeX, UTF-8.\n";

/// The largest corrected p value that gets a star.
const SIGNIFICANCE: f64 = 0.05;

/// Returns a ranked table for each dataset, with caption, label and notes, for `\input`. A comment at the top names the packages that
/// it needs.
pub fn latex(study: &Study) -> String {
    let mut text = String::from(PACKAGES);
    let datasets = study.by_dataset();
    if datasets.is_empty() {
        text.push_str(&ranking(study, None));
    }
    for (dataset, study) in &datasets {
        text.push_str(&ranking(study, Some(dataset)));
    }
    text
}

/// Returns tables of learning rules over datasets, or over the values of an axis; none if there is nothing to compare.
pub fn latex_pivots(study: &Study) -> Option<String> {
    let pivots = Pivot::all(study);
    let tables: String = pivots.iter().map(|pivot| pivot_table(study, pivot)).collect();
    (!pivots.is_empty()).then(|| format!("{PACKAGES}{tables}"))
}

fn ranking(study: &Study, dataset: Option<&str>) -> String {
    let quantities = study.quantities();
    let axes: Vec<&str> =
        effect::varying(&study.rows).into_iter().filter(|axis| *axis != "algorithm").collect();
    let has_stages = study.stages().len() > 1;
    let mut header = vec!["rule".to_owned()];
    header.extend(has_stages.then(|| "stage".to_owned()));
    header.extend(axes.iter().map(|axis| escape(&words::spaced(axis))));
    let texts = header.len();
    header.push("$n$".into());
    header.extend(quantities.iter().map(|quantity| heading(&quantity.criterion)));
    header.extend(study.has_comparisons().then(|| "difference to baseline".into()));
    let best: Vec<Option<f64>> = quantities.iter().map(|quantity| lowest(study, quantity)).collect();
    // Configurations that halving dropped have no values.
    let shown = || study.rows.iter().filter(|row| row.dropped.is_none());
    let lines = shown().map(|row| {
        let mut line = vec![rule(row)];
        line.extend(has_stages.then(|| escape(&row.stage)));
        line.extend(axes.iter().map(|axis| row.configuration.axis(axis).map_or(ABSENT.into(), axis_text)));
        line.push(row.count_of_seeds());
        for (Quantity { criterion, value }, best) in quantities.iter().zip(&best) {
            line.push(value(row).map_or(ABSENT.into(), |value| {
                let is_best = row.rank.is_some() && Some(value.mean) == *best;
                number(&mean_and_deviation(&value, criterion.decimals(), " \\pm "), is_best)
            }));
        }
        line.extend(study.has_comparisons().then(|| against_baseline(row, study.reported.decimals())));
        line
    });
    let columns = format!("{}{}", "l".repeat(texts), "r".repeat(header.len() - texts));
    let of_dataset = dataset.map_or(String::new(), |dataset| format!(" on {}", escape(dataset)));
    let caption = format!(
        "{}{of_dataset}: mean $\\pm$ standard deviation over $n$ seeds.",
        escape(&words::capitalized(&words::quantity(&study.reported)))
    );
    let label = label(study, dataset.into_iter());
    let mut notes = vec![criteria(study)];
    if shown().any(|row| row.count() < row.seeds) {
        notes.push("Where $n$ is $k/m$, only $k$ of $m$ seeds gave a value.".into());
    }
    notes.extend(study.has_comparisons().then(|| differences(study)));
    notes.push(provenance(study));
    table(&caption, &label, &columns, &header, lines, &notes.join(" "))
}

fn pivot_table(study: &Study, pivot: &Pivot<'_>) -> String {
    let decimals = study.reported.decimals();
    let mut header = vec!["rule".to_owned()];
    header.extend(pivot.columns.iter().map(|column| escape(column)));
    let lines = pivot.lines.iter().map(|line| {
        let cells = line.cells.iter().enumerate().map(|(column, cell)| {
            let Some((row, value)) = cell.and_then(|row| Some((row, row.value?))) else {
                return ABSENT.into();
            };
            number(&mean_and_deviation(&value, decimals, " \\pm "), pivot.is_best(column, row))
        });
        std::iter::once(escape(&line.configuration.rule)).chain(cells).collect()
    });
    let columns = format!("l{}", "r".repeat(pivot.columns.len()));
    let of_dataset = pivot.dataset.map_or(String::new(), |dataset| format!(" on {}", escape(dataset)));
    let caption = format!(
        "{}{of_dataset} by {}: mean $\\pm$ standard deviation over seeds.",
        escape(&words::capitalized(&words::quantity(&study.reported))),
        escape(&pivot.axis)
    );
    let label = label(study, pivot.dataset.into_iter().chain([pivot.axis.as_str()]));
    let notes = format!("The best configuration of each rule. {} {}", criteria(study), provenance(study));
    table(&caption, &label, &columns, &header, lines, &notes)
}

fn table(
    caption: &str,
    label: &str,
    columns: &str,
    header: &[String],
    lines: impl Iterator<Item = Vec<String>>,
    notes: &str,
) -> String {
    let mut text = format!("\\begin{{table}}\n\\centering\n\\caption{{{caption}}}\n\\label{{{label}}}\n");
    let _ =
        writeln!(text, "\\begin{{tabular}}{{{columns}}}\n\\toprule\n{} \\\\\n\\midrule", header.join(" & "));
    for line in lines {
        let _ = writeln!(text, "{} \\\\", line.join(" & "));
    }
    let _ = writeln!(
        text,
        "\\bottomrule\n\\end{{tabular}}\n\n\\smallskip\n\\parbox{{\\linewidth}}{{\\footnotesize {notes}}}"
    );
    text + "\\end{table}\n"
}

fn label<'a>(study: &'a Study, parts: impl Iterator<Item = &'a str>) -> String {
    let parts = [study.pipeline.as_str(), &study.stage].into_iter().chain(parts);
    format!("tab:{}", parts.map(plain).collect::<Vec<_>>().join("-"))
}

/// Returns the epochs of the values, the metric that ranks, and the meaning of bold numbers.
fn criteria(study: &Study) -> String {
    let mut text = format!("{} of each trial.", words::capitalized(&study.reported.epoch));
    if let Some(Criterion { metric, epoch }) = &study.ranked_by {
        let _ = write!(text, " Ranked by {} ({epoch}).", words::metric(metric));
    }
    escape(&(text + " Bold: the lowest of its column."))
}

fn differences(study: &Study) -> String {
    format!(
        "Difference to {}: mean over common seeds, with its 95\\,\\% confidence interval by Student's $t$; \
         $^{{*}}$: $p < {SIGNIFICANCE}$ in a two-sided paired $t$ test after Holm's correction.",
        escape(&study.baseline_in_words())
    )
}

/// Returns the warnings, the settings, the builds and the hashes of the data.
fn provenance(study: &Study) -> String {
    let settings = study.settings.iter().map(|setting| format!("{}: {}", setting.name, setting.value));
    let settings: Vec<String> = settings.collect();
    let mut sentences = study.notes.clone();
    for Images { account, warnings } in &study.images {
        sentences.push(format!("Images: {account}."));
        sentences.extend(warnings.iter().map(|warning| format!("Warning: {warning}.")));
    }
    sentences.extend((!settings.is_empty()).then(|| format!("Settings: {}.", settings.join("; "))));
    sentences.push(format!("Build: {}.", study.provenance.builds.join(", ")));
    sentences.extend(study.provenance.datasets.iter().map(|dataset| {
        let hash: String = dataset.value.chars().take(12).collect();
        format!("Data of {}: {hash}.", dataset.name)
    }));
    escape(&sentences.join(" "))
}

/// Returns the lowest mean of the ranked rows.
fn lowest(study: &Study, quantity: &Quantity) -> Option<f64> {
    let ranked = study.rows.iter().filter(|row| row.rank.is_some());
    ranked.filter_map(|row| Some((quantity.value)(row)?.mean)).min_by(f64::total_cmp)
}

fn rule(row: &Row) -> String {
    let rule = escape(&row.configuration.rule);
    if row.is_baseline { rule + " (baseline)" } else { rule }
}

fn axis_text(value: &AxisValue) -> String {
    match value {
        AxisValue::Number(value) if *value == 0.0 || (1e-3..1e5).contains(&value.abs()) => {
            format!("${value}$")
        }
        AxisValue::Number(value) => {
            let text = format!("{value:e}");
            let (factor, power) = text.split_once('e').unwrap_or((&text, "0"));
            format!("${factor} \\cdot 10^{{{power}}}$")
        }
        AxisValue::Text(text) => escape(text),
    }
}

fn number(text: &str, is_bold: bool) -> String {
    if is_bold { format!("$\\mathbf{{{text}}}$") } else { format!("${text}$") }
}

/// Returns a metric with its unit: `validation error rate (\%)`.
fn heading(criterion: &Criterion) -> String {
    escape(&words::quantity(criterion))
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
