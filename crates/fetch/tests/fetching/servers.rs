//! Servers that fail. The result is every file, or an error and no file that a later run would accept.

use std::fs;
use std::thread;

use fetch::{Fetched, Network, Packing};
use insta::assert_snapshot;

use crate::samples::{FOLDER, NAME, Place, archive, files, sha256};
use crate::server::{Fault, Server};

fn serve(fault: Fault) -> Server {
    Server::start(&[(NAME, archive())], fault)
}

fn place() -> Place {
    Place::of(&archive(), Packing::TarGz)
}

/// Returns a place in which an earlier attempt left `part` of the archive.
fn place_with_part(part: &[u8]) -> Place {
    let place = place();
    let downloads = place.path(".downloads").join(FOLDER);
    fs::create_dir_all(&downloads).expect("the folder can be made");
    fs::write(downloads.join(format!("{NAME}.part")), part).expect("the folder can be written");
    place
}

/// Checks that fetching from a server with this fault succeeds, and returns the requests.
#[track_caller]
fn check_succeeds(fault: Fault) -> Vec<String> {
    let (server, place) = (serve(fault), place());
    assert_eq!(place.fetch(&[&server.address]).expect("it is served"), Fetched::Downloaded);
    place.check_complete();
    server.requests()
}

/// Checks that fetching from a server with this fault fails and leaves no file, and returns the error.
#[track_caller]
fn check_fails(fault: Fault) -> String {
    let (server, place) = (serve(fault), place());
    let error = place.fetch(&[&server.address]).expect_err("it is not served");
    place.check_absent();
    // Another version of the packing library gives other bytes.
    let wrong: Vec<u8> = archive().iter().map(|byte| byte ^ 1).collect();
    place
        .shown(&error, &server.address)
        .replace(&(place.bytes + 1).to_string(), "N + 1")
        .replace(&place.bytes.to_string(), "N")
        .replace(&place.sha256, "<right>")
        .replace(&sha256(&wrong), "<wrong>")
}

#[test]
fn a_server_without_faults_is_asked_once() {
    assert_eq!(check_succeeds(Fault::None), [NAME]);
}

