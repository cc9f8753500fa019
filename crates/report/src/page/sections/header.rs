//! The question, the answer, and the warnings that a reader needs first.

use crate::{
    effect, number,
    page::{
        best,
        text::{counted, escaped, listed},
    },
    study::Study,
    words,
};

/// Returns everything above the table of contents.
pub fn header(study: &Study) -> String {
    let stage = paragraph("kicker", &format!("Results of the stage “{}”", study.stage));
    let title = escaped(&study.pipeline);
    let answer = answer(study).map_or_else(String::new, |answer| paragraph("answer", &answer));
    format!(
        "{stage}<h1>{title}</h1>\n{}{answer}{}{}",
        paragraph("lead", &question(study)),
        paragraph("quiet", &how_to_read(study)),
        notes(study)
    )
}

fn paragraph(class: &str, text: &str) -> String {
    format!("<p class=\"{class}\">{}</p>\n", escaped(text))
}

fn question(study: &Study) -> String {
    let axes: Vec<String> =
        effect::varying(&study.rows).into_iter().map(|axis| levels(study, axis)).collect();
    let trials: usize = study.rows.iter().map(|row| row.seeds).sum();
    let metric = words::metric(&study.reported.metric);
    let datasets = study.datasets().len();
    let datasets = if datasets > 1 { format!(" of {datasets} datasets") } else { String::new() };
    let question = match study.rows.as_slice() {
        [only] => format!("What is the {metric} of {}?", only.configuration.label),
        _ => format!("Which configuration has the lowest {metric}?"),
    };
    let compared = if axes.is_empty() { String::new() } else { format!(" over {}", listed(&axes)) };
    let configurations = words::capitalized(&counted(study.rows.len(), "configuration"));
    format!("{question} {configurations}{compared}{datasets}; {} in all.", counted(trials, "trial"))
}

/// Returns `4 learning rates`.
fn levels(study: &Study, axis: &str) -> String {
    let mut levels: Vec<String> =
        study.rows.iter().filter_map(|row| row.configuration.axis(axis)).map(words::axis_value).collect();
    levels.sort_unstable();
    levels.dedup();
    match axis {
        "algorithm" => counted(levels.len(), "learning rule"),
        "hidden" => counted(levels.len(), "network"),
        "activation" | "learning_rate" => counted(levels.len(), &words::spaced(axis)),
        other => format!("{} of {}", counted(levels.len(), "setting"), words::spaced(other)),
    }
}

fn answer(study: &Study) -> Option<String> {
    let first = study.rows.iter().filter(|row| row.rank == Some(1));
    let metric = words::metric(&study.reported.metric);
    let unit = study.reported.unit().replace(' ', "\u{a0}");
    let answers = first.filter_map(|best| {
        let value = number::mean_and_deviation(best.value.as_ref()?, study.reported.decimals());
        let dataset = match study.datasets().len() {
            0 | 1 => String::new(),
            _ => format!(" on {}", best.dataset),
        };
        Some(format!("Ranked first{dataset}: {}, with a {metric} of {value}{unit}.", best::name(study, best)))
    });
    let answers: Vec<String> = answers.collect();
    (!answers.is_empty()).then(|| answers.join(" "))
}

fn how_to_read(study: &Study) -> String {
    let reported = &study.reported;
    let mut text =
        format!("Reported: {}, {} of each trial. ", words::metric(&reported.metric), reported.epoch);
    if let Some(ranking) = &study.ranked_by {
        text += &format!("Ranked by: {}, {}. ", words::metric(&ranking.metric), ranking.epoch);
    }
    text + "Smaller is better. ± is the sample standard deviation over seeds (n − 1)."
}

fn notes(study: &Study) -> String {
    let warnings = study.images.iter().flat_map(|images| &images.warnings);
    let warnings = warnings.map(|warning| format!("Warning: {warning}."));
    let notes: Vec<String> = warnings.chain(study.notes.iter().cloned()).collect();
    if notes.is_empty() {
        return String::new();
    }
    let notes = notes.iter().map(|note| format!("<p>{}</p>\n", escaped(&words::capitalized(note))));
    format!("<aside class=\"notes\" role=\"note\">\n{}</aside>\n", notes.collect::<String>())
}
