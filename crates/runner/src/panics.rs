//! What is known of the last panic of a thread beside its message.

use std::{backtrace::Backtrace, cell::RefCell, panic::PanicHookInfo};

thread_local! {
    static LAST: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Remembers where a thread panicked, for the failure of the trial that it trains. Call it from the panic hook.
pub fn remember(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map_or(String::new(), |location| format!(" at {location}"));
    LAST.with_borrow_mut(|last| *last = format!("{place}\n{}", Backtrace::force_capture()));
}

/// What was remembered of this thread's last panic; empty where nothing was.
pub(crate) fn last_backtrace() -> String {
    LAST.take()
}
