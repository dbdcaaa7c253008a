//! A pull cursor over JSON bytes: borrowed, without recursion, without panics, tolerant of shapes but not of broken JSON.
//!
//! It is no general parser. It finds values by their path in a text that another parser will read too, and leaves
//! everything on the way unread: what is inside a skipped value is only checked for its strings and its brackets.

mod cursor;
mod cut;
mod scan;
mod text;

pub(crate) use cursor::Cursor;
pub(crate) use cut::Cut;
pub(crate) use text::{Text, escape_into};
