use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::signal::Signal;

/// One export request has at most so many bytes before compression; collectors take 4 MiB or more.
const MAX_BATCH_BYTES: usize = 1024 * 1024;
/// A batch that so many exports have failed with is given up.
const MAX_ATTEMPTS: u8 = 10;

/// What waits for its export, encoded as it is sent. Bounded in bytes and items, what is being sent included.
///
/// Where it is full, what is new is dropped, and not what is old: the sender can be told at once, a batch that is on its way is never
/// cut, and of a runaway loop the beginning says most.
#[derive(Debug)]
pub(crate) struct Buffer {
    waiting: VecDeque<Chunk>,
    max: Size,
    now: Size,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Size {
    bytes: usize,
    items: usize,
}

/// Encoded groups of one signal, each the field 1 of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chunk {
    pub(crate) bytes: Bytes,
    pub(crate) items: usize,
    /// Whether the file has it.
    filed: bool,
    attempts: u8,
}

impl Chunk {
    pub(crate) fn new(bytes: impl Into<Bytes>, items: usize) -> Self {
        Self { bytes: bytes.into(), items, filed: false, attempts: 0 }
    }

    const fn size(&self) -> Size {
        Size { bytes: self.bytes.len(), items: self.items }
    }
}

impl Buffer {
    pub(crate) fn new(signal: Signal) -> Self {
        let max = match signal {
            Signal::Traces => Size { bytes: 4 * 1024 * 1024, items: 10_000 },
            Signal::Metrics => Size { bytes: 1024 * 1024, items: 10_000 },
            Signal::Logs => Size { bytes: 2 * 1024 * 1024, items: 10_000 },
        };
        Self { waiting: VecDeque::new(), max, now: Size::default() }
    }

    /// Takes more; `false` where there is no room for it.
    #[must_use]
    pub(crate) fn push(&mut self, chunk: Chunk) -> bool {
        if chunk.items == 0 {
            return true;
        }
        let Size { bytes, items } = chunk.size();
        if self.now.bytes + bytes > self.max.bytes || self.now.items + items > self.max.items {
            return false;
        }
        self.now = Size { bytes: self.now.bytes + bytes, items: self.now.items + items };
        self.waiting.push_back(chunk);
        true
    }

    /// Whether more than half of it is used.
    pub(crate) const fn is_pressed(&self) -> bool {
        self.now.bytes > self.max.bytes / 2 || self.now.items > self.max.items / 2
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// What the file does not have yet, each once.
    pub(crate) fn unfiled(&mut self) -> impl Iterator<Item = &Bytes> {
        let once = |chunk: &'_ mut Chunk| !std::mem::replace(&mut chunk.filed, true);
        self.waiting.iter_mut().filter_map(move |chunk| once(chunk).then_some(&chunk.bytes))
    }

    /// The oldest that fits into one request. It still counts, until it comes [back](Self::give_back) or is [settled](Self::settle).
    pub(crate) fn take(&mut self) -> Option<Chunk> {
        let mut first = self.waiting.pop_front()?;
        let mut bytes = first.bytes.len();
        let more = self.waiting.iter().take_while(|chunk| {
            bytes += chunk.bytes.len();
            bytes <= MAX_BATCH_BYTES && chunk.attempts == first.attempts
        });
        let more = more.count();
        if more > 0 {
            let mut joined = BytesMut::from(first.bytes);
            for chunk in self.waiting.drain(..more) {
                joined.extend_from_slice(&chunk.bytes);
                first.items += chunk.items;
                first.filed &= chunk.filed;
            }
            first.bytes = joined.freeze();
        }
        Some(first)
    }

    /// Takes back what could not be exported, for the next time; `false` where it has failed too often.
    #[must_use]
    pub(crate) fn give_back(&mut self, mut chunk: Chunk) -> bool {
        chunk.attempts = chunk.attempts.saturating_add(1);
        if chunk.attempts >= MAX_ATTEMPTS {
            self.settle(&chunk);
            return false;
        }
        self.waiting.push_front(chunk);
        true
    }

    /// What was taken is gone: exported, or given up.
    pub(crate) const fn settle(&mut self, chunk: &Chunk) {
        self.now = Size {
            bytes: self.now.bytes.saturating_sub(chunk.bytes.len()),
            items: self.now.items.saturating_sub(chunk.items),
        };
    }

    /// Counts anew. For when nothing is on its way: what was when its export panicked is gone.
    pub(crate) fn recount(&mut self) {
        let bytes = self.waiting.iter().map(|chunk| chunk.bytes.len()).sum();
        self.now = Size { bytes, items: self.waiting.iter().map(|chunk| chunk.items).sum() };
    }

    /// Everything is gone.
    pub(crate) fn clear(&mut self) {
        let chunks = std::mem::take(&mut self.waiting);
        chunks.iter().for_each(|chunk| self.settle(chunk));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(bytes: usize, items: usize) -> Chunk {
        Chunk::new(vec![b'x'; bytes], items)
    }

    #[test]
    fn both_bounds_hold_and_what_is_on_its_way_counts() {
        let mut buffer = Buffer::new(Signal::Metrics);
        assert!(buffer.push(chunk(1000, 9_999)) && buffer.is_pressed());
        assert!(!buffer.push(chunk(1, 2)), "items");
        assert!(buffer.push(chunk(1, 1)));
        let first = buffer.take().unwrap();
        assert_eq!((first.bytes.len(), first.items), (1001, 10_000));
        assert!(!buffer.push(chunk(1, 1)), "it is still on its way");
        buffer.recount();
        assert!(!buffer.push(chunk(2 * 1024 * 1024, 1)), "bytes");
        assert!(buffer.push(chunk(1024 * 1024, 1)));
        assert!(buffer.push(Chunk::default()), "nothing has always room");
    }

    #[test]
    fn requests_are_joined_up_to_a_size_and_in_their_order() {
        let mut buffer = Buffer::new(Signal::Traces);
        for items in 1..=5 {
            assert!(buffer.push(chunk(400 * 1024, items)));
        }
        let taken: Vec<_> = std::iter::from_fn(|| buffer.take()).map(|chunk| chunk.items).collect();
        assert_eq!(taken, [1 + 2, 3 + 4, 5]);
    }

    #[test]
    fn what_failed_goes_first_and_is_given_up_in_the_end() {
        let mut buffer = Buffer::new(Signal::Logs);
        assert!(buffer.push(chunk(10, 1)));
        let first = buffer.take().unwrap();
        assert!(buffer.push(chunk(10, 2)));
        assert!(buffer.give_back(first));
        // One that has failed is not joined with one that has not: it would take that along.
        assert_eq!(buffer.take().map(|chunk| chunk.items), Some(1));
        let mut failing = buffer.take().unwrap();
        for _ in 1..MAX_ATTEMPTS {
            assert!(buffer.give_back(failing));
            failing = buffer.take().unwrap();
        }
        assert!(!buffer.give_back(failing));
        assert!(buffer.is_empty());
    }

    #[test]
    fn the_file_gets_each_once() {
        let mut buffer = Buffer::new(Signal::Traces);
        assert!(buffer.push(chunk(1, 1)) && buffer.push(chunk(2, 1)));
        assert_eq!(buffer.unfiled().count(), 2);
        assert!(buffer.push(chunk(3, 1)));
        assert_eq!(buffer.unfiled().map(Bytes::len).collect::<Vec<_>>(), [3]);
        buffer.clear();
        assert_eq!(buffer.now, Size::default());
    }
}
