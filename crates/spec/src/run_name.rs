//! The name of the run directory of a pipeline with other values: `quickstart@epochs=1`.

use crate::overriding::Override;

/// The longest part of the name that shows settings.
const MAX_SETTINGS: usize = 60;

/// Returns the name of the run directory of the pipeline `name` with these values. Other values have another name, so that
/// neither run replaces the reports of the other.
pub(crate) fn run_name(name: &str, overrides: &[Override]) -> String {
    if overrides.is_empty() {
        return name.to_owned();
    }
    let settings: Vec<String> = overrides.iter().map(ToString::to_string).collect();
    let settings = settings.join(",");
    let mut shown = String::new();
    for letter in settings.chars().filter(|letter| !"[]()\"' ".contains(*letter)) {
        shown.push(if letter.is_ascii_alphanumeric() || "=,._+-".contains(letter) { letter } else { '-' });
    }
    if shown == settings && shown.len() <= MAX_SETTINGS {
        return format!("{name}@{shown}");
    }
    // Several settings have this readable form; their hash tells them apart.
    shown.truncate(MAX_SETTINGS);
    format!("{name}@{}-{:06x}", shown.trim_end_matches(['.', ',', '-']), hash(&settings) & 0xff_ffff)
}

/// FNV-1a, which is the same in every build.
fn hash(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(settings: &[&str]) -> String {
        let overrides: Vec<Override> =
            settings.iter().map(|given| given.parse().expect("it names a field and a value")).collect();
        run_name("quickstart", &overrides)
    }

    #[test]
    fn settings_are_readable_in_the_name() {
        assert_eq!(name(&[]), "quickstart");
        assert_eq!(name(&["epochs=1"]), "quickstart@epochs=1");
        assert_eq!(name(&["epochs=1", "images.fraction=0.05"]), "quickstart@epochs=1,images.fraction=0.05");
        assert_eq!(name(&["learning_rate=[1e-3]"]), "quickstart@learning_rate=1e-3-825603");
    }

    #[test]
    fn any_value_gives_a_short_folder_name_and_others_give_another() {
        let long = format!("learning_rate=[{}]", "0.001, ".repeat(500));
        let longer = format!("learning_rate=[{}]", "0.001, ".repeat(501));
        let settings = [
            "hidden=[[5, 5]]",
            "hidden=[[5], [5]]",
            "hidden=[[5,5]]",
            "seeds=3",
            "seeds=[3]",
            "a.b=../../x",
            "x=\u{e4}\n/\0:*?",
            &long,
            &longer,
        ];
        let names: Vec<String> = settings.iter().map(|given| name(&[given])).collect();
        for (index, name) in names.iter().enumerate() {
            assert!(name.len() <= 100 && !name.contains(['/', '\0', '\n', '[', ' ', ':', '*']), "{name}");
            assert!(!names[..index].contains(name), "{name}");
        }
    }
}
