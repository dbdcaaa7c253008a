//! The proxy between a runtime and a Runtime API that a test scripts, byte for byte on the wire. On AWS's own emulator it is tested
//! in `tests/`.
#![allow(missing_docs, reason = "nobody links a test")]

mod bench;
mod blocked;
mod lineage;
mod passing;
mod wire;
