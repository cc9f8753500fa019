//! The signals that end a run. Those that are ignored since this program was started, such as SIGHUP under `nohup`, stay ignored.

use std::{mem::MaybeUninit, ptr, thread};

use anyhow::Context;
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1},
    iterator::Signals,
};

/// A wish to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// The user pressed Ctrl-C.
    Interrupt,
    /// The terminal has gone, or a scheduler ends the process.
    End,
    /// SIGUSR1: the time limit of a job is near.
    TimeLimit,
}

/// Calls `handler` for every signal, from a thread of its own.
pub fn listen(mut handler: impl FnMut(Signal) + Send + 'static) -> anyhow::Result<()> {
    let ending = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| !is_ignored(*signal));
    let mut signals = Signals::new(ending.chain([SIGUSR1])).context("cannot listen for Ctrl-C")?;
    let thread = thread::Builder::new().name("signals".into()).spawn(move || {
        for signal in signals.forever() {
            handler(match signal {
                SIGUSR1 => Signal::TimeLimit,
                SIGINT => Signal::Interrupt,
                _ => Signal::End,
            });
        }
    });
    thread.map(drop).context("cannot listen for Ctrl-C (`ulimit -u` limits threads)")
}

fn is_ignored(signal: libc::c_int) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: without a new action the call only writes the present one, into memory of its type. Zeros are a valid one.
    let (done, action) =
        unsafe { (libc::sigaction(signal, ptr::null(), action.as_mut_ptr()), action.assume_init()) };
    done == 0 && action.sa_sigaction == libc::SIG_IGN
}
