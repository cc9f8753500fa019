//! What others published, beside ours.

use crate::{
    page::{
        number,
        table::{Column, table},
        text::{counted, escaped},
    },
    study::{Expectation, Study, Verdict},
};

use super::Section;

/// A table of published values.
pub fn section(study: &Study) -> Option<Section> {
    if study.expectations.is_empty() {
        return None;
    }
    let decimals = study.reported.decimals();
    let rows: Vec<String> = study.expectations.iter().map(|expectation| row(expectation, decimals)).collect();
    let columns = [
        Column::text("of"),
        Column::number("published"),
        Column::number("tolerance"),
        Column::number("ours"),
        Column::text("verdict"),
        Column::text("source"),
    ];
    let body = format!("<p>{}</p>\n{}", escaped(&summary(study)), table(&columns, &rows, false));
    Some(Section { anchor: "expectations", title: "Published values".to_owned(), body })
}

fn summary(study: &Study) -> String {
    let count =
        |verdict| study.expectations.iter().filter(|expectation| expectation.verdict == verdict).count();
    let mut text = format!(
        "{} of {} within tolerance",
        count(Verdict::Pass),
        counted(study.expectations.len(), "published value")
    );
    for (verdict, words) in [(Verdict::Fail, "outside of it"), (Verdict::NotRun, "not run")] {
        if count(verdict) > 0 {
            text += &format!(", {} {words}", count(verdict));
        }
    }
    text + ". Ours is the mean over seeds."
}

fn row(expectation: &Expectation, decimals: usize) -> String {
    let (class, verdict) = match expectation.verdict {
        Verdict::Pass => ("pass", "PASS"),
        Verdict::Fail => ("fail", "FAIL"),
        Verdict::NotRun => ("quiet", "NOT RUN"),
    };
    let ours =
        expectation.ours.map_or_else(|| number::ABSENT.to_owned(), |ours| number::fixed(ours, decimals));
    format!(
        "<tr><td class=\"name\">{}</td><td class=\"number\">{}</td><td class=\"number\">± {}</td><td class=\"number\">{ours}</td>\
         <td class=\"{class}\">{verdict}</td><td class=\"name\">{}</td></tr>\n",
        escaped(&expectation.of),
        number::fixed(expectation.published, decimals),
        number::fixed(expectation.tolerance, decimals),
        escaped(&expectation.source)
    )
}
