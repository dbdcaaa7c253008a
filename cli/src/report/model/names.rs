use std::collections::HashSet;
use std::sync::Arc;

use crate::page::plain;

/// A text that many spans share.
pub(crate) type Name = Arc<str>;

/// The most bytes that are kept of a text.
const MAX_BYTES: usize = 256;

/// Texts that were seen, each held once.
#[derive(Debug, Default)]
pub(crate) struct Names(HashSet<Name>);

impl Names {
    /// The one copy of a text, cut to 256 bytes. What would move a cursor or turn the direction of writing is replaced: names come
    /// from wherever spans come from, and go to terminals.
    pub(crate) fn intern(&mut self, text: &str) -> Name {
        let text = text.get(..text.floor_char_boundary(MAX_BYTES)).unwrap_or_default();
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        let name: Name = plain(text).into();
        if let Some(known) = self.0.get(&name) {
            return Arc::clone(known);
        }
        self.0.insert(Arc::clone(&name));
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_bounded_and_moves_no_cursor() {
        let mut names = Names::default();
        assert_eq!(&*names.intern("a\u{1b}[2Jb\n\u{202e}c"), "a\u{fffd}[2Jb\u{fffd}\u{fffd}c");
        assert!(Arc::ptr_eq(&names.intern("a\nb"), &names.intern("a\rb")));
        assert_eq!(names.intern(&"é".repeat(300)).len(), MAX_BYTES);
    }
}
