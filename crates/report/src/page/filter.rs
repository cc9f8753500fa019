//! A choice of the group whose configurations tables and parallel coordinates show. Browsers without scripts do not show it.

use std::collections::BTreeSet;

use super::text::escaped;
use crate::study::Study;

/// Returns the choice, or nothing if there is a single group.
pub fn filter(study: &Study) -> String {
    let groups: BTreeSet<&str> = study.rows.iter().map(|row| row.group.as_str()).collect();
    if groups.len() < 2 {
        return String::new();
    }
    let options = groups.iter().map(|group| {
        let group = escaped(group);
        format!("<option value=\"{group}\">{group}</option>")
    });
    let word = study.group_word();
    format!(
        "<p class=\"filter\"><label>Show <select autocomplete=\"off\"><option value=\"\">all {word}s</option>{}</select></label></p>\n",
        options.collect::<String>()
    )
}
