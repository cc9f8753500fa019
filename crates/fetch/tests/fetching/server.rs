//! A small HTTP server that fails in a chosen way.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// The way in which a server fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    /// Every answer ends after this many bytes of the file, even if its header promises more.
    CutAfter(usize),
    /// The right number of wrong bytes.
    WrongContent,
    /// Sends bytes without end.
    Endless,
    NotFound,
    /// Sends this many bytes of the file, then nothing more, and keeps the connection.
    StallAfter(usize),
    /// Sends the first bytes one by one.
    SlowStart,
    /// Redirects to another name on the same server.
    Redirect,
    /// Closes the connection at the end of the file and sends no length.
    NoLength,
    /// Answers with the whole file even if a part was requested.
    NoRanges,
    /// Answers a request for a part with another part.
    WrongRange,
    /// Answers a request for a part with 416.
    NoSuchRange,
}

pub struct Server {
    pub address: String,
    log: Arc<Mutex<Vec<String>>>,
}

struct Request {
    name: String,
    start: Option<usize>,
}

impl Server {
    /// Serves `files` by name until the tests end.
    pub fn start(files: &[(&str, Vec<u8>)], fault: Fault) -> Self {
        let files: BTreeMap<String, Vec<u8>> =
            files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.clone())).collect();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = format!("http://{}", listener.local_addr().expect("it is bound"));
        let log = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&log);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client may close the connection in the middle of an answer.
                drop(serve(stream, &files, fault, &written));
            }
        });
        Self { address, log }
    }

    /// Returns all requests so far: the name, and the first byte if a part was requested.
    pub fn requests(&self) -> Vec<String> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn serve(
    stream: TcpStream,
    files: &BTreeMap<String, Vec<u8>>,
    fault: Fault,
    log: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let Request { name, start } = read_request(&stream)?;
    let from = start.map(|start| format!(" from {start}")).unwrap_or_default();
    log.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{name}{from}"));
    let mut stream = stream;
    let (name, is_moved) = match name.strip_prefix("moved/") {
        Some(name) => (name, true),
        None => (name.as_str(), false),
    };
    let Some(bytes) = files.get(name).filter(|_| fault != Fault::NotFound) else {
        return stream
            .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\nConnection: close\r\n\r\nnot found");
    };
    if fault == Fault::Redirect && !is_moved {
        let head = format!(
            "HTTP/1.1 302 Found\r\nLocation: /moved/{name}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        return stream.write_all(head.as_bytes());
    }
    let start = start.filter(|_| fault != Fault::NoRanges);
    if start.is_some() && fault == Fault::NoSuchRange {
        let head = "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        return stream.write_all(head.as_bytes());
    }
    let body = &bytes[start.unwrap_or(0).min(bytes.len())..];
    stream.write_all(head(start, bytes.len(), fault).as_bytes())?;
    send(&mut stream, body, fault)
}

fn head(start: Option<usize>, total: usize, fault: Fault) -> String {
    let length = match fault {
        Fault::NoLength | Fault::Endless => String::new(),
        _ => format!("Content-Length: {}\r\n", total - start.unwrap_or(0)),
    };
    match start {
        None => format!("HTTP/1.1 200 OK\r\n{length}Connection: close\r\n\r\n"),
        Some(start) => {
            let start = if fault == Fault::WrongRange { start / 2 } else { start };
            let range = format!("Content-Range: bytes {start}-{}/{total}\r\n", total - 1);
            format!("HTTP/1.1 206 Partial Content\r\n{range}{length}Connection: close\r\n\r\n")
        }
    }
}

fn send(stream: &mut TcpStream, body: &[u8], fault: Fault) -> std::io::Result<()> {
    match fault {
        Fault::CutAfter(bytes) => stream.write_all(&body[..bytes.min(body.len())]),
        Fault::StallAfter(bytes) => {
            stream.write_all(&body[..bytes.min(body.len())])?;
            // Waits until the client closes the connection.
            stream.read(&mut [0]).map(|_| ())
        }
        Fault::WrongContent => stream.write_all(&body.iter().map(|byte| byte ^ 1).collect::<Vec<_>>()),
        Fault::Endless => loop {
            stream.write_all(&[0; 1 << 16])?;
        },
        Fault::SlowStart => {
            let (first, rest) = body.split_at(body.len().min(200));
            for byte in first {
                stream.write_all(&[*byte])?;
                stream.flush()?;
            }
            stream.write_all(rest)
        }
        _ => stream.write_all(body),
    }
}

fn read_request(stream: &TcpStream) -> std::io::Result<Request> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let name = first.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
    let mut start = None;
    for line in lines {
        let line = line?.to_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(range) = line.strip_prefix("range: bytes=") {
            start = range.trim_end_matches('-').parse().ok();
        }
    }
    Ok(Request { name, start })
}
