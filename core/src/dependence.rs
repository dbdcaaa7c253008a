//! Which call needs another one's answer, told from the texts that both show: a heuristic, made of hashes alone.
//!
//! ```
//! use hopguard_core::dependence::{Outputs, Shown};
//!
//! let mut outputs = Outputs::default();
//! let query = Shown::in_body(br#"{"TableName": "carts"}"#);
//! outputs.remember(0, &query, &Shown::in_body(br#"{"Item": {"key": {"S": "carts/2026/17.json"}}}"#));
//! assert_eq!(outputs.shown_in(&Shown::in_path("/carts/2026/17.json")), [] as [u32; 0]);
//! assert_eq!(outputs.shown_in(&Shown::in_body(br#"{"Key": "carts/2026/17.json"}"#)), [0]);
//! ```

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::json::{Cursor, Text};

/// How much of a body is looked at, in bytes.
pub const MAX_BODY: usize = 16 * 1024;
/// Texts that are taken of one body.
pub const MAX_TEXTS: usize = 64;
/// Texts of outputs that are remembered in one invocation.
pub const MAX_REMEMBERED: usize = 1_024;
/// Earlier calls that one call is linked to.
pub const MAX_LINKS: usize = 8;
/// The shortest text that may be a key or an id, in bytes: shorter ones are alike by chance.
const LEAST: usize = 6;
/// The longest, in bytes.
const MOST: usize = 128;
/// Objects and lists inside of each other, JSON inside of texts included.
const MAX_DEPTH: usize = 12;

/// The texts that one body shows, by their hashes: what they say is not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown(Vec<u64>);

impl Shown {
    /// The texts of a body: the strings of JSON (also of JSON in a string), the texts between the tags of XML, or the values of a form.
    pub fn in_body(body: &[u8]) -> Self {
        let body = body.get(..MAX_BODY).unwrap_or(body);
        let mut shown = Self::default();
        match body.trim_ascii_start().first() {
            Some(b'{' | b'[' | b'"') => shown.walk(&mut Cursor::new(body), MAX_DEPTH),
            Some(b'<') => {
                for part in body.split(|byte| *byte == b'<') {
                    if let Some(end) = part.iter().position(|byte| *byte == b'>') {
                        shown.add(part.get(end + 1..).unwrap_or_default().trim_ascii());
                    }
                }
            }
            Some(_) => body.split(|byte| *byte == b'&').for_each(|pair| {
                let start = pair.iter().position(|byte| *byte == b'=').map_or(0, |at| at + 1);
                shown.add(&decoded(pair.get(start..).unwrap_or_default(), true));
            }),
            None => {}
        }
        shown
    }

    /// The segments of a request's path, and the values of its query.
    pub fn in_path(path_and_query: &str) -> Self {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let mut shown = Self::default();
        path.split('/').for_each(|segment| shown.add(&decoded(segment.as_bytes(), false)));
        for pair in query.split('&') {
            shown.add(&decoded(pair.split_once('=').map_or("", |(_, value)| value).as_bytes(), true));
        }
        shown
    }

    /// The same, with another's texts.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        let room = MAX_TEXTS.saturating_sub(self.0.len());
        self.0.extend(other.0.iter().take(room));
        self
    }

    /// Takes one more text.
    pub fn add(&mut self, text: &[u8]) {
        let may_be_id = (LEAST..=MOST).contains(&text.len()) && !text.iter().all(u8::is_ascii_alphabetic);
        if may_be_id && self.0.len() < MAX_TEXTS {
            let mut hasher = DefaultHasher::new();
            text.hash(&mut hasher);
            self.0.push(hasher.finish());
        }
    }

    /// Whether it shows nothing.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn walk(&mut self, cursor: &mut Cursor<'_>, depth: usize) {
        match cursor.peek() {
            Some(b'{') if depth > 0 => {
                cursor.members(|_, cursor| self.walk(cursor, depth - 1));
            }
            Some(b'[') if depth > 0 => {
                cursor.elements(|cursor| self.walk(cursor, depth - 1));
            }
            Some(b'"') => {
                if let Some(text) = cursor.string() {
                    self.text(&text, depth);
                }
            }
            _ => cursor.skip(),
        }
    }

    fn text(&mut self, text: &Text<'_>, depth: usize) {
        let Some(bytes) = text.bytes() else { return };
        match bytes.trim_ascii_start().first() {
            // A message's body is JSON as a rule.
            Some(b'{' | b'[') if depth > 0 => self.walk(&mut Cursor::new(&bytes), depth - 1),
            _ => self.add(&bytes),
        }
    }
}

/// What the calls of one invocation brought that had not been in their own input. Bounded: what came first stays.
#[derive(Clone, Debug, Default)]
pub struct Outputs(HashMap<u64, u32>);

impl Outputs {
    /// Takes a call that has ended: its place, and what its input and its output show.
    pub fn remember(&mut self, place: u32, input: &Shown, output: &Shown) {
        for text in &output.0 {
            if self.0.len() >= MAX_REMEMBERED {
                return;
            }
            if !input.0.contains(text) {
                self.0.entry(*text).or_insert(place);
            }
        }
    }

