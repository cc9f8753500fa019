//! What is promised of the work on a GPU, and what a run found.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// One promise.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claim {
    /// What was done, and against what.
    pub work: String,
    /// How exactly products were computed.
    pub precision: String,
    /// What it has to come to.
    pub bound: Bound,
    /// What it came to; absent where it was not measured.
    pub found: Option<Found>,
}

/// What keeps a promise.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Bound {
    /// So many times as fast.
    TimesAtLeast(f64),
    /// Such a share of what is possible, 0 to 1.
    ShareAtLeast(f64),
    /// A deviation of no more than this.
    DeviationAtMost(f64),
    /// Fewer days than this.
    DaysBelow(f64),
}

/// What was measured for a promise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// In the unit of the bound.
    pub value: f64,
    /// What it was worked out from.
    pub from: String,
}

impl Bound {
    fn is_kept_by(self, value: f64) -> bool {
        match self {
            Self::TimesAtLeast(least) | Self::ShareAtLeast(least) => value >= least,
            Self::DeviationAtMost(most) => value <= most,
            Self::DaysBelow(most) => value < most,
        }
    }

    fn in_words(self) -> String {
        match self {
            Self::TimesAtLeast(least) => format!("at least {least} x"),
            Self::ShareAtLeast(least) => format!("at least {:.0} %", 100.0 * least),
            Self::DeviationAtMost(most) => format!("at most {most:.0e}"),
            Self::DaysBelow(most) => format!("under {most} day{}", if most == 1.0 { "" } else { "s" }),
        }
    }

    /// `value` in its unit.
    fn write(self, value: f64) -> String {
        match self {
            Self::TimesAtLeast(_) => format!("{value:.2} x"),
            Self::ShareAtLeast(_) => format!("{:.1} %", 100.0 * value),
            Self::DeviationAtMost(_) => format!("{value:.1e}"),
            Self::DaysBelow(_) => format!("{value:.2} days"),
        }
    }
}

/// All of them, as a table.
pub(crate) fn table(claims: &[Claim]) -> String {
    let mut text =
        "What is promised of a GPU, and what this device did:\n\n| work | precision | promised | measured | reached | from |\n|---|---|---|---|---|---|\n".to_owned();
    for Claim { work, precision, bound, found } in claims {
        let promised = bound.in_words();
        let _ = match found {
            Some(Found { value, from }) => {
                let reached = if bound.is_kept_by(*value) { "yes" } else { "NO" };
                let measured = bound.write(*value);
                writeln!(text, "| {work} | {precision} | {promised} | {measured} | {reached} | {from} |")
            }
            None => writeln!(text, "| {work} | {precision} | {promised} | not measured | | |"),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_is_kept_broken_or_not_measured() {
        let claim = |work: &str, bound, value: Option<f64>| Claim {
            work: work.into(),
            precision: "f32".into(),
            bound,
            found: value.map(|value| Found { value, from: "a test".into() }),
        };
        let claims = [
            claim("fast", Bound::TimesAtLeast(8.0), Some(8.0)),
            claim("slow", Bound::TimesAtLeast(1.3), Some(1.296)),
            claim("share", Bound::ShareAtLeast(0.6), Some(0.599)),
            claim("exact", Bound::DeviationAtMost(2e-5), Some(f64::INFINITY)),
            claim("soon", Bound::DaysBelow(1.0), Some(0.5)),
            claim("unknown", Bound::DaysBelow(2.0), None),
        ];
        insta::assert_snapshot!(table(&claims), @r"
        What is promised of a GPU, and what this device did:

        | work | precision | promised | measured | reached | from |
        |---|---|---|---|---|---|
        | fast | f32 | at least 8 x | 8.00 x | yes | a test |
        | slow | f32 | at least 1.3 x | 1.30 x | NO | a test |
        | share | f32 | at least 60 % | 59.9 % | NO | a test |
        | exact | f32 | at most 2e-5 | inf | NO | a test |
        | soon | f32 | under 1 day | 0.50 days | yes | a test |
        | unknown | f32 | under 2 days | not measured | | |
        ");
    }
}
