use std::borrow::Cow;

/// One call that a handler made to something downstream, from its first byte to its last, retries included.
///
/// Times are nanoseconds since 1970, by the clock of the environment. A call whose end is before its start (the clock was set
/// back) counts with no length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// When it began, in nanoseconds since 1970.
    pub start_ns: u64,
    /// When it ended, in nanoseconds since 1970.
    pub end_ns: u64,
    /// The service as the SDKs name it, for example `DynamoDB`.
    pub service: Cow<'static, str>,
    /// The operation, for example `PutItem`.
    pub operation: Cow<'static, str>,
    /// What it went to: a queue, a table, a bucket, a function; where known.
    pub target: Option<Box<str>>,
    /// Whether another function ran and was waited for.
    pub kind: Kind,
    /// Each attempt with its times, in order, where known.
    pub attempts: Vec<Attempt>,
    /// How often it was sent again. Where the attempts are known, theirs counts if it is more.
    pub resends: u32,
    /// The HTTP status of the last answer, where there was one.
    pub status: Option<u16>,
    /// What went wrong in the end, by the name of the error.
    pub error: Option<Box<str>>,
    /// Whether it ran into a time limit.
    pub timed_out: bool,
    /// Earlier calls of the same invocation whose output this call's input shows, each by its place in [`Calls`](super::Calls).
    pub depends_on: Vec<u32>,
}

/// What a call is to the analysis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Any call: also Lambda's Invoke as an event, which nobody waits for longer than it takes to hand it over.
    #[default]
    Other,
    /// Lambda's Invoke with an answer waited for (`RequestResponse`): caller and callee are paid at once.
    SyncInvoke {
        /// What the callee's own invocation says of itself, where that is known.
        callee: Option<Callee>,
    },
}

/// The invocation of a function that another one waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Callee {
    /// How long it was paid for, in nanoseconds.
    pub paid_ns: u64,
    /// The memory that it is given, in MB as Lambda counts them (1 GB = 1024 MB).
    pub memory_mb: u32,
}

/// One attempt of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempt {
    /// When it was sent, in nanoseconds since 1970.
    pub start_ns: u64,
    /// When its answer was there, or it was given up.
    pub end_ns: u64,
    /// Whether it failed. An attempt that another one follows has failed whatever this says.
    pub failed: bool,
}

impl Call {
    /// A call of which nothing else is known.
    pub fn new(
        service: impl Into<Cow<'static, str>>,
        operation: impl Into<Cow<'static, str>>,
        start_ns: u64,
        end_ns: u64,
    ) -> Self {
        Self { start_ns, end_ns, service: service.into(), operation: operation.into(), ..Self::default() }
    }

    /// How long it took, in nanoseconds; 0 where the clock was set back.
    pub const fn duration_ns(&self) -> u64 {
        self.end_ns.saturating_sub(self.start_ns)
    }

    /// Whether it is an Invoke whose answer was waited for.
    pub const fn is_sync_invoke(&self) -> bool {
        matches!(self.kind, Kind::SyncInvoke { .. })
    }

    /// Whether it failed in the end.
    pub const fn is_failed(&self) -> bool {
        self.error.is_some() || self.timed_out
    }

    /// How often it was sent again.
    pub fn retries(&self) -> u32 {
        let seen = u32::try_from(self.attempts.len().saturating_sub(1)).unwrap_or(u32::MAX);
        self.resends.max(seen)
    }
}
