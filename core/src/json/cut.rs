use std::ops::Range;

use memchr::memchr;

/// Takes items out of a list in a JSON text, with the separators that they leave over, and copies every other byte.
pub(crate) struct Cut<'j> {
    bytes: &'j [u8],
    out: Vec<u8>,
    /// Where the item before ends; `None` before the first.
    end: Option<usize>,
    kept: bool,
}

impl<'j> Cut<'j> {
    /// A copy of `bytes` with room for `more` bytes besides.
    pub(crate) fn new(bytes: &'j [u8], more: usize) -> Self {
        Self { bytes, out: Vec::with_capacity(bytes.len().saturating_add(more)), end: None, kept: false }
    }

    /// The next item of the list, in the order of the text.
    pub(crate) fn item(&mut self, span: Range<usize>, keep: bool) {
        match self.end {
            None => self.copy(0..span.start),
            Some(end) if keep => {
                // Before the first that is kept the comma goes, and white space after it stays: a field that was put in
                // front is so taken out without a trace.
                let separator = self.bytes.get(end..span.start).unwrap_or_default();
                let comma = if self.kept { None } else { memchr(b',', separator) };
                self.copy(comma.map_or(end, |at| end + at + 1)..span.start);
            }
            Some(_) => {}
        }
        self.end = Some(span.end);
        if keep {
            self.copy(span);
            self.kept = true;
        }
    }

    /// The whole text, without what was cut.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.copy(self.end.unwrap_or(0)..self.bytes.len());
        self.out
    }

    fn copy(&mut self, span: Range<usize>) {
        self.out.extend_from_slice(self.bytes.get(span).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Cursor;

    #[test]
    fn separators_go_with_what_was_cut() {
        let text = r#" [ "a" , "b",
            "c" ] "#;
        let cases: [(&[usize], &str); 6] = [
            (&[], text),
            (&[0], " [  \"b\",\n            \"c\" ] "),
            (&[1], " [ \"a\",\n            \"c\" ] "),
            (&[2], r#" [ "a" , "b" ] "#),
            (&[0, 1], " [ \n            \"c\" ] "),
            (&[0, 1, 2], " [  ] "),
        ];
        for (cut_out, expected) in cases {
            let mut cut = Cut::new(text.as_bytes(), 0);
            let mut nth = 0;
            Cursor::new(text.as_bytes()).elements(|cursor| {
                cut.item(cursor.span(), !cut_out.contains(&nth));
                nth += 1;
            });
            assert_eq!(String::from_utf8(cut.finish()).unwrap(), expected, "{cut_out:?}");
        }
    }
}
