//! Reads the input as an archive with a right checksum, in each of the packings. Nothing may be written outside of the
//! folder.

#![no_main]

use std::fs;

use fetch::{Archive, Collection, Fetching, Network, Packing, fetch_collection};
use libfuzzer_sys::fuzz_target;
use sha2::{Digest, Sha256};

fuzz_target!(|input: &[u8]| {
    let outer = tempfile::tempdir().expect("a folder can be made");
    let [mirror, data_dir] = ["mirror", "data"].map(|name| outer.path().join(name));
    fs::create_dir(&mirror).expect("a folder can be made");
    fs::create_dir(&data_dir).expect("a folder can be made");
    fs::write(mirror.join("archive"), input).expect("the folder can be written");
    let sha256: String = Sha256::digest(input).iter().map(|byte| format!("{byte:02x}")).collect();
    let mirror = format!("file://{}", mirror.display());
    let unpacked_bytes = 1 << 16;
    for packing in
        [Packing::TarGz { unpacked_bytes }, Packing::Tar { unpacked_bytes }, Packing::Zip { unpacked_bytes }]
    {
        let archive = Archive {
            name: "archive",
            served_from: &[],
            bytes: input.len() as u64,
            sha256: &sha256,
            packing,
        };
        let collection = Collection { folder: "set", homepage: "", archives: &[archive] };
        let network = Network::Mirror(&mirror);
        let fetching = Fetching { data_dir: &data_dir, network, progress: &|_| () };
        drop(fetch_collection(&collection, &|| false, &fetching));
        let outside = fs::read_dir(outer.path()).expect("the folder is there").count();
        assert_eq!(outside, 2, "something was written outside of the data directory");
        drop(fs::remove_dir_all(data_dir.join("set")));
    }
});
