//! How fast is a dataset ready, what does it hold, and how does decoding scale with threads?
//!
//! ```text
//! cargo run --release -p data --example measure -- DATA_DIRECTORY [PICTURES]
//! ```
//!
//! CIFAR-10 is read from the data directory; pictures are made: as many as Caltech-256 has, unless told otherwise.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::Path;
use std::thread::available_parallelism;
use std::time::Instant;

use data::{Dataset, DatasetSettings, ImageFolder, Loading, Source};
use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage};

const USUAL_PICTURES: usize = 30_607;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let data_dir = Path::new(arguments.first().ok_or("expected: measure DATA_DIRECTORY [PICTURES]")?);
    let pictures = arguments.get(1).map_or(Ok(USUAL_PICTURES), |count| count.parse())?;
    measure_cifar10(data_dir)?;
    measure_decoding(pictures)
}

/// From binary files to a first batch, and what the process holds then.
fn measure_cifar10(data_dir: &Path) -> Result<(), Box<dyn Error>> {
    let before = resident_bytes()?;
    let started = Instant::now();
    let dataset = Dataset::load(&DatasetSettings::of(Source::Cifar10), data_dir)?;
    let (mut images, mut labels) = (vec![0.0; 100 * dataset.shape().pixels()], vec![0; 100]);
    dataset.train().gather(&(0..100).collect::<Vec<_>>(), &mut images, &mut labels);
    let seconds = started.elapsed().as_secs_f64();
    let pixels = dataset.counts().images * dataset.shape().pixels();
    let (held, peak) = (resident_bytes()? - before, peak_bytes()?);
    let share = |bytes: usize| bytes as f64 / pixels as f64;
    writeln!(
        io::stdout(),
        "CIFAR-10: {} images ready in {seconds:.3} s; the process holds {:.3} times their u8 size more than before, and \
         {:.3} times at its peak in all",
        dataset.counts().images,
        share(held),
        share(peak),
    )?;
    Ok(())
}

/// Pictures of Caltech-256's usual size, decoded by one thread, two, and so on, then mapped.
fn measure_decoding(pictures: usize) -> Result<(), Box<dyn Error>> {
    let data_dir = tempfile::tempdir()?;
    let decoded_dir = tempfile::tempdir()?;
    write_pictures(&data_dir.path().join("images"), pictures)?;
    let source = Source::ImageFolder(ImageFolder { size: Some(64), ..ImageFolder::default() });
    let mut threads = 1;
    while threads <= available_parallelism()?.get() {
        let loading = Loading {
            threads: NonZeroUsize::new(threads).ok_or("at least one thread")?,
            ..Loading::from(data_dir.path())
        };
        report(&format!("decoded by {threads} threads"), pictures, || source.load_with(&loading).map(drop))?;
        threads *= 2;
    }
    let loading = Loading::from(data_dir.path()).keeping_decoded_in(decoded_dir.path());
    report("decoded and kept", pictures, || source.load_with(&loading).map(drop))?;
    report("hashed and mapped", pictures, || source.load_with(&loading).map(drop))?;
    report("hashed", pictures, || source.fingerprint(data_dir.path()).map(drop))?;
    Ok(())
}

fn report(
    what: &str,
    pictures: usize,
    work: impl FnOnce() -> Result<(), data::Error>,
) -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    work()?;
    let seconds = started.elapsed().as_secs_f64();
    let rate = pictures as f64 / seconds;
    writeln!(
        io::stdout(),
        "{pictures} pictures of 300x250 pixels {what}: {seconds:.2} s, {rate:.0} per second"
    )?;
    Ok(())
}

/// Ten different pictures, again and again.
fn write_pictures(folder: &Path, pictures: usize) -> Result<(), Box<dyn Error>> {
    let folders = [0, 1].map(|class| folder.join(format!("class {class}")));
    for folder in &folders {
        fs::create_dir_all(folder)?;
    }
    let made = (0..10).map(jpeg).collect::<Result<Vec<_>, _>>()?;
    for number in 0..pictures {
        fs::write(folders[number % 2].join(format!("{number}.jpg")), &made[number % made.len()])?;
    }
    Ok(())
}

fn jpeg(number: u32) -> Result<Vec<u8>, image::ImageError> {
    let picture = RgbImage::from_fn(300, 250, |x, y| {
        let noise = (x * 7919 + y * 104_729 + number * 31) % 61;
        Rgb([(x * 190 / 300 + noise) as u8, (y * 190 / 250 + noise) as u8, ((x + y) / 3 + noise) as u8])
    });
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 85).encode_image(&picture)?;
    Ok(bytes)
}

/// What the process holds now; on Linux.
fn resident_bytes() -> Result<usize, Box<dyn Error>> {
    status_bytes("VmRSS:")
}

/// The most it ever held.
fn peak_bytes() -> Result<usize, Box<dyn Error>> {
    status_bytes("VmHWM:")
}

fn status_bytes(field: &str) -> Result<usize, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)).ok_or("no such field")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<usize>()? * 1024)
}
