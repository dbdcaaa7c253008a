mod cases;
mod oracle;
mod retries;
mod runs;

use super::*;

/// A millisecond in nanoseconds.
const MS: u64 = 1_000_000;
/// When the handlers of these tests begin: not at 0, so that a call can be earlier.
const START: u64 = 1_000 * MS;

/// A handler of so many milliseconds at 1024 MB, so that a GB-second is a second.
fn handler(ms: u64) -> Invocation {
    Invocation { start_ns: START, end_ns: START + ms * MS, memory_mb: 1_024, ..Invocation::default() }
}

/// A call from one millisecond of the handler to another; negative ones are before it began.
fn call(from: i64, to: i64) -> Call {
    let at = |ms: i64| START.saturating_add_signed(ms * MS as i64);
    Call::new("S3", "GetObject", at(from), at(to))
}

fn invoke(from: i64, to: i64, callee: Option<Callee>) -> Call {
    Call { kind: Kind::SyncInvoke { callee }, ..call(from, to) }
}

fn analysed(ms: u64, calls: impl IntoIterator<Item = Call>) -> Analysis {
    analyse(&handler(ms), &calls.into_iter().collect(), &Price::default())
}
