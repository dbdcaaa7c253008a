use std::collections::HashSet;
use std::sync::Arc;

/// A text that many spans share.
pub(crate) type Name = Arc<str>;

/// The most bytes that are kept of a text.
const MAX_BYTES: usize = 256;

/// Texts that were seen, each held once.
#[derive(Debug, Default)]
pub(crate) struct Names(HashSet<Name>);

impl Names {
    /// The one copy of a text, cut to 256 bytes.
    pub(crate) fn intern(&mut self, text: &str) -> Name {
        let text = text.get(..text.floor_char_boundary(MAX_BYTES)).unwrap_or_default();
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        let name: Name = text.into();
        self.0.insert(Arc::clone(&name));
        name
    }
}
