use crate::wait::{Analysis, Calls};

/// One invocation, as a [`Window`](super::Window) takes it into account.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// The function.
    pub function: &'a str,
    /// Its request id.
    pub invocation: &'a str,
    /// Its trace id; empty where not known.
    pub trace: &'a str,
    /// What it came from: a queue, a bucket, a bus, an API, or else the name of the service; where known.
    pub source: Option<&'a str>,
    /// The route of an HTTP event, or the detail type of an event of EventBridge; where known.
    pub route: Option<&'a str>,
    /// Its calls.
    pub calls: &'a Calls,
    /// What their analysis says.
    pub analysis: &'a Analysis,
    /// Its lineage.
    pub lineage: Seen,
    /// The size of the function's code on disk, where known.
    pub package_bytes: Option<u64>,
    /// How long its initialisation took, on a cold start.
    pub init_ns: Option<u64>,
}

/// What an invocation's lineage shows: of a batch, the highest of its records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Its hop.
    pub hop: u32,
    /// How often this function stands on its path.
    pub visits: u32,
    /// Whether a record of it was blocked.
    pub blocked: bool,
    /// Whether it tripped the function.
    pub tripped: bool,
}
