//! What is reported, over the two axes that matter most.

use crate::{
    page::{
        effect::{on_axis, two_that_matter},
        number,
        reported::complete_mean,
        scale::Scale,
        text::escaped,
        words,
    },
    study::{AxisValue, Row, Study},
};

use super::Section;

/// The lowest mean in each cell; none where no configuration was there.
#[derive(Debug, PartialEq)]
struct Map<'a> {
    rows: Vec<&'a AxisValue>,
    columns: Vec<&'a AxisValue>,
    cells: Vec<Vec<Option<f64>>>,
}

/// A table with shaded cells: it keeps its letters on a narrow screen, where a drawing would shrink them.
pub fn section(study: &Study) -> Option<Section> {
    let [first, second] = two_that_matter(&study.rows)?;
    let map = map(study, [first.0, second.0])?;
    let percent = |share: f64| number::fixed(share * 100.0, 0);
    let caption = format!(
        "Best {} over all other axes: each cell is the lowest mean of the configurations there whose seeds all gave a value; \
         a stronger shade is higher, the lowest is framed. These axes explain most of the variance of the means, each by itself: \
         {} {} %, {} {} %.",
        words::quantity(&study.reported),
        words::spaced(first.0),
        percent(first.1),
        words::spaced(second.0),
        percent(second.1),
    );
    let body = format!(
        "<figure>\n<figcaption><strong>{} over {} and {}.</strong> {}</figcaption>\n{}</figure>\n",
        escaped(&words::capitalized(&words::metric(&study.reported.metric))),
        escaped(&words::spaced(first.0)),
        escaped(&words::spaced(second.0)),
        escaped(&caption),
        draw(&map, [first.0, second.0], study)
    );
    Some(Section { anchor: "axes", title: "The axes that matter".to_owned(), body })
}

/// Absent where more than half of it would be empty: then one axis stands for the other.
fn map<'a>(study: &'a Study, axes: [&str; 2]) -> Option<Map<'a>> {
    let complete = || study.rows.iter().filter(|row| complete_mean(row).is_some());
    let [rows, columns] = axes.map(|axis| levels(complete().filter_map(|row| on_axis(row, axis))));
    let lowest = |row: &&AxisValue, column: &&AxisValue| {
        let here =
            |other: &&Row| on_axis(other, axes[0]) == Some(row) && on_axis(other, axes[1]) == Some(column);
        complete().filter(here).filter_map(complete_mean).min_by(f64::total_cmp)
    };
    let cells: Vec<Vec<Option<f64>>> =
        rows.iter().map(|row| columns.iter().map(|column| lowest(row, column)).collect()).collect();
    let filled = cells.iter().flatten().flatten().count();
    (filled >= 4 && filled * 2 >= rows.len() * columns.len()).then_some(Map { rows, columns, cells })
}

/// Returns each value once: numbers by size, texts by the numbers in them and then by letters.
fn levels<'a>(values: impl Iterator<Item = &'a AxisValue>) -> Vec<&'a AxisValue> {
    let mut levels: Vec<&AxisValue> = Vec::new();
    for value in values {
        if !levels.contains(&value) {
            levels.push(value);
        }
    }
    levels.sort_by(|first, second| match (first, second) {
        (AxisValue::Number(first), AxisValue::Number(second)) => first.total_cmp(second),
        (AxisValue::Text(first), AxisValue::Text(second)) => {
            numbers(first).cmp(&numbers(second)).then_with(|| first.cmp(second))
        }
        (AxisValue::Number(_), AxisValue::Text(_)) => std::cmp::Ordering::Less,
        (AxisValue::Text(_), AxisValue::Number(_)) => std::cmp::Ordering::Greater,
    });
    levels
}

/// The numbers in a text: `2x128` stands before `10x50`.
fn numbers(text: &str) -> Vec<u64> {
    text.split(|character: char| !character.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .collect()
}

fn draw(map: &Map<'_>, axes: [&str; 2], study: &Study) -> String {
    let values: Vec<f64> = map.cells.iter().flatten().copied().flatten().collect();
    let lowest = values.iter().copied().reduce(f64::min);
    let scale = Scale::around(&values, &[]);
    let cell = |value: &Option<f64>| match (value, scale) {
        (Some(value), Some(scale)) => {
            let best = if Some(*value) == lowest { " class=\"best\"" } else { "" };
            let share = scale.position(*value) * 100.0;
            let text = number::fixed(*value, study.reported.decimals());
            format!("<td{best} style=\"--share:{share:.0}%\">{text}</td>")
        }
        _ => format!("<td class=\"empty\">{}</td>", number::ABSENT),
    };
    let heads = map
        .columns
        .iter()
        .map(|column| format!("<th scope=\"col\">{}</th>", escaped(&words::axis_value(column))));
    let rows = map.rows.iter().zip(&map.cells).map(|(row, cells)| {
        let name = words::axis_value(row);
        format!(
            "<tr><th scope=\"row\">{}</th>{}</tr>\n",
            escaped(&name),
            cells.iter().map(cell).collect::<String>()
        )
    });
    format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"heat map\"><table class=\"narrow heat\">\n<thead><tr><th scope=\"col\" class=\"axis-name\">{} ↓ {} →</th>{}</tr></thead>\n<tbody>\n{}</tbody>\n</table></div>\n",
        escaped(&words::spaced(axes[0])),
        escaped(&words::spaced(axes[1])),
        heads.collect::<String>(),
        rows.collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn networks_sort_by_their_numbers() {
        assert_eq!(numbers("2x128"), [2, 128]);
        assert!(numbers("2x128") < numbers("10x50"));
        assert!(numbers("tanh").is_empty());
    }
}
