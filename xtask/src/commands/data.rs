//! `data`: the list of sources and what is present.

use std::process::ExitCode;

use crate::{Places, terminal::say};

pub fn list(places: &Places) -> anyhow::Result<ExitCode> {
    for source in data::sources() {
        let presence = source.presence(&places.data);
        let state = match (presence.files.is_empty(), presence.complete) {
            (true, _) => "built in",
            (false, true) => "present",
            (false, false) => "missing",
        };
        say(&format!("{state:<9} {}", source.describe()));
        for (path, _) in presence.files.iter().filter(|(_, is_there)| !is_there) {
            say(&format!("          no {}", path.display()));
        }
    }
    say(&format!("\ndata directory: {} (--data DIR or BPFREE_DATA)", places.data.display()));
    Ok(ExitCode::SUCCESS)
}
