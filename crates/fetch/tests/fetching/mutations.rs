//! Archives with random damage and a right checksum give an error or files within the folder, never a panic. `fuzz/`
//! does the same with cargo-fuzz.

use std::fs;

use fetch::{Network, Packing};
use random::{Rng, Stream};

use crate::samples::{FOLDER, NAME, Place, TAR_GZ, archive, files, tar, zip};

/// Makes up to eight random changes.
fn mutated(whole: &[u8], stream: &mut Stream) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for _ in 0..1 + stream.next_u32() % 8 {
        let at = stream.next_u64() as usize % bytes.len().max(1);
        match (stream.next_u32() % 5, bytes.get_mut(at)) {
            (_, None) => bytes.push(0),
            (0, Some(byte)) => *byte ^= 1 << (stream.next_u32() % 8),
            (1, Some(byte)) => *byte = stream.next_u32() as u8,
            (2, _) => bytes.truncate(at),
            // Names and sizes are at the start, and in a zip file also at the end.
            (3, _) => bytes[at % 512.min(at + 1)] = stream.next_u32() as u8,
            _ => {
                let end = bytes.len() - 1 - at % 512.min(bytes.len());
                bytes[end] = stream.next_u32() as u8;
            }
        }
    }
    bytes
}

#[test]
fn damaged_archives_are_errors_or_stay_within_their_folder() {
    let unpacked_bytes = 4 * 6 * 3 * 3073;
    let packings = [
        (archive(), TAR_GZ),
        (tar(&files()), Packing::Tar { unpacked_bytes }),
        (zip(&files()), Packing::Zip { unpacked_bytes }),
    ];
    for (whole, packing) in packings {
        let mut refused = 0;
        for seed in 0..300 {
            refused +=
                u32::from(check(&mutated(&whole, &mut random::stream(seed, "mutation", &[])), packing));
        }
        assert!(refused > 0, "no mutation of {packing:?} was noticed");
    }
}

/// Returns whether the archive was refused.
#[track_caller]
fn check(archive: &[u8], packing: Packing) -> bool {
    let outer = tempfile::tempdir().expect("a folder can be made");
    let mirror = outer.path().join("mirror");
    fs::create_dir(&mirror).expect("a folder can be made");
    fs::write(mirror.join(NAME), archive).expect("the folder can be written");
    let place = Place::of(archive, packing);
    let data_dir = outer.path().join("data");
    let mirror = format!("file://{}", mirror.display());
    let result = place.fetch_into(&data_dir, &[], Network::Mirror(&mirror));
    assert_eq!(fs::read_dir(outer.path()).expect("the folder is there").count(), 2, "something escaped");
    let names =
        fs::read_dir(&data_dir).expect("it was made").map(|entry| entry.expect("an entry").file_name());
    assert!(names.into_iter().all(|name| name == ".downloads" || name == FOLDER), "something escaped");
    result.is_err()
}
