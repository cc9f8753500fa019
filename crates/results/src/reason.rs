//! Why would a trial run? The fields in which it differs from the nearest finished trial, down to those of its dataset.

use data::DatasetSettings;
use serde::Serialize;
use settings::FIRST_REVISION;
use spec::Dataset;
use store::{FieldDifference, Key, Store, StoreError, difference};

use crate::{
    description,
    trial::{DATASET, PlannedTrial},
};

/// The field of a trial's key that holds the revisions of its learning rule and its trackers.
const REVISIONS: &str = "settings.revisions";
/// The field of a trial's key that holds the key of its dataset.
const DATASET_INPUT: &str = "inputs.dataset";
/// The field of a dataset's key that holds the fingerprint of its image files.
const IMAGES_INPUT: &str = "inputs.source";

/// Returns the finished trial that is nearest to `planned`, a trial of a stage with this dataset, and the fields that differ. A
/// dataset that changed is replaced by its own fields that changed, if the store still has the other dataset.
pub fn nearest(
    store: &Store,
    planned: &PlannedTrial,
    dataset: &Dataset,
) -> Result<Option<(Key, Vec<FieldDifference>)>, StoreError> {
    let Some((key, differences)) = store.nearest(&planned.key_text)? else { return Ok(None) };
    let new = planned.dataset_text.as_str();
    let expand = |field: FieldDifference| {
        let field = with_first_revision(field);
        let old = field.old.as_deref().filter(|_| field.path == DATASET_INPUT);
        let old = old.and_then(|old| store.key_text(DATASET, &Key::parse(old.trim_matches('"'))?));
        let Some(old) = old else { return vec![field] };
        let fields = of_dataset(&old, new, &dataset.settings);
        if fields.is_empty() { vec![field] } else { fields }
    };
    Ok(Some((key, differences.into_iter().flat_map(expand).collect())))
}

/// Names the revision of a rule or a tracker; the first one is left out of keys.
fn with_first_revision(field: FieldDifference) -> FieldDifference {
    let Some(name) = field.path.strip_prefix(REVISIONS).map(|name| name.trim_start_matches('.')) else {
        return field;
    };
    let path = if name.is_empty() { "revisions".to_owned() } else { format!("revision of {name}") };
    let first = || (!name.is_empty()).then(|| FIRST_REVISION.to_string());
    FieldDifference { path, old: field.old.or_else(first), new: field.new.or_else(first) }
}

/// Returns the fields in which two key texts of datasets differ, the second of which is of `settings`. Defaults are written out.
fn of_dataset(old: &str, new: &str, settings: &DatasetSettings) -> Vec<FieldDifference> {
    // The revision is a field of the trial, too.
    let mut fields = difference(old, new);
    fields.retain(|field| field.path != "revision");
    if fields.iter().any(|field| field.path.starts_with("settings.source")) {
        // Other sources have other images; the same source with other settings is drawn or scaled otherwise.
        fields.retain(|field| field.path != IMAGES_INPUT);
    }
    for field in &mut fields {
        if field.path == IMAGES_INPUT {
            field.path = "content of the image files".to_owned();
        }
        let default = default_of(&field.path, settings);
        field.old = field.old.take().or_else(|| default.clone());
        field.new = field.new.take().or(default);
    }
    fields
}

/// Returns the default of a field of a dataset, as a key text spells it.
fn default_of(path: &str, settings: &DatasetSettings) -> Option<String> {
    let defaults = DatasetSettings::of(settings.source.clone());
    match path.strip_prefix("settings.")? {
        "scaling" => Some(ron(&defaults.scaling)),
        "fraction" => Some(ron(&defaults.fraction)),
        "holdout" => Some(ron(&defaults.holdout)),
        "split_seed" => Some(ron(&defaults.split_seed)),
        "augmentations" => Some(ron(&defaults.augmentations)),
        _ => None,
    }
}

fn ron(value: &impl Serialize) -> String {
    description::in_file_spelling(&ron::to_string(value).expect("settings are RON"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use data::{Glyphs, Source};
    use store::KeyText;

    use super::*;

    fn text(settings: &DatasetSettings, fingerprint: &str) -> String {
        KeyText::new(DATASET, 1, settings, &[("source", &fingerprint)]).as_str().to_owned()
    }

    #[test]
    fn a_revision_is_named_by_its_rule_or_tracker() {
        #[derive(Serialize)]
        struct Settings {
            #[serde(skip_serializing_if = "BTreeMap::is_empty")]
            revisions: BTreeMap<&'static str, u32>,
            seed: u32,
        }
        let text = |revisions: &[(&'static str, u32)]| {
            let settings = Settings { revisions: revisions.iter().copied().collect(), seed: 1 };
            KeyText::new("trial", 1, &settings, &[]).as_str().to_owned()
        };
        let report = |old: &[(&'static str, u32)], new: &[(&'static str, u32)]| {
            let fields = difference(&text(old), &text(new)).into_iter().map(with_first_revision);
            let words = fields.map(|field| format!("{} {:?} -> {:?}", field.path, field.old, field.new));
            words.collect::<Vec<_>>().join(", ")
        };
        insta::assert_snapshot!(report(&[("dfa", 2)], &[("dfa", 3)]), @r#"revision of dfa Some("2") -> Some("3")"#);
        insta::assert_snapshot!(report(&[], &[("dfa", 2)]), @r#"revisions None -> Some("{\"dfa\": 2}")"#);
    }

    #[test]
    fn the_fields_of_a_dataset_are_named_with_their_defaults() {
        let old = DatasetSettings::of(Source::Mnist);
        let report = |new: &DatasetSettings, fingerprint: &str| {
            let fields = of_dataset(&text(&old, "aa"), &text(new, fingerprint), new);
            let words = fields.into_iter().map(|field| {
                let [old, new] = [field.old, field.new].map(|value| value.unwrap_or("default".to_owned()));
                format!("{} {old} -> {new}", field.path)
            });
            words.collect::<Vec<_>>().join(", ")
        };
        let new = DatasetSettings { fraction: 0.5, ..old.clone() };
        assert_eq!(report(&new, "aa"), "settings.fraction 1.0 -> 0.5");
        assert_eq!(
            report(&DatasetSettings { holdout: 0.1, split_seed: 3, ..old.clone() }, "aa"),
            "settings.holdout 0.0 -> 0.1, settings.split_seed 0 -> 3"
        );
        assert_eq!(report(&old, "bb"), "content of the image files \"aa\" -> \"bb\"");
        let glyphs = DatasetSettings::of(Source::Glyphs(Glyphs::default()));
        assert_eq!(report(&glyphs, "bb"), "settings.source Mnist -> Glyphs(())");
    }
}
