//! The golden vectors on the device.

use engine::{Precision, TOLERANCE, Vectors, replay};

use crate::{
    BenchError, Effort, Group, Measured, Setting,
    case::name,
    claims::{Bound, Claim, Found},
};

pub(crate) fn measure(
    setting: &Setting,
    effort: &Effort,
    progress: &dyn Fn(&str),
) -> Result<Measured, BenchError> {
    let precision = Precision::Full;
    let title = format!("golden vectors, {} on {}", name(precision), setting.device);
    if !effort.includes(&title) {
        return Ok(Measured::default());
    }
    progress(&title);
    let compared = replay(setting.device, &Vectors::read(&setting.vectors, &setting.vectors)?)?;
    let worst = compared.iter().max_by(|one, other| one.deviation.total_cmp(&other.deviation));
    let worst = worst.expect("vectors without a case are not read");
    let count = compared.len();
    let off: Vec<_> = compared.iter().filter(|comparison| comparison.deviation > TOLERANCE).collect();
    let mut group = Group::new(title, None, Vec::new(), Vec::new());
    group.notes.push(format!(
        "{count} tensors were compared, {} of them are further away than {TOLERANCE:.0e} of their largest entry. The furthest is {}: {:e} \
         instead of {:e}, {:.1e} away.",
        off.len(),
        worst.what,
        worst.got,
        worst.wanted,
        worst.deviation
    ));
    group
        .notes
        .extend(off.iter().map(|comparison| format!("{}: {:.1e}", comparison.what, comparison.deviation)));
    let from = format!("{}, of {count} tensors", worst.what);
    let claim = Claim {
        work: "golden vectors".into(),
        precision: name(precision).into(),
        bound: Bound::DeviationAtMost(TOLERANCE),
        found: Some(Found { value: worst.deviation, from }),
    };
    Ok(Measured { groups: vec![group], claims: vec![claim] })
}
