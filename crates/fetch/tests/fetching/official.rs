//! The official files, where this machine has them next to the workspace, served by a mirror.

use std::fs;
use std::path::{Path, PathBuf};

use data::Source;
use fetch::{Authenticity, Error, Fetched, Fetching, Network, fetch};

use crate::server::{Fault, Server};

/// Returns the folder of `source`, or prints that the test is skipped.
#[expect(clippy::print_stderr, reason = "a skipped test says so; nothing else would show it")]
fn real(source: &Source) -> Option<PathBuf> {
    let data_dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let presence = source.presence(&data_dir);
    if !presence.complete {
        eprintln!("skipped: no {} under {}", source.name(), data_dir.display());
        return None;
    }
    presence.folder
}

#[test]
fn mnist_and_fashion_mnist_are_fetched_in_pieces_and_have_the_sizes_and_checksums_in_the_list() {
    for source in [Source::Mnist, Source::FashionMnist] {
        let Some(folder) = real(&source) else { return };
        let collection = fetch::collection(&source).expect("it has official files");
        let files: Vec<_> = collection
            .archives
            .iter()
            .map(|it| (it.name, fs::read(folder.join(it.name)).expect("the file is there")))
            .collect();
        let server = Server::start(&files, Fault::CutAfter(10_000_000));
        let data_dir = tempfile::tempdir().expect("a folder can be made");
        let network = Network::Mirror(&server.address);
        let fetching = Fetching { data_dir: data_dir.path(), network, progress: &|_| () };
        assert_eq!(fetch(&source, &fetching).expect("the mirror serves it"), Fetched::Downloaded);
        let loaded = source.load(data_dir.path()).expect("it is whole");
        assert_eq!(loaded.train.labels.len(), 60_000);
    }
}

#[test]
fn what_is_not_published_is_not_fetched() {
    let data_dir = tempfile::tempdir().expect("a folder can be made");
    let network = Network::Official;
    let fetching = Fetching { data_dir: data_dir.path(), network, progress: &|_| () };
    let glyphs = Source::Glyphs(data::Glyphs::default());
    assert_eq!(fetch(&glyphs, &fetching).expect("it needs nothing"), Fetched::WasThere);
    let own = Source::ImageFolder(data::ImageFolder::default());
    assert!(matches!(fetch(&own, &fetching), Err(Error::NotPublished { .. })));
}

#[test]
fn checksums_tell_an_official_file_from_another_and_from_an_unknown_one() {
    let data_dir = tempfile::tempdir().expect("a folder can be made");
    let folder = data_dir.path().join("mnist");
    fs::create_dir(&folder).expect("a folder can be made");
    let of_names = |source: &Source| {
        let files = fetch::checksums(source, data_dir.path()).expect("they can be read");
        files.into_iter().map(|file| (file.bytes, file.sha256[..8].to_owned(), file.authenticity)).collect()
    };
    for (path, _) in Source::Mnist.presence(data_dir.path()).files {
        fs::write(path, "abc").expect("the folder can be written");
    }
    let mnist: Vec<_> = of_names(&Source::Mnist);
    assert_eq!(mnist, vec![(3, "ba7816bf".to_owned(), Authenticity::Other); 4]);
    fs::write(data_dir.path().join("images.npz"), "").expect("the folder can be written");
    let own: Vec<_> = of_names(&Source::Npz(data::Npz::default()));
    assert_eq!(own, [(0, "e3b0c442".to_owned(), Authenticity::Unknown)]);
    let Some(real) = real(&Source::Mnist) else { return };
    let data_dir = real.parent().expect("it is in the data directory");
    let files = fetch::checksums(&Source::Mnist, data_dir).expect("they can be read");
    assert!(files.iter().all(|file| file.authenticity == Authenticity::Official), "{files:?}");
}
