use std::fmt;

/// One anti-pattern that a function shows at run time. `docs/findings.md` says of each what it costs and what to do instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A function stands on its own path.
    Recursion,
    /// A function calls a function and waits for it.
    SyncInvoke,
    /// Calls one after the other, none of which is known to need another.
    SerialWait,
    /// One function leads many steps, and chooses among them.
    Orchestrator,
    /// One function does the work of many.
    Monolith,
}

impl Kind {
    /// All kinds, in the order of their declaration: that of a list of findings.
    pub const ALL: [Self; 5] =
        [Self::Recursion, Self::SyncInvoke, Self::SerialWait, Self::Orchestrator, Self::Monolith];

    /// Its name, as in metrics, spans and settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Recursion => "recursion",
            Self::SyncInvoke => "sync-invoke",
            Self::SerialWait => "serial-wait",
            Self::Orchestrator => "orchestrator",
            Self::Monolith => "monolith",
        }
    }

    /// What to do about it, in a sentence or two.
    pub const fn suggestion(self) -> &'static str {
        match self {
            Self::Recursion => {
                "Write to another bucket, queue or topic than the one that invokes the function, or filter its trigger. If the recursion is meant, bound it with HOPGUARD_MAX_VISITS."
            }
            Self::SyncInvoke => {
                "Hand the work over and end: a queue, an event or an asynchronous Invoke between the two functions. If the answer is needed, let Step Functions call both, or put the callee's code into the caller."
            }
            Self::SerialWait => {
                "Start the calls together and wait once for all of them, or give each to a function of its own. Where a call needs an earlier one's answer, keep that order."
            }
            Self::Orchestrator => {
                "Let a state machine lead: Step Functions keeps the order, the branches and the retries, and nobody pays for its waits by the millisecond."
            }
            Self::Monolith => {
                "Split it by route or by event source: a smaller package, a faster start, and a role that allows only what that one task needs."
            }
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
