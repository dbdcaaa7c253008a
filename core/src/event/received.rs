use std::sync::OnceLock;

use super::Sources;

/// The longest event that is kept while its handler runs, in bytes. A longer one is read before: that costs a few hundredths of
/// what its deserialisation does, and keeping it would cost memory.
const MAX_KEPT: usize = 256 * 1024;

/// The event of an invocation, kept for the first send that may go to its own source: most invocations send nothing, or are in a
/// loop already, and never read it again.
#[derive(Debug)]
pub struct Received<E> {
    event: OnceLock<E>,
    sources: OnceLock<Sources>,
}

impl<E> Default for Received<E> {
    fn default() -> Self {
        Self { event: OnceLock::new(), sources: OnceLock::new() }
    }
}

impl<E: AsRef<[u8]>> Received<E> {
    /// Keeps an event's JSON, the first that it is given. `function` is the ARN of the function that got it.
    pub fn keep(&self, event: E, function: &str) {
        let bytes = event.as_ref();
        if bytes.len() > MAX_KEPT {
            self.sources.get_or_init(|| Sources::read(bytes, function));
        } else {
            let _ = self.event.set(event);
        }
    }

    /// What feeds the invocation.
    pub fn sources(&self, function: &str) -> &Sources {
        self.sources.get_or_init(|| {
            let event = self.event.get().map(AsRef::as_ref);
            Sources::read(event.unwrap_or_default(), function)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Source;

    #[test]
    fn a_long_event_is_read_at_once_and_a_short_one_when_it_is_asked_for() {
        for (length, kept) in [(10, true), (MAX_KEPT, false)] {
            let body = "x".repeat(length);
            let event = format!(
                r#"{{"Records":[{{"messageId":"1","body":"{body}","eventSourceARN":"arn:aws:sqs:r:1:q"}}]}}"#
            );
            let received = Received::default();
            received.keep(event, "f");
            assert_eq!((received.event.get().is_some(), received.sources.get().is_none()), (kept, kept));
            assert!(received.sources("f").contain(Source::Sqs, "http://q/1/q"), "{length}");
        }
        assert!(Received::<String>::default().sources("f").contain(Source::Invoke, "f"));
    }
}
