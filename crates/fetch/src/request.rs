//! One request for a file, or for the rest of it.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use ureq::Agent;
use ureq::http::StatusCode;
use ureq::http::header::{CONTENT_RANGE, RANGE};

/// What a server answers with.
pub(crate) struct Answer {
    /// The position of the first byte: what was asked for, or 0 from a server that knows no ranges.
    pub(crate) starts_at: u64,
    pub(crate) body: Box<dyn Read>,
}

/// Why there is no answer.
pub(crate) enum Refusal {
    /// The server has no bytes from there on, or sent others: the file is to be asked for from its start.
    NoSuchPart,
    /// What happened, in words.
    Other(String),
}

/// A server must begin to answer within this time.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// A body that takes longer is cut, and continued by the next request.
const BODY_TIMEOUT: Duration = Duration::from_secs(600);

/// Asks for the bytes of `address` from `start` on.
pub(crate) fn request(address: &str, start: u64) -> Result<Answer, Refusal> {
    match address.strip_prefix("file://") {
        Some(path) => open(Path::new(path), start),
        None => get(address, start),
    }
}

fn open(path: &Path, start: u64) -> Result<Answer, Refusal> {
    let opened = File::open(path).and_then(|mut file| file.seek(SeekFrom::Start(start)).map(|_| file));
    let file = opened.map_err(|error| Refusal::Other(error.to_string()))?;
    Ok(Answer { starts_at: start, body: Box::new(file) })
}

fn get(address: &str, start: u64) -> Result<Answer, Refusal> {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(ANSWER_TIMEOUT))
        .timeout_recv_response(Some(ANSWER_TIMEOUT))
        .timeout_recv_body(Some(BODY_TIMEOUT));
    let mut request = Agent::new_with_config(config.build()).get(address);
    if start > 0 {
        request = request.header(RANGE, format!("bytes={start}-"));
    }
    let response = request.call().map_err(|error| Refusal::Other(error.to_string()))?;
    let starts_at = match response.status() {
        StatusCode::OK => 0,
        StatusCode::PARTIAL_CONTENT => {
            let range = response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
            range.and_then(range_start).filter(|at| *at == start).ok_or(Refusal::NoSuchPart)?
        }
        StatusCode::RANGE_NOT_SATISFIABLE if start > 0 => return Err(Refusal::NoSuchPart),
        status => return Err(Refusal::Other(format!("the server answered {status}"))),
    };
    Ok(Answer { starts_at, body: Box::new(response.into_body().into_reader()) })
}

/// 100 of `bytes 100-199/200`.
fn range_start(range: &str) -> Option<u64> {
    range.strip_prefix("bytes ")?.split_once('-')?.0.parse().ok()
}
