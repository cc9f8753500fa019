//! The location and backtrace of the last panic of each thread. The message of a caught panic lacks both.

use std::{backtrace::Backtrace, cell::RefCell, panic::PanicHookInfo};

thread_local! {
    static LAST: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Stores where this thread panicked, for the failure of the trial that it trains. Call it from the panic hook.
pub fn remember(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map_or(String::new(), |location| format!(" at {location}"));
    LAST.with_borrow_mut(|last| *last = format!("{place}\n{}", Backtrace::force_capture()));
}

/// Returns and clears what [`remember`] stored for this thread.
pub(crate) fn last_backtrace() -> String {
    LAST.take()
}