#[test]
fn files_that_are_there_are_not_requested_again() {
    let (server, place) = (serve(Fault::None), place());
    place.fetch(&[&server.address]).expect("it is served");
    assert_eq!(place.fetch(&[&server.address]).expect("it is there"), Fetched::WasThere);
    assert_eq!(place.fetch_with(&[], Network::Offline).expect("it is there"), Fetched::WasThere);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_cut_download_is_resumed() {
    let third = archive().len() / 3 + 1;
    let expected = [NAME.to_owned(), format!("{NAME} from {third}"), format!("{NAME} from {}", 2 * third)];
    assert_eq!(check_succeeds(Fault::CutAfter(third)), expected);
}

#[test]
fn a_later_attempt_resumes_at_another_server() {
    let half = archive().len() / 2;
    let place = place_with_part(&archive()[..half]);
    let (missing, server) = (serve(Fault::NotFound), serve(Fault::None));
    place.fetch(&[&missing.address, &server.address]).expect("the second serves it");
    place.check_complete();
    assert_eq!(server.requests(), [format!("{NAME} from {half}")]);
}

#[test]
fn a_part_of_another_file_is_deleted_and_the_file_requested_from_its_start() {
    let place = place_with_part(&[9; 100]);
    let server = serve(Fault::None);
    place.fetch(&[&server.address]).expect("it is served");
    place.check_complete();
    assert_eq!(server.requests(), [format!("{NAME} from 100"), NAME.to_owned()]);
}

/// Checks the requests to a server that cannot resume, after an earlier attempt left a hundred bytes.
#[track_caller]
fn check_starts_again(fault: Fault, requests: &[String]) {
    let (server, place) = (serve(fault), place_with_part(&archive()[..100]));
    place.fetch(&[&server.address]).expect("it is served");
    place.check_complete();
    assert_eq!(server.requests(), requests);
}

#[test]
fn servers_that_cannot_resume_are_asked_for_the_whole_file() {
    let from_100 = format!("{NAME} from 100");
    check_starts_again(Fault::NoRanges, std::slice::from_ref(&from_100));
    check_starts_again(Fault::WrongRange, &[from_100.clone(), NAME.to_owned()]);
    check_starts_again(Fault::NoSuchRange, &[from_100, NAME.to_owned()]);
}

#[test]
fn redirects_are_followed_slow_answers_awaited_and_lengths_not_needed() {
    assert_eq!(check_succeeds(Fault::Redirect), [NAME.to_owned(), format!("moved/{NAME}")]);
    check_succeeds(Fault::SlowStart);
    check_succeeds(Fault::NoLength);
}

#[test]
fn after_a_missing_file_and_a_wrong_one_the_next_server_is_asked() {
    let [missing, wrong, right] = [Fault::NotFound, Fault::WrongContent, Fault::None].map(serve);
    let place = place();
    place.fetch(&[&missing.address, &wrong.address, &right.address]).expect("the third serves it");
    place.check_complete();
    assert_eq!([missing, wrong, right].map(|server| server.requests().len()), [1, 1, 1]);
}

#[test]
fn other_content_is_refused_before_anything_is_unpacked() {
    assert_snapshot!(check_fails(Fault::WrongContent), @r"
    error: cannot download cifar-10-binary.tar.gz: <server>/cifar-10-binary.tar.gz: expected SHA-256 <right>, found <wrong>
    hint: try again later, which continues where it stopped; or give a mirror, or get the file from <server>
    ");
}

#[test]
fn a_server_without_the_file_is_named() {
    assert_snapshot!(check_fails(Fault::NotFound), @r"
    error: cannot download cifar-10-binary.tar.gz: <server>/cifar-10-binary.tar.gz: the server answered 404 Not Found
    hint: try again later, which continues where it stopped; or give a mirror, or get the file from <server>
    ");
}

#[test]
fn a_file_without_end_is_cut_after_the_size_it_should_have() {
    assert_snapshot!(check_fails(Fault::Endless), @r"
    error: cannot download cifar-10-binary.tar.gz: <server>/cifar-10-binary.tar.gz: expected N bytes, found N + 1
    hint: try again later, which continues where it stopped; or give a mirror, or get the file from <server>
    ");
}

#[test]
fn a_server_that_sends_nothing_is_given_up() {
    assert_snapshot!(check_fails(Fault::CutAfter(0)), @r"
    error: cannot download cifar-10-binary.tar.gz: <server>/cifar-10-binary.tar.gz: Peer disconnected
    hint: try again later, which continues where it stopped; or give a mirror, or get the file from <server>
    ");
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let place = place();
    // No program of a user may listen at this port.
    let error = place.fetch(&["http://127.0.0.1:1"]).expect_err("nothing listens");
    place.check_absent();
    assert!(error.to_string().contains("http://127.0.0.1:1/cifar-10-binary.tar.gz: "), "{error}");
}

#[test]
fn without_the_network_the_missing_files_are_listed() {
    let place = place();
    let error = place.fetch_with(&["http://127.0.0.1:1"], Network::Offline).expect_err("nothing is there");
    let text = place.shown(&error, "").replace(&archive().len().to_string(), "N");
    assert_snapshot!(text, @r"
    error: files are missing and the network is not to be used: cifar-10-binary.tar.gz (N bytes) from https://example.org
    hint: put them into <data>/cifar-10-batches-bin (archives unpacked, .gz files as they are), or allow the network
    ");
    assert!(!place.path(".downloads").exists());
}

#[test]
fn a_mirror_replaces_every_address_by_web_and_by_file() {
    let server = serve(Fault::None);
    let folder = tempfile::tempdir().expect("a folder can be made");
    fs::write(folder.path().join(NAME), archive()).expect("the folder can be written");
    let by_file = format!("file://{}", folder.path().display());
    for mirror in [format!("{}/", server.address), by_file] {
        let place = place();
        place.fetch_with(&["http://127.0.0.1:1"], Network::Mirror(&mirror)).expect("the mirror serves it");
        place.check_complete();
    }
}

/// Locks belong to open files, so two threads exclude each other like two processes.
#[test]
fn two_threads_that_fetch_the_same_source_at_once_download_it_once() {
    let (server, place) = (serve(Fault::SlowStart), place());
    let results = thread::scope(|scope| {
        let fetch = || place.fetch(&[&server.address]).expect("it is served");
        [scope.spawn(fetch), scope.spawn(fetch)].map(|thread| thread.join().expect("it does not panic"))
    });
    assert!(results.contains(&Fetched::Downloaded) && results.contains(&Fetched::WasThere), "{results:?}");
    assert_eq!(server.requests().len(), 1);
    place.check_complete();
}

#[test]
fn a_missing_file_is_downloaded_again_and_the_others_stay() {
    let (server, place) = (serve(Fault::None), place());
    place.fetch(&[&server.address]).expect("it is served");
    fs::remove_file(place.path(&files()[2].0)).expect("the file is there");
    fs::write(place.path(FOLDER).join("notes.txt"), "mine").expect("the folder can be written");
    assert_eq!(place.fetch(&[&server.address]).expect("it is served"), Fetched::Downloaded);
    place.check_complete();
    assert!(place.path(FOLDER).join("notes.txt").is_file());
}
