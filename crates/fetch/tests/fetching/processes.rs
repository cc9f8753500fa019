//! Two processes at once, and one that is killed. This program starts itself again as a process that only fetches.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread;

use fetch::{Fetched, Packing};

use crate::samples::{FOLDER, NAME, Place, archive};
use crate::server::{Fault, Server};

/// Environment variables with the address and the data directory of a process that only fetches.
const ADDRESS: &str = "FETCH_TEST_ADDRESS";
const DATA_DIR: &str = "FETCH_TEST_DATA_DIR";

/// Is not a test itself: the other processes run it.
#[test]
fn only_fetches() {
    let (Ok(address), Ok(data_dir)) = (std::env::var(ADDRESS), std::env::var(DATA_DIR)) else { return };
    let place = Place::of(&archive(), Packing::TarGz);
    place
        .fetch_into(data_dir.as_ref(), &[&address], fetch::Network::Official)
        .expect("the test that started this process reads the exit code");
}

fn start(place: &Place, server: &Server) -> Child {
    Command::new(std::env::current_exe().expect("this program has a file"))
        .args(["--exact", "processes::only_fetches"])
        .env(ADDRESS, &server.address)
        .env(DATA_DIR, place.data_dir.path())
        .stdout(Stdio::null())
        .spawn()
        .expect("the program starts again")
}

#[test]
fn two_processes_that_fetch_the_same_source_at_once_download_it_once() {
    let server = Server::start(&[(NAME, archive())], Fault::SlowStart);
    let place = Place::of(&archive(), Packing::TarGz);
    let processes = [start(&place, &server), start(&place, &server)];
    for mut process in processes {
        assert!(process.wait().expect("it ends").success());
    }
    assert_eq!(server.requests(), [NAME]);
    place.check_complete();
}

#[test]
fn a_killed_process_leaves_no_files_and_the_next_one_resumes_the_download() {
    let half = archive().len() / 2;
    let stalling = Server::start(&[(NAME, archive())], Fault::StallAfter(half));
    let place = Place::of(&archive(), Packing::TarGz);
    let mut process = start(&place, &stalling);
    let part = place.path(".downloads").join(FOLDER).join(format!("{NAME}.part"));
    while fs::metadata(&part).map_or(0, |part| part.len()) < half as u64 {
        assert!(process.try_wait().expect("it can be asked").is_none(), "it waits for the other half");
        thread::yield_now();
    }
    process.kill().expect("it runs");
    process.wait().expect("it was killed");
    place.check_absent();
    let server = Server::start(&[(NAME, archive())], Fault::None);
    assert_eq!(place.fetch(&[&server.address]).expect("it is served"), Fetched::Downloaded);
    assert_eq!(server.requests(), [format!("{NAME} from {half}")]);
    place.check_complete();
}

#[test]
fn a_download_is_not_written_through_a_link() {
    let server = Server::start(&[(NAME, archive())], Fault::None);
    for name in [format!("{NAME}.part"), "lock".to_owned()] {
        let place = Place::of(&archive(), Packing::TarGz);
        let downloads = place.path(".downloads").join(FOLDER);
        fs::create_dir_all(&downloads).expect("the folder can be written");
        let precious = place.path("precious");
        fs::write(&precious, "precious").expect("the folder can be written");
        std::os::unix::fs::symlink(&precious, downloads.join(&name)).expect("the folder can be written");
        let error = place.fetch(&[&server.address]).expect_err("it is a link");
        assert_eq!(error.to_string(), format!("cannot write {}", downloads.join(&name).display()));
        assert_eq!(fs::read_to_string(&precious).expect("it is there"), "precious");
    }
}
