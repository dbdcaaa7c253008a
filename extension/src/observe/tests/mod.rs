//! The observer from outside: real sockets on every side.

mod exporting;
mod flushing;
mod joining;
mod platform;
mod receiving;
mod reporting;
mod rig;
mod sink;
