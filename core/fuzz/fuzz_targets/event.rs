//! No bytes make the reader, the token or the field panic, and what they say of themselves holds.
//!
//! `cargo +nightly fuzz run event -- -dict=core/fuzz/event.dict` from the repository's root; `tests/fixtures` holds events to start from.
#![no_main]

use std::sync::LazyLock;

use hopguard_core::event::{Reader, count, field};
use hopguard_core::propagator::Fields;
use hopguard_core::{SigningKeys, Token};
use libfuzzer_sys::fuzz_target;

static READERS: LazyLock<[Reader; 2]> =
    LazyLock::new(|| [Reader::new(None), Reader::new(SigningKeys::parse("0123456789abcdef").ok())]);

fuzz_target!(|data: &[u8]| {
    for reader in &*READERS {
        let event = reader.read(data);
        assert!(count(event.source(), data) >= 1);
        for record in event.records() {
            assert!(event.json(record).len() <= data.len());
            assert!(record.attempt >= 1 && record.objects.len() <= hopguard_core::event::MAX_OBJECTS);
        }
        let same = |index: usize| Some(Token::new(&event.records().get(index)?.inbound.lineage?, None));
        if let Some(advanced) = event.advanced(same) {
            assert_eq!(reader.read(&advanced).records().len(), event.records().len());
        }
        if let Some(same) = event.without(|_| false) {
            assert_eq!(same, data, "nothing was taken out");
        }
        if let Some(less) = event.without(|nth| nth % 2 == 0) {
            let _ = reader.read(&less);
        }
    }
    if let Ok(lineage) = Token::decode(data, None) {
        assert!(data.starts_with(Token::new(&lineage, None).as_bytes()), "a token has one form");
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let fields = Fields { traceparent: Some(text), tracestate: Some(text), packed: Some(text) };
        let _ = fields.extract(None);
    }
    if let Some(written) = field::write(data, "00-1-2-01", "a=\"b\"") {
        let removed = field::remove(&written);
        if let (Some(removed), None) = (removed, field::remove(data)) {
            assert_eq!(removed, data, "what was written is all that is taken out");
        }
    }
});