    /// The calls whose output an input shows, by their places; at most [`MAX_LINKS`].
    pub fn shown_in(&self, input: &Shown) -> Vec<u32> {
        let mut places: Vec<u32> = input.0.iter().filter_map(|text| self.0.get(text)).copied().collect();
        places.sort_unstable();
        places.dedup();
        places.truncate(MAX_LINKS);
        places
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A text of a URL or a form as it is meant.
fn decoded(text: &[u8], plus_is_space: bool) -> Cow<'_, [u8]> {
    if !text.iter().any(|byte| *byte == b'%' || (plus_is_space && *byte == b'+')) {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let escaped = || Some((digit(*after.first()?)? * 16 + digit(*after.get(1)?)?, after.get(2..)?));
        match (byte, escaped()) {
            (b'%', Some((byte, after))) => {
                bytes.push(byte);
                rest = after;
            }
            (b'+', _) if plus_is_space => bytes.push(b' '),
            _ => bytes.push(*byte),
        }
    }
    Cow::Owned(bytes)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(of: &[&str]) -> Shown {
        let mut shown = Shown::default();
        of.iter().for_each(|text| shown.add(text.as_bytes()));
        shown
    }

    #[test]
    fn bodies_show_their_values_and_not_their_names() {
        let cases: [(&str, &[&str]); 12] = [
            (r#"{"customer-1": "order-17"}"#, &["order-17"]),
            (
                r#"[["order-17", {"a": {"S": "key/1.json"}}], "order-18"]"#,
                &["order-17", "key/1.json", "order-18"],
            ),
            (
                r#"{"MessageBody": "{\"id\": \"order-17\", \"nested\": \"[\\\"order-18\\\"]\"}"}"#,
                &["order-17", "order-18"],
            ),
            (r#"{"escaped": "a\u002fb\/c-17"}"#, &["a/b/c-17"]),
            (r#"{"short": "id-17", "word": "PENDING", "type": "String"}"#, &[]),
            (r#"{"number": 12345678, "cut off": "order-17", "then": "ord"#, &["order-17"]),
            (
                "<R><MessageId>order-17</MessageId>\n  <ETag>&quot;e-1&quot;</ETag></R>",
                &["order-17", "&quot;e-1&quot;"],
            ),
            ("Action=Publish&TopicArn=arn%3Aaws%3A1&Message=order+17", &["arn:aws:1", "order 17"]),
            ("", &[]),
            ("\u{0}\u{1}", &[]),
            ("{", &[]),
            (r#""order-17""#, &["order-17"]),
        ];
        for (body, expected) in cases {
            assert_eq!(Shown::in_body(body.as_bytes()), texts(expected), "{body}");
        }
        assert_eq!(
            Shown::in_path("/bucket-1/a%2Fb/key+17?x=order+17&y"),
            texts(&["bucket-1", "key+17", "order 17"])
        );
    }

    #[test]
    fn a_call_depends_on_those_whose_new_texts_it_shows() {
        let mut outputs = Outputs::default();
        outputs.remember(0, &texts(&["order-17"]), &texts(&["order-17", "key-of-17"]));
        outputs.remember(1, &texts(&[]), &texts(&["key-of-17", "key-of-18"]));
        let depends = |of: &[&str]| outputs.shown_in(&texts(of));
        assert_eq!(depends(&["order-17"]), [] as [u32; 0], "the caller had it before");
        assert_eq!(depends(&["key-of-17"]), [0], "who had it first");
        assert_eq!(depends(&["key-of-18", "key-of-17", "key-of-18"]), [0, 1]);
    }

    #[test]
    fn everything_is_bounded() {
        let many: Vec<String> = (0..200).map(|nth| format!("\"order-{nth:04}\"")).collect();
        let shown = Shown::in_body(format!("[{}]", many.join(",")).as_bytes());
        assert_eq!(shown.0.len(), MAX_TEXTS);
        assert_eq!(shown.clone().and(&shown).0.len(), MAX_TEXTS);
        let mut outputs = Outputs::default();
        for place in 0..100 {
            outputs.remember(
                place,
                &Shown::default(),
                &texts(&[&format!("a-{place:05}"), &format!("b-{place:05}")]),
            );
            let unlike: Vec<String> = (0..40).map(|nth| format!("c-{place}-{nth}")).collect();
            outputs.remember(
                place,
                &Shown::default(),
                &texts(&unlike.iter().map(String::as_str).collect::<Vec<_>>()),
            );
        }
        assert_eq!(outputs.0.len(), MAX_REMEMBERED);
        let all: Vec<String> = (0..20).map(|place| format!("a-{place:05}")).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        assert_eq!(outputs.shown_in(&texts(&all)).len(), MAX_LINKS);
        let deep = "[".repeat(9_000) + "\"order-17\"";
        assert!(Shown::in_body(deep.as_bytes()).is_empty());
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_much(body: Vec<u8>, path: String) {
            let shown = Shown::in_body(&body).and(&Shown::in_path(&path));
            prop_assert!(shown.0.len() <= MAX_TEXTS);
        }
    }
}
