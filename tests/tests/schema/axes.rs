//! The types that `settings` generates from its list of axes, as source text: a reader of sources cannot see them.

use std::{any::type_name, fmt::Write};

use ron::extensions::Extensions;
use settings::{Axes, Axis, AxisValue, AxisVisitor, Definition, visit_axes};

/// Returns the axes of a grid, their names, and a selection of their values, as Rust declares them.
pub fn declarations() -> String {
    let mut list = Declarations::default();
    visit_axes(&mut list, &mut Axes::default());
    let Declarations { axes, drawn, selection } = list;
    let variants: String = Axis::ALL.iter().map(|axis| format!("{}{axis:?},\n", comment(*axis))).collect();
    format!(
        "/// The values along each axis; every combination is trained once per seed. An axis that does not apply to a rule, like
         /// `feedback` to `Backprop`, is dropped there.
         #[derive(Deserialize)]\n#[serde(rename = \"axes\", deny_unknown_fields)]\nstruct GridAxes {{\n{axes}}}
         /// The axes that a search draws from, with the meaning of those of a grid ([`GridAxes`]).
         #[derive(Deserialize)]\n#[serde(deny_unknown_fields)]\nstruct SearchAxes {{\n{drawn}}}
         /// An axis of a grid.
         #[derive(Deserialize)]\nenum Axis {{\n{variants}}}
         /// Configurations by some of their values; any value counts on an axis that is left out.
         #[derive(Deserialize)]\n#[serde(deny_unknown_fields)]\nstruct Selection {{\n{selection}}}\n"
    )
}

#[derive(Default)]
struct Declarations {
    axes: String,
    /// The same axes in a search.
    drawn: String,
    selection: String,
}

impl AxisVisitor for Declarations {
    fn visit<T: AxisValue>(&mut self, axis: Axis, definition: &'static Definition<T>, _: &mut Vec<T>) {
        let mut written = format!("Type: {}.", definition.written);
        let mut attribute = "";
        if let Some(default) = &definition.default {
            let options = ron::Options::default().with_default_extension(Extensions::IMPLICIT_SOME);
            let full = options.to_string(default).expect("plain data");
            let bare = full.split('(').next().unwrap_or_default();
            let is_bare = options.from_str::<T>(&format!("{bare}()")).is_ok_and(|value| value == *default);
            let value = match bare {
                "" if is_bare => "()",
                bare if is_bare => bare,
                _ => &full,
            };
            write!(written, " Default: `[{value}]`.").expect("a String takes everything");
            attribute = "#[serde(default)]\n";
        }
        if let Some(example) = definition.example {
            write!(written, " Example: `{example}`.").expect("a String takes everything");
        }
        let (name, comment) = (axis.name(), comment(axis));
        self.axes += &format!("{comment}///\n/// {written}\n{attribute}{name}: RawValue,\n");
        let written = written.replace("[`Range`]", "[`Distribution`]");
        self.drawn += &format!("{comment}///\n/// {written}\n{attribute}{name}: RawValue,\n");
        let value = short(type_name::<T>());
        let value = if value.starts_with("Option<") { value } else { format!("Option<{value}>") };
        self.selection += &format!("{comment}#[serde(default)]\n{name}: {value},\n");
    }
}

fn comment(axis: Axis) -> String {
    axis.documentation().lines().map(|line| format!("/// {}\n", line.trim())).collect()
}

/// Returns a type without the modules of its names: `Option<Vec<u32>>`.
fn short(name: &str) -> String {
    let mut parts = name.split_inclusive(['<', '>', ',', ' ']);
    let last = |part: &str| part.rsplit("::").next().unwrap_or_default().to_owned();
    parts.by_ref().map(last).collect()
}
