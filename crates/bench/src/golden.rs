//! The golden vectors, replayed on the device.

use std::path::PathBuf;

use golden::{TOLERANCE, Vectors, replay_on};
use settings::Precision;

use crate::{case::name, report::Group, session::Session};

pub fn measure(session: &mut Session, folders: &[PathBuf]) -> anyhow::Result<()> {
    let title = format!("golden vectors, {} on {}", name(Precision::Full), session.device);
    if !session.begins(&title) {
        return Ok(());
    }
    let mut compared = replay_on(session.device, &Vectors::read(folders)?)?;
    compared.sort_by(|one, other| other.deviation.total_cmp(&one.deviation));
    let count = compared.len();
    let worst = compared.first().expect("vectors have at least one case");
    let off = compared.iter().filter(|comparison| comparison.deviation > TOLERANCE);
    let summary = format!(
        "{count} tensors were compared, {} of them deviate by more than {TOLERANCE:.0e} of their largest entry. The largest deviation \
         is {:.1e}, in {}: {:e} instead of {:e}.",
        off.clone().count(),
        worst.deviation,
        worst.what,
        worst.got,
        worst.wanted
    );
    let each = off.map(|comparison| format!("{}: {:.1e}", comparison.what, comparison.deviation));
    let notes = std::iter::once(summary).chain(each).collect();
    session.add(Group { notes, ..Group::new(title, Vec::new()) });
    Ok(())
}
