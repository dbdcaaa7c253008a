//! HTTP/1.1 as it stands on a connection: heads that are kept byte for byte, and bodies that are told apart without being taken apart.
//!
//! [`Head`], [`Left`] and [`Chunks`](chunks::Chunks) decide, and do no IO; [`Connection`] does it.

mod body;
mod chunks;
mod connection;
mod head;
mod malformed;

pub(crate) use body::Left;
pub(crate) use connection::{Connection, Pieces, Reader, Writer};
pub(crate) use head::Head;
pub(crate) use malformed::{Malformed, Unread};
