//! Published values and the ones of this study.

use crate::{
    number,
    page::{
        table::{Column, table},
        text::{counted, escaped},
    },
    study::{Expectation, Setting, Study, Verdict},
};

pub fn body(study: &Study) -> Option<String> {
    if study.expectations.is_empty() {
        return None;
    }
    let decimals = study.reported.decimals();
    let rows: Vec<String> = study.expectations.iter().map(|expectation| row(expectation, decimals)).collect();
    let columns = [
        Column::text("configuration"),
        Column::number("published ± sd (n)"),
        Column::number("ours ± sd (n)"),
        Column::number("allowed distance"),
        Column::text("verdict"),
        Column::text("source"),
    ];
    let publications: String = study.publications.iter().map(publication).collect();
    let notes = if publications.is_empty() { publications } else { format!("<dl>\n{publications}</dl>\n") };
    Some(format!("<p>{}</p>\n{}{notes}", escaped(&summary(study)), table(&columns, &rows)))
}

fn summary(study: &Study) -> String {
    let count =
        |verdict| study.expectations.iter().filter(|expectation| expectation.verdict == verdict).count();
    let all = counted(study.expectations.len(), "published value");
    let mut text = format!("{} of {all} within tolerance", count(Verdict::Pass));
    for (verdict, words) in [(Verdict::Fail, "outside of it"), (Verdict::NotRun, "not run")] {
        if count(verdict) > 0 {
            text += &format!(", {} {words}", count(verdict));
        }
    }
    text + "."
}

fn publication(publication: &Setting) -> String {
    format!("<dt>{}</dt><dd>{}</dd>\n", escaped(&publication.name), escaped(&publication.value))
}

fn row(expectation: &Expectation, decimals: usize) -> String {
    let class = match expectation.verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::NotRun => "quiet",
    };
    let published = expectation.published.in_words(|value| number::fixed(value, decimals));
    let ours = expectation.ours_in_words(|value| number::fixed(value, decimals));
    let ours = ours.unwrap_or_else(|| number::ABSENT.to_owned());
    format!(
        "<tr><td class=\"name\">{}</td><td class=\"number\">{published}</td><td class=\"number\">{ours}</td>\
         <td class=\"number\">{}</td><td class=\"{class}\">{}</td><td class=\"name\">{}</td></tr>\n",
        escaped(&expectation.of),
        number::fixed(expectation.tolerance, decimals),
        escaped(&expectation.verdict_in_words()),
        escaped(&expectation.source)
    )
}
