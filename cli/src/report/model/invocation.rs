use super::Name;

/// One run of a handler.
#[derive(Clone, Debug, Default)]
pub(crate) struct Invocation {
    pub(crate) trace: u128,
    pub(crate) span: u64,
    /// The function, by `faas.name`.
    pub(crate) function: Name,
    /// `service.name`, where it is another.
    pub(crate) service: Option<Name>,
    /// The request id.
    pub(crate) id: Name,
    /// What it came from, as the span's name has it: `sqs`, `s3`, `http`.
    pub(crate) source: Name,
    /// The queue, topic or bucket that it came from, where known.
    pub(crate) origin: Option<Name>,
    /// The route of an HTTP event, or the detail type of one of EventBridge.
    pub(crate) route: Option<Name>,
    /// The chain; the trace where the span names none.
    pub(crate) chain: u128,
    pub(crate) hop: Option<u32>,
    pub(crate) visits: Option<u32>,
    /// Nanoseconds since 1970.
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
    /// What the function is given, in MB of 1024 KB; 0 where not known.
    pub(crate) memory_mb: u32,
    pub(crate) busy_ns: Option<u64>,
    pub(crate) cold: bool,
    pub(crate) init_ns: Option<u64>,
    pub(crate) package_bytes: Option<u64>,
    /// How many records it got, where the span says so.
    pub(crate) records: Option<u32>,
    /// Whether a record of it was blocked.
    pub(crate) blocked: bool,
    pub(crate) error: Option<Name>,
    /// Who sent what it works on, each once.
    pub(crate) senders: Vec<Sender>,
    /// In the order of their start.
    pub(crate) calls: Vec<Call>,
    /// Calls that there was no room for.
    pub(crate) dropped_calls: u64,
}

impl Invocation {
    pub(crate) const fn duration_ns(&self) -> u64 {
        self.end_ns.saturating_sub(self.start_ns)
    }

    /// Whether an Invoke of a function can have started it: a queue, a topic, a bucket or a stream did not.
    pub(crate) fn can_be_invoked(&self) -> bool {
        !matches!(&*self.source, "sqs" | "sns" | "s3" | "eventbridge" | "kinesis" | "dynamodb")
    }
}

/// The invocation that sent what another one works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sender {
    /// Its place in the model.
    pub(crate) invocation: usize,
    /// The call that did it, by its place among the sender's, where the spans show it.
    pub(crate) call: Option<usize>,
}

/// One call of a handler to something downstream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Call {
    pub(crate) span: u64,
    pub(crate) service: Name,
    pub(crate) operation: Name,
    pub(crate) target: Option<Name>,
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
    pub(crate) status: Option<u16>,
    pub(crate) resends: u32,
    pub(crate) error: Option<Name>,
    /// Whether it is an Invoke whose answer was waited for.
    pub(crate) sync_invoke: bool,
    /// The invocation that a synchronous Invoke started, by its place in the model.
    pub(crate) callee: Option<usize>,
    pub(crate) attempts: Vec<Attempt>,
    /// Earlier calls of the same invocation, by their places, whose output this one's input shows.
    pub(crate) depends_on: Vec<usize>,
}

impl Call {
    pub(crate) const fn duration_ns(&self) -> u64 {
        self.end_ns.saturating_sub(self.start_ns)
    }

    /// How often it was sent again.
    pub(crate) fn retries(&self) -> u32 {
        let seen = u32::try_from(self.attempts.len().saturating_sub(1)).unwrap_or(u32::MAX);
        self.resends.max(seen)
    }

    /// Whether it ran into a time limit, by the name of its error: `timeout`, `ReadTimeoutError`.
    pub(crate) fn timed_out(&self) -> bool {
        self.error.as_deref().is_some_and(|error| error.to_ascii_lowercase().contains("timeout"))
    }
}

/// One attempt of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) start_ns: u64,
    /// Where its length is not known, its start.
    pub(crate) end_ns: u64,
    pub(crate) failed: bool,
}
