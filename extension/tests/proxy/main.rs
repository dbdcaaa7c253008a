//! The proxy between a runtime and a Runtime API that a test scripts, byte for byte on the wire. On AWS's own emulator it is tested
//! in `tests/`.
#![allow(missing_docs, reason = "nobody links a test")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::string_slice, reason = "tests")]

mod bench;
mod blocked;
mod framing;
mod lineage;
mod passing;
mod wire;
