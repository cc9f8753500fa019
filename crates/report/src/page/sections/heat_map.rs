//! The reported quantity over the two axes that explain the largest shares of its variance.

use crate::{
    effect::{drawn, levels, two_largest},
    number,
    page::{
        scale::Scale,
        text::{escaped, listed},
    },
    study::{AxisValue, Row, Study},
    words,
};

/// The lowest mean in each cell; none where there is no configuration.
struct Map<'a> {
    rows: Vec<&'a AxisValue>,
    columns: Vec<&'a AxisValue>,
    cells: Vec<Vec<Option<f64>>>,
}

/// Returns a table with shaded cells, because a drawing would shrink its letters on a narrow screen.
pub fn body(study: &Study) -> Option<String> {
    let [(first, first_share), (second, second_share)] = two_largest(&study.rows)?;
    let map = map(study, [first, second])?;
    let [first, second] = [first, second].map(words::spaced);
    let [first_share, second_share] =
        [first_share, second_share].map(|share| number::fixed(share * 100.0, 0));
    let drawn: Vec<String> = drawn(&study.rows).into_iter().map(words::spaced).collect();
    let others = if drawn.is_empty() {
        String::new()
    } else {
        format!(" but {}, most of whose values are there once,", listed(&drawn))
    };
    let is_grid = drawn.is_empty() && map.cells.iter().flatten().all(Option::is_some);
    let shares = if is_grid {
        format!("each by itself: {first} {first_share} %, {second} {second_share} %.")
    } else {
        "but other axes differ along with them.".to_owned()
    };
    let caption = format!(
        "Each cell is the lowest mean {} over all other axes, of the configurations whose seeds all gave a value. A stronger shade is a \
         higher value, the lowest one is framed. Of all axes{others} these explain the largest shares of the variance of the means, {shares}",
        words::quantity(&study.reported),
    );
    Some(format!(
        "<figure>\n<figcaption><strong>{} over {} and {}.</strong> {}</figcaption>\n{}</figure>\n",
        escaped(&words::capitalized(&words::metric(&study.reported.metric))),
        escaped(&first),
        escaped(&second),
        escaped(&caption),
        draw(&map, [&first, &second], study.reported.decimals())
    ))
}

/// Returns none if more than half of the cells would be empty, because then one axis follows from the other.
fn map<'a>(study: &'a Study, axes: [&str; 2]) -> Option<Map<'a>> {
    let complete: Vec<(&Row, f64)> =
        study.rows.iter().filter_map(|row| Some((row, row.complete_mean()?))).collect();
    let [rows, columns] =
        axes.map(|axis| levels(complete.iter().filter_map(|(row, _)| row.configuration.axis(axis))));
    if rows.len() * columns.len() > 2 * complete.len() {
        return None;
    }
    let mut cells: Vec<Vec<Option<f64>>> = vec![vec![None; columns.len()]; rows.len()];
    for (row, mean) in complete {
        let place = |axis: &str, levels: &[&AxisValue]| {
            let own = row.configuration.axis(axis)?;
            levels.iter().position(|level| *level == own)
        };
        let (Some(first), Some(second)) = (place(axes[0], &rows), place(axes[1], &columns)) else { continue };
        let cell = &mut cells[first][second];
        *cell = Some(cell.map_or(mean, |lowest| lowest.min(mean)));
    }
    let filled = cells.iter().flatten().flatten().count();
    (filled >= 4 && filled * 2 >= rows.len() * columns.len()).then_some(Map { rows, columns, cells })
}

fn draw(map: &Map<'_>, axes: [&str; 2], decimals: usize) -> String {
    let values: Vec<f64> = map.cells.iter().flatten().copied().flatten().collect();
    let lowest = values.iter().copied().reduce(f64::min);
    let scale = Scale::around(&values, &[]);
    let rows = map.rows.iter().zip(&map.cells).map(|(row, cells)| {
        let cells: String = cells
            .iter()
            .map(|value| match value.zip(scale) {
                Some((value, scale)) => {
                    let best = if Some(value) == lowest { " class=\"best\"" } else { "" };
                    let share = scale.position(value) * 100.0;
                    format!("<td{best} style=\"--share:{share:.0}%\">{}</td>", number::fixed(value, decimals))
                }
                None => format!("<td class=\"empty\">{}</td>", number::ABSENT),
            })
            .collect();
        format!("<tr>{}{cells}</tr>\n", head("row", row))
    });
    format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"heat map\"><table class=\"narrow heat\">\n\
         <thead><tr><th scope=\"col\" class=\"axis-name\">{} ↓ {} →</th>{}</tr></thead>\n\
         <tbody>\n{}</tbody>\n</table></div>\n",
        escaped(axes[0]),
        escaped(axes[1]),
        map.columns.iter().map(|column| head("col", column)).collect::<String>(),
        rows.collect::<String>()
    )
}

fn head(scope: &str, value: &AxisValue) -> String {
    format!("<th scope=\"{scope}\">{}</th>", escaped(&words::axis_value(value)))
}
