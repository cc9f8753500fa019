//! Writes pages of made-up studies into a folder, to look at them: `cargo run -p report --example write_page -- FOLDER`.

mod made_up;

use std::{fs, io, io::Write, path::PathBuf, time::Instant};

use made_up::Extent;
use report::{Study, page};

fn main() -> io::Result<()> {
    let folder: PathBuf =
        std::env::args_os().nth(1).ok_or_else(|| io::Error::other("no folder was named"))?.into();
    fs::create_dir_all(&folder)?;
    for (name, study) in studies() {
        let start = Instant::now();
        let text = page(&study);
        let seconds = start.elapsed().as_secs_f64();
        writeln!(io::stdout(), "{name}: {seconds:.3} s, {:.2} MB", text.len() as f64 / 1e6)?;
        fs::write(folder.join(format!("{name}.html")), text)?;
    }
    Ok(())
}

fn studies() -> Vec<(&'static str, Study)> {
    vec![
        ("typical", made_up::study(&made_up::typical())),
        ("many", made_up::study(&many())),
        ("crowded", made_up::study(&crowded())),
        ("one", made_up::study(&one())),
        ("empty", empty()),
    ]
}

/// 2,000 trials.
fn many() -> Extent {
    let rates = (0..25).map(|index| 1e-5 * 10_f64.powf(f64::from(index) / 6.0)).collect();
    let networks = (1..=8).map(|width| format!("2x{}", 64 * width)).collect();
    Extent { rates, networks, seeds: 2, epochs: 100, layers: 1, ..made_up::typical() }
}

/// Twelve algorithms with long names, twelve layers.
fn crowded() -> Extent {
    let known = made_up::typical().algorithms;
    let other =
        (0..7).map(|index| format!("a-rule-with-a-name-that-is-as-long-as-names-of-rules-get & <{index}>"));
    let networks = vec!["500-1000-500-500-1000-500-500-1000-500-500-1000-500".to_owned(), "2x128".to_owned()];
    Extent {
        algorithms: known.into_iter().chain(other).collect(),
        networks,
        layers: 12,
        ..made_up::typical()
    }
}

/// One configuration, one seed, one epoch.
fn one() -> Extent {
    Extent {
        algorithms: vec!["dfa".to_owned()],
        networks: vec!["2x128".to_owned()],
        rates: vec![1e-3],
        seeds: 1,
        epochs: 1,
        layers: 0,
    }
}

/// Nothing was trained yet.
fn empty() -> Study {
    let mut study = made_up::study(&one());
    for row in &mut study.rows {
        (row.value, row.ranked_by, row.test, row.rank, row.missing) = (None, None, None, None, 1);
        row.best_of = None;
        for trial in &mut row.trials {
            (trial.end, trial.value, trial.seconds) = (report::End::Missing, None, None);
            trial.series.clear();
        }
    }
    (study.expectations, study.pictures, study.notes) = (Vec::new(), Vec::new(), Vec::new());
    study
}
