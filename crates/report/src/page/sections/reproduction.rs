//! The command, the pipeline file, builds, machines, and the keys of all results.

use crate::{
    number,
    page::{
        best::Names,
        table,
        text::{counted, escaped},
    },
    study::{Row, Study},
};

pub fn body(study: &Study) -> Option<String> {
    let provenance = &study.provenance;
    let seeds: Vec<String> = provenance.seeds.iter().map(u64::to_string).collect();
    let mut body = String::new();
    if !provenance.command.is_empty() {
        body += &format!("<pre class=\"command\"><code>{}</code></pre>\n", escaped(&provenance.command));
    }
    let items: String = [
        item("Builds", &provenance.builds),
        item("Machines", &provenance.machines),
        item("Seeds", &[seeds.join(", ")]),
    ]
    .concat();
    if !items.is_empty() {
        body += &format!("<dl>\n{items}</dl>\n");
    }
    let file = provenance.text.trim_end();
    if !file.is_empty() {
        body += &format!("<h3>Pipeline file</h3>\n<pre><code>{}</code></pre>\n", escaped(file));
    }
    body += &keys(study);
    (!body.is_empty()).then_some(body)
}

fn item(name: &str, values: &[String]) -> String {
    let values: Vec<_> =
        values.iter().filter(|value| !value.is_empty()).map(|value| escaped(value)).collect();
    if values.is_empty() {
        return String::new();
    }
    format!("<dt>{name}</dt><dd>{}</dd>\n", values.join("<br/>"))
}

fn keys(study: &Study) -> String {
    let count = study.rows.iter().flat_map(|row| &row.trials).filter(|trial| !trial.key.is_empty()).count();
    if count == 0 {
        return String::new();
    }
    let names = Names::of(&study.rows);
    let rows: Vec<String> = study.rows.iter().map(|row| keys_of(&names, row)).collect();
    let head = "<th scope=\"col\">configuration</th><th scope=\"col\">seed: key</th>";
    let table = table::part("keys", head, &rows);
    format!("<details><summary>Keys of {}</summary>\n{table}</details>\n", counted(count, "trial"))
}

fn keys_of(names: &Names<'_>, row: &Row) -> String {
    let keys = row.trials.iter().filter(|trial| !trial.key.is_empty());
    let keys: Vec<String> = keys.map(|trial| format!("{}: {}", trial.seed, escaped(&trial.key))).collect();
    let keys = if keys.is_empty() { number::ABSENT.to_owned() } else { keys.join("<br/>") };
    format!("<tr><td class=\"name\">{}</td><td><code>{keys}</code></td></tr>\n", escaped(&names.of_row(row)))
}
