//! Requests for a file or for the rest of a file.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use ureq::Agent;
use ureq::http::StatusCode;
use ureq::http::header::{CONTENT_RANGE, RANGE};

pub(crate) struct Answer {
    /// The position of the first byte: the requested one, or 0 from a server that does not support ranges.
    pub(crate) starts_at: u64,
    pub(crate) body: Box<dyn Read + Send>,
}

/// The reason why there is no answer.
pub(crate) enum Refusal {
    /// The server has no bytes from that position on or sent other ones. The file must be requested from its start.
    NoSuchPart,
    Other(String),
}

/// The time within which a server must begin to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// The time after which a body is cut; the next request resumes it.
const BODY_TIMEOUT: Duration = Duration::from_secs(600);

/// Requests the bytes of `address` from `start` on.
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

/// Returns 100 for `bytes 100-199/200`.
fn range_start(range: &str) -> Option<u64> {
    range.strip_prefix("bytes ")?.split_once('-')?.0.parse().ok()
}
