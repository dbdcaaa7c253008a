//! Lambda events, read from their raw JSON: where they come from, and the lineage of every record in them.
//!
//! Nothing is deserialised. A byte search says first whether anything in the event can matter; in most events nothing does,
//! and they are not looked at any further. Where it finds something, the event is walked once, each record is read, and what
//! was found is confirmed by structure: a key counts where AWS or hopguard puts it, never because it stands somewhere in a
//! user's body. What is read is borrowed from the event.
//!
//! No event is an error. A record of the wrong shape has no lineage; an event that is no JSON, or breaks off, is untouched.
//!
//! ```
//! use hopguard_core::event::{Reader, Source};
//!
//! let event = br#"{"Records": [{
//!     "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
//!     "body": "{\"order\": 1}",
//!     "attributes": {"ApproximateReceiveCount": "1"},
//!     "messageAttributes": {"hopguard": {
//!         "stringValue": "01-0af7651916cd43dd8448eb211c80319c-3-256-68fd508a:2", "dataType": "String"
//!     }},
//!     "eventSource": "aws:sqs",
//!     "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:orders"
//! }]}"#;
//! let event = Reader::default().read(event);
//! let [record] = event.records() else { panic!("one record") };
//! assert_eq!((event.source(), record.attempt), (Source::Sqs, 1));
//! assert_eq!(record.inbound.lineage.map(|lineage| lineage.hop), Some(3));
//! ```
//!
//! Blind spots: a name that is written with escapes (`"hop\u0067uard"`) is not found where nothing else in the event is;
//! of a body that is compressed or encoded nothing is known, but for the base64 in which Kinesis delivers its data; a record that
//! the Kinesis producer library aggregated is not taken apart.

mod advance;
mod attributes;
mod bare;
mod carried;
mod count;
mod dynamodb;
mod encoded;
mod event_bridge;
pub mod field;
mod http;
mod kinesis;
mod object;
mod reader;
mod received;
mod record;
mod route;
mod s3;
mod search;
mod sns;
mod source;
mod sources;
mod sqs;
#[cfg(test)]
mod tests;
mod wrapped;

pub use count::count;
pub use object::ObjectRef;
pub use reader::{Event, Reader};
pub use received::Received;
pub use record::{MAX_OBJECTS, Record};
pub use route::route;
pub use source::Source;
pub use sources::Sources;
