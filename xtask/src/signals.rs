//! Signals that are ignored since this program was started, such as SIGHUP under `nohup`.

use std::{mem::MaybeUninit, ptr};

/// The signals that end a program, for which [`ctrlc`] sets handlers.
const ENDING: [libc::c_int; 3] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];

/// Calls `set_handlers`, then ignores the signals again that were ignored before.
pub fn keep_ignored<T>(set_handlers: impl FnOnce() -> T) -> T {
    let ignored: Vec<libc::c_int> = ENDING.into_iter().filter(|signal| is_ignored(*signal)).collect();
    let done = set_handlers();
    for signal in ignored {
        // SAFETY: the call changes nothing in this program's memory, and SIG_IGN is no function that could be unsafe to call.
        let _ = unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
    done
}

fn is_ignored(signal: libc::c_int) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: without a new action the call only writes the present one, into memory of its type. Zeros are a valid one.
    let (done, action) =
        unsafe { (libc::sigaction(signal, ptr::null(), action.as_mut_ptr()), action.assume_init()) };
    done == 0 && action.sa_sigaction == libc::SIG_IGN
}
