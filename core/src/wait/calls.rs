use std::borrow::Cow;

use super::Call;

/// The most calls of one invocation that are analysed.
pub const MAX_CALLS: usize = 10_000;
/// The most bytes that are kept of a target.
pub const MAX_TARGET_BYTES: usize = 256;
/// The most bytes that are kept of a service, an operation or an error.
pub const MAX_NAME_BYTES: usize = 64;
/// The most attempts that are kept of one call: the first ones.
pub const MAX_ATTEMPTS: usize = 16;
/// The most dependences that are kept of one call. A call that has more counts as one that needs all earlier ones.
pub const MAX_DEPENDENCES: usize = 16;

/// The calls of one invocation, in the order in which they were noted: at most [`MAX_CALLS`], and about 1 KB of each. What comes
/// beyond that is counted, and figures made of the rest are a lower bound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    calls: Vec<Call>,
    dropped: u64,
    /// When the first of those began that there was no room for.
    dropped_from: Option<u64>,
}

impl Calls {
    /// Notes one call. Returns its place, by which later calls name it in `depends_on`; `None` where there was no room.
    pub fn push(&mut self, mut call: Call) -> Option<u32> {
        let place = self.calls.len();
        if place >= MAX_CALLS {
            self.dropped = self.dropped.saturating_add(1);
            self.dropped_from = Some(self.dropped_from.unwrap_or(u64::MAX).min(call.start_ns));
            return None;
        }
        cut(&mut call.service);
        cut(&mut call.operation);
        call.target = call.target.map(|target| shortened(target, MAX_TARGET_BYTES));
        call.error = call.error.map(|error| shortened(error, MAX_NAME_BYTES));
        call.resends = call.retries();
        call.attempts.truncate(MAX_ATTEMPTS);
        // One more than are followed says that there were too many.
        call.depends_on.truncate(MAX_DEPENDENCES + 1);
        self.calls.push(call);
        u32::try_from(place).ok()
    }

    /// Counts calls that were lost before they came here. When they were is not known: one that overlapped two others may make those
    /// a serial run, so that of all figures the candidate saving may then be too high.
    pub const fn add_dropped(&mut self, calls: u64) {
        self.dropped = self.dropped.saturating_add(calls);
    }

    /// The calls in the order of their places.
    pub fn as_slice(&self) -> &[Call] {
        &self.calls
    }

    /// The call at a place.
    pub fn at(&self, place: u32) -> Option<&Call> {
        self.calls.get(usize::try_from(place).ok()?)
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.calls.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// What ended up to here can have overlapped none of the calls that there was no room for.
    pub(super) fn complete_until(&self) -> u64 {
        self.dropped_from.unwrap_or(u64::MAX)
    }

    /// How many there was no room for.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }
}

impl Extend<Call> for Calls {
    fn extend<I: IntoIterator<Item = Call>>(&mut self, calls: I) {
        for call in calls {
            self.push(call);
        }
    }
}

impl FromIterator<Call> for Calls {
    fn from_iter<I: IntoIterator<Item = Call>>(calls: I) -> Self {
        let mut all = Self::default();
        all.extend(calls);
        all
    }
}

fn cut(name: &mut Cow<'static, str>) {
    if name.len() > MAX_NAME_BYTES {
        *name = Cow::Owned(prefix(name, MAX_NAME_BYTES).to_owned());
    }
}

fn shortened(text: Box<str>, most: usize) -> Box<str> {
    if text.len() > most { prefix(&text, most).into() } else { text }
}

/// The first `most` bytes, and fewer where a character would be cut in two.
pub(crate) fn prefix(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or_default()
}
