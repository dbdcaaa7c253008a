use super::Source;
use crate::json::Cursor;

/// How many records an event from this source has; one for an event that is no batch.
///
/// ```
/// use hopguard_core::event::{Source, count};
///
/// assert_eq!(count(Source::Sqs, br#"{"Records": [{"messageId": "1"}, {"messageId": "2"}]}"#), 2);
/// assert_eq!(count(Source::Invoke, br#"{"order": 1}"#), 1);
/// ```
pub fn count(source: Source, event: &[u8]) -> usize {
    if matches!(source, Source::Invoke | Source::Http | Source::EventBridge) {
        return 1;
    }
    let mut count = 0;
    Cursor::new(event).members(|key, cursor| {
        if key == b"Records" {
            cursor.elements(|_| count += 1);
        }
    });
    count.max(1)
}
