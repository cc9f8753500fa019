//! Published values and the ones of this study.

use crate::{
    page::{
        number,
        table::{Column, table},
        text::{counted, escaped},
    },
    study::{Expectation, Study, Verdict},
};

pub fn body(study: &Study) -> Option<String> {
    if study.expectations.is_empty() {
        return None;
    }
    let decimals = study.reported.decimals();
    let rows: Vec<String> = study.expectations.iter().map(|expectation| row(expectation, decimals)).collect();
    let columns = [
        Column::text("configuration"),
        Column::number("published"),
        Column::number("tolerance"),
        Column::number("ours"),
        Column::text("verdict"),
        Column::text("source"),
    ];
    Some(format!("<p>{}</p>\n{}", escaped(&summary(study)), table(&columns, &rows)))
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
    text + ". Ours is the mean over seeds."
}

fn row(expectation: &Expectation, decimals: usize) -> String {
    let class = match expectation.verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::NotRun => "quiet",
    };
    let ours =
        expectation.ours.map_or_else(|| number::ABSENT.to_owned(), |ours| number::fixed(ours, decimals));
    format!(
        "<tr><td class=\"name\">{}</td><td class=\"number\">{}</td><td class=\"number\">± {}</td><td class=\"number\">{ours}</td>\
         <td class=\"{class}\">{}</td><td class=\"name\">{}</td></tr>\n",
        escaped(&expectation.of),
        number::fixed(expectation.published, decimals),
        number::fixed(expectation.tolerance, decimals),
        expectation.verdict.name(),
        escaped(&expectation.source)
    )
}
