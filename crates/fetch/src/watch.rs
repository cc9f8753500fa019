//! Requests in a thread of their own, so that a server that sends nothing is noticed.

use std::io::{self, ErrorKind, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use crate::request::{Answer, Refusal};

/// The times after which a server that sends nothing is reported and given up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    pub(crate) report_after: Duration,
    /// The number of such times.
    pub(crate) give_up_after: u32,
}

pub(crate) const PATIENCE: Patience = Patience { report_after: Duration::from_secs(5), give_up_after: 12 };

/// The parts of an answer, in their order.
pub(crate) enum Event {
    Refused(Refusal),
    /// The answer begins, with the position of its first byte.
    Begins(u64),
    Bytes(Vec<u8>),
    Failed(io::Error),
    Ends,
}

/// A request that runs in its own thread.
pub(crate) struct Watch {
    events: Receiver<Event>,
    patience: Patience,
}

impl Watch {
    /// Runs `request` and reads at most `limit(first byte)` bytes of its answer.
    ///
    /// # Errors
    /// If the system starts no further thread.
    pub(crate) fn start(
        patience: Patience,
        request: impl FnOnce() -> Result<Answer, Refusal> + Send + 'static,
        limit: impl FnOnce(u64) -> u64 + Send + 'static,
    ) -> io::Result<Self> {
        let (sender, events) = sync_channel(4);
        // The thread ends with the answer, with the server's timeouts, or when its events have no receiver.
        thread::Builder::new().name("download".into()).spawn(move || match request() {
            Err(refusal) => drop(sender.send(Event::Refused(refusal))),
            Ok(Answer { starts_at, body }) => {
                if sender.send(Event::Begins(starts_at)).is_ok() {
                    send_all(body.take(limit(starts_at)), &sender);
                }
            }
        })?;
        Ok(Self { events, patience })
    }

    /// Returns the next event, or none if the server sends nothing for too long. `stalled` is called once, before that.
    pub(crate) fn next(&self, stalled: &dyn Fn()) -> Option<Event> {
        for time in 1..=self.patience.give_up_after {
            match self.events.recv_timeout(self.patience.report_after) {
                Ok(event) => return Some(event),
                Err(RecvTimeoutError::Disconnected) => return Some(Event::Ends),
                Err(RecvTimeoutError::Timeout) if time == 1 => stalled(),
                Err(RecvTimeoutError::Timeout) => (),
            }
        }
        None
    }
}

fn send_all(mut body: impl Read, sender: &SyncSender<Event>) {
    loop {
        let mut buffer = vec![0; 1 << 16];
        let event = match body.read(&mut buffer) {
            Ok(0) => Event::Ends,
            Ok(count) => {
                buffer.truncate(count);
                Event::Bytes(buffer)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => Event::Failed(error),
        };
        let is_last = matches!(event, Event::Ends | Event::Failed(_));
        if sender.send(event).is_err() || is_last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    /// A body that sends two bytes and then nothing until its sender is dropped.
    struct Stalling(Option<[u8; 2]>, Receiver<()>);

    impl Read for Stalling {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.take() {
                Some(bytes) => {
                    buffer[..2].copy_from_slice(&bytes);
                    Ok(2)
                }
                None => {
                    self.1.recv().unwrap_or_default();
                    Ok(0)
                }
            }
        }
    }

    #[test]
    fn a_server_that_sends_nothing_is_reported_once_and_then_given_up() {
        let (server, body) = channel::<()>();
        let answer = Answer { starts_at: 7, body: Box::new(Stalling(Some([1, 2]), body)) };
        let at_once = Patience { report_after: Duration::ZERO, give_up_after: u32::MAX };
        let mut watch = Watch::start(at_once, || Ok(answer), |_| 100).expect("a thread can be started");
        assert!(matches!(watch.next(&|| ()), Some(Event::Begins(7))));
        assert!(matches!(watch.next(&|| ()), Some(Event::Bytes(bytes)) if bytes == [1, 2]));
        watch.patience.give_up_after = 12;
        let reports = Cell::new(0);
        assert!(watch.next(&|| reports.set(reports.get() + 1)).is_none());
        assert_eq!(reports.get(), 1);
        drop(server);
        watch.patience.give_up_after = u32::MAX;
        assert!(matches!(watch.next(&|| ()), Some(Event::Ends)));
    }
}
