/// One invocation, as far as its time is concerned. What is not known is `None`, and nothing is guessed for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Invocation {
    /// When the handler began, in nanoseconds since 1970.
    pub start_ns: u64,
    /// When its answer was there, in nanoseconds since 1970.
    pub end_ns: u64,
    /// The memory that the function is given, in MB as Lambda counts them; 0 where not known, and then nothing has a price.
    pub memory_mb: u32,
    /// How long the handler's own code was on the processor, where measured: the crate's `busy_ns`.
    pub busy_ns: Option<u64>,
    /// How long the initialisation took that came before it, on a cold start, where known.
    pub init_ns: Option<u64>,
    /// What Lambda says it bills, where known: it has the initialisation in it, and what extensions did after the answer.
    pub billed_ns: Option<u64>,
}

const MILLISECOND: u64 = 1_000_000;

impl Invocation {
    /// How long the handler ran; 0 where the clock was set back.
    pub const fn handler_ns(&self) -> u64 {
        self.end_ns.saturating_sub(self.start_ns)
    }

    /// How long it is paid for: what Lambda bills, or where that is not known, the initialisation and the handler, rounded up to a
    /// whole millisecond as Lambda does.
    pub fn paid_ns(&self) -> u64 {
        self.billed_ns.unwrap_or_else(|| {
            let ran = self.handler_ns().saturating_add(self.init_ns.unwrap_or_default());
            ran.div_ceil(MILLISECOND).saturating_mul(MILLISECOND)
        })
    }
}
