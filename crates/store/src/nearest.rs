//! Which finished artifact differs least from one that does not exist yet?

use std::fs;

use super::difference::{FieldDifference, difference};
use super::error::Result;
use super::key::{Key, KeyText};
use super::manifest::KEY_FILE;
use super::name::Name;
use super::root::Store;

impl Store {
    /// Returns the finished artifact of the same kind with the fewest differing fields; the lowest key if several have as few.
    ///
    /// The differences explain why a trial would run: without them, that artifact would be used. An artifact whose key text is
    /// damaged is skipped; [`Store::find`] reports the damage.
    pub fn nearest(&self, key_text: &KeyText) -> Result<Option<(Key, Vec<FieldDifference>)>> {
        let own_key = Key::of(key_text);
        let mut nearest: Option<(Key, Vec<FieldDifference>)> = None;
        for Name { key, .. } in self.names()?.into_iter().filter(|name| name.kind == key_text.kind()) {
            let Some(text) = self.key_text(key_text.kind(), &key).filter(|_| key != own_key) else {
                continue;
            };
            let differences = difference(&text, key_text.as_str());
            if nearest.as_ref().is_none_or(|(_, fewest)| differences.len() < fewest.len()) {
                nearest = Some((key, differences));
            }
            if nearest.as_ref().is_some_and(|(_, fewest)| fewest.len() <= 1) {
                break;
            }
        }
        Ok(nearest)
    }

    /// Returns the key text of an artifact, unless that text is damaged.
    pub fn key_text(&self, kind: &str, key: &Key) -> Option<String> {
        let text = fs::read_to_string(self.artifact_path(kind, key).join(KEY_FILE)).ok()?;
        (Key::of_bytes(text.as_bytes()) == *key).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::{Settings, publish, store};

    fn text(learning_rate: f64, patience: Option<u32>) -> KeyText {
        let settings = Settings { learning_rate, patience, ..Settings::example() };
        KeyText::new("trial", 1, &settings, &[])
    }

    #[test]
    fn the_artifact_one_field_away_is_found_with_that_field() {
        let (_folder, store) = store();
        for distant in 10..30 {
            publish(&store, &text(0.1, Some(distant)));
        }
        publish(&store, &text(0.01, None));
        let (key, differences) = store.nearest(&text(0.001, None)).unwrap().expect("there are artifacts");
        assert_eq!(key, Key::of(&text(0.01, None)));
        let [field] = differences.as_slice() else { panic!("{differences:?}") };
        assert_eq!(field.path, "settings.learning_rate");
        assert_eq!((field.old.as_deref(), field.new.as_deref()), (Some("0.01"), Some("0.001")));
    }

    #[test]
    fn of_artifacts_equally_near_the_lowest_key_is_named() {
        let (_folder, store) = store();
        let rates = [0.1, 0.2, 0.3, 0.4];
        for rate in rates {
            publish(&store, &text(rate, Some(1)));
        }
        let lowest = rates.map(|rate| Key::of(&text(rate, Some(1)))).into_iter().min();
        let nearest = store.nearest(&text(0.5, Some(2))).unwrap();
        assert_eq!(nearest.map(|(key, differences)| (key, differences.len())), lowest.map(|key| (key, 2)));
    }

    #[test]
    fn neither_other_kinds_nor_damaged_texts_nor_the_artifact_itself_are_near() {
        let (_folder, store) = store();
        assert_eq!(store.nearest(&text(0.1, None)).unwrap(), None);
        publish(&store, &KeyText::new("dataset", 1, &(), &[]));
        publish(&store, &text(0.1, None));
        let damaged = publish(&store, &text(0.2, None));
        fs::write(damaged.path().join(KEY_FILE), "(").unwrap();
        assert_eq!(store.nearest(&text(0.1, None)).unwrap(), None);
    }
}
