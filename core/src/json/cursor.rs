use std::borrow::Cow;
use std::ops::Range;

use super::scan;
use super::text::Text;

/// A place in a JSON text.
///
/// A function that reads one kind of value consumes nothing where another kind stands there, so that the value can still be
/// skipped. Where the text itself is broken or ends early the cursor is spent: it reads nothing any more, and
/// [`finish`](Self::finish) says so.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'j> {
    bytes: &'j [u8],
    at: usize,
}

impl<'j> Cursor<'j> {
    pub(crate) const fn new(bytes: &'j [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Where it is, in bytes of the text; beyond its end where the text is broken.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// Whether the text held nothing but the values read, white space aside.
    pub(crate) fn finish(mut self) -> bool {
        self.peek().is_none() && self.at == self.bytes.len()
    }

    /// The next byte that is no white space.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        loop {
            match *self.bytes.get(self.at)? {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    /// Where the next member of the object that was entered begins, or its end.
    pub(crate) fn next_start(mut self) -> usize {
        self.eat(b',');
        self.peek();
        self.at
    }

    /// Steps into an object, before its first key.
    pub(crate) fn enter_object(&mut self) -> bool {
        self.eat(b'{')
    }

    /// The next key of the object that was entered; `None` at its end. The value before it must have been consumed.
    #[inline(always)]
    pub(crate) fn next_key(&mut self) -> Option<Text<'j>> {
        let mut next = self.peek();
        if next == Some(b',') {
            self.at += 1;
            next = self.peek();
        } else if next == Some(b'}') {
            self.at += 1;
            return None;
        }
        let key = if next == Some(b'"') { self.content() } else { None };
        let key = key.filter(|_| self.eat(b':'));
        if key.is_none() {
            self.spend();
        }
        key
    }

    /// Consumes the string whose opening quote is next.
    #[inline(always)]
    fn content(&mut self) -> Option<Text<'j>> {
        let start = self.at + 1;
        let Some((end, is_plain)) = scan::string_end(self.bytes, start) else {
            self.spend();
            return None;
        };
        self.at = end + 1;
        self.bytes.get(start..end).map(|raw| Text::new(raw, is_plain))
    }

    /// Gives every member of an object to `each`, which may consume the value or leave it; `false` where no object is next.
    /// A key that stands there twice is given twice: who assigns keeps the last, as `serde_json` does.
    #[inline]
    pub(crate) fn members(&mut self, each: impl FnMut(&[u8], &mut Self)) -> bool {
        let entered = self.enter_object();
        if entered {
            self.other_members(each);
        }
        entered
    }

    /// Gives the members that are left of the object that was entered to `each`.
    #[inline]
    pub(crate) fn other_members(&mut self, mut each: impl FnMut(&[u8], &mut Self)) {
        while let Some(key) = self.next_key() {
            self.value(|cursor| each(&key.name(), cursor));
        }
    }

    /// Consumes exactly these bytes, where they are next.
    ///
    /// This and the two below are guesses at what AWS writes: a key in its usual place, without white space or escapes. What
    /// was not guessed is left for [`other_members`](Self::other_members), so that a wrong guess costs a few instructions,
    /// while a right one saves most of what a key costs.
    #[inline(always)]
    pub(crate) fn guess(&mut self, expected: &[u8]) -> bool {
        let found = self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(expected));
        if found {
            self.at += expected.len();
        }
        found
    }

    /// Consumes these bytes, the last of which opens a string, and the string.
    #[inline(always)]
    pub(crate) fn guess_string<const N: usize>(&mut self, lead: &[u8; N]) -> Option<Text<'j>> {
        if !self.guess(lead) {
            return None;
        }
        self.at -= 1;
        self.content()
    }

    /// Consumes so many bytes and then exactly these, where they are next.
    #[inline(always)]
    pub(crate) fn guess_after(&mut self, bytes: usize, expected: &[u8]) -> bool {
        let rest = self.at.checked_add(bytes).and_then(|at| self.bytes.get(at..));
        let found = rest.is_some_and(|rest| rest.starts_with(expected));
        if found {
            self.at += bytes + expected.len();
        }
        found
    }

    /// Consumes what is left of a string, and the quote that ends it.
    #[inline(always)]
    pub(crate) fn guess_end_of_string(&mut self) -> bool {
        let Some((end, _)) = scan::string_end(self.bytes, self.at) else { return false };
        self.at = end + 1;
        true
    }

    /// What is left of the text.
    #[inline]
    pub(crate) fn rest(&self) -> &'j [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Consumes these bytes, and the value after them, which `each` may consume or leave.
    #[inline(always)]
    pub(crate) fn guess_value<const N: usize>(&mut self, lead: &[u8; N], each: impl FnOnce(&mut Self)) {
        if self.guess(lead) {
            self.value(each);
        }
    }

    /// The bytes from `start` to where it is.
    pub(crate) fn since(&self, start: usize) -> &'j [u8] {
        self.bytes.get(start..self.at).unwrap_or_default()
    }

    /// Gives every element of an array to `each`, which may consume it or leave it; `false` where no array is next.
    pub(crate) fn elements(&mut self, mut each: impl FnMut(&mut Self)) -> bool {
        if !self.eat(b'[') {
            return false;
        }
        loop {
            if self.eat(b']') {
                return true;
            }
            self.eat(b',');
            if self.peek().is_none() {
                self.spend();
                return true;
            }
            self.value(&mut each);
        }
    }

    /// Gives the first element of an array to `each`.
    pub(crate) fn first_element(&mut self, each: impl FnOnce(&mut Self)) {
        if self.eat(b'[') && self.peek() != Some(b']') {
            each(self);
        }
    }

    /// Consumes a string.
    #[inline]
    pub(crate) fn string(&mut self) -> Option<Text<'j>> {
        if self.peek() == Some(b'"') { self.content() } else { None }
    }

    /// Consumes a string and reads it as text.
    pub(crate) fn text(&mut self) -> Option<Cow<'j, str>> {
        self.string()?.text()
    }

    /// Consumes a string and reads it as bytes.
    pub(crate) fn string_bytes(&mut self) -> Option<Cow<'j, [u8]>> {
        self.string()?.bytes()
    }

    /// Consumes any value. Where it is, in bytes of the text; empty where the text is broken.
    pub(crate) fn span(&mut self) -> Range<usize> {
        self.peek();
        let start = self.at;
        self.skip();
        start..self.at
    }

    /// Consumes any value.
    #[inline]
    pub(crate) fn skip(&mut self) {
        match self.peek() {
            Some(b'"') => {
                self.string();
            }
            Some(b'{' | b'[') => self.skip_nested(),
            Some(b',' | b':' | b'}' | b']') | None => self.spend(),
            Some(_) => self.skip_scalar(),
        }
    }

    /// Consumes an object or an array of any depth: a counter, no recursion.
    fn skip_nested(&mut self) {
        if self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(b"[]") || rest.starts_with(b"{}")) {
            self.at += 2;
            return;
        }
        let mut depth = 0usize;
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                b'"' => {
                    if self.string().is_none() {
                        return;
                    }
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth <= 1 => {
                    self.at += 1;
                    return;
                }
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
        }
        self.spend();
    }

    fn skip_scalar(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let ends =
            |byte: &u8| matches!(byte, b',' | b':' | b'}' | b']' | b'"' | b' ' | b'\n' | b'\r' | b'\t');
        self.at += rest.iter().position(ends).unwrap_or(rest.len());
    }

    #[inline]
    fn value(&mut self, each: impl FnOnce(&mut Self)) {
        self.peek();
        let before = self.at;
        each(self);
        if self.at == before {
            self.skip();
        }
    }

    #[inline]
    fn eat(&mut self, expected: u8) -> bool {
        let eaten = self.peek() == Some(expected);
        self.at += usize::from(eaten);
        eaten
    }

    /// Past the end, where nothing can be read and `finish` fails.
    fn spend(&mut self) {
        self.at = usize::MAX;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys(text: &str) -> (Vec<String>, bool) {
        let mut cursor = Cursor::new(text.as_bytes());
        let mut keys = vec![];
        let object = cursor.members(|key, cursor| {
            if key == b"read" {
                let mut inner = vec![];
                cursor.members(|key, _| inner.push(String::from_utf8(key.to_vec()).unwrap()));
                keys.push(format!("read({})", inner.join(",")));
            } else {
                keys.push(String::from_utf8(key.to_vec()).unwrap());
            }
        });
        (keys, object && cursor.finish())
    }

    #[test]
    fn reads_members_and_skips_what_is_left() {
        let cases: [(&str, &[&str], bool); 14] = [
            ("{}", &[], true),
            (r#" { "a" : 1 , "b":[{"x":[]}],"c":"}" , "d":null} "#, &["a", "b", "c", "d"], true),
            (r#"{"read":{"x":1,"y":{"z":2}},"a":true}"#, &["read(x,y)", "a"], true),
            (r#"{"read":[1],"a":-1.5e3}"#, &["read()", "a"], true),
            (r#"{"a":"\"}","b":1}"#, &["a", "b"], true),
            (r#"{"a":1} x"#, &["a"], false),
            (r#"{"a":1"#, &["a"], false),
            (r#"{"a":"#, &["a"], false),
            (r#"{"a":}"#, &["a"], false),
            (r#"{"a":[1,{"b":"c"}"#, &["a"], false),
            (r#"{"a""#, &[], false),
            (r#"{"a":1,}"#, &["a"], false),
            ("[]", &[], false),
            ("", &[], false),
        ];
        for (text, expected, whole) in cases {
            let (keys, finished) = keys(text);
            assert_eq!(keys, expected, "{text}");
            assert_eq!(finished, whole, "{text}");
        }
    }

    #[test]
    fn depth_is_a_number() {
        for depth in [300, 100_000] {
            let text = format!("[{}{}]", r#"{"a":["#.repeat(depth), "]}".repeat(depth));
            let mut cursor = Cursor::new(text.as_bytes());
            assert_eq!(cursor.span(), 0..text.len());
            assert!(cursor.finish());
        }
    }

    #[test]
    fn elements_are_counted() {
        let count = |text: &str| {
            let (mut cursor, mut count) = (Cursor::new(text.as_bytes()), 0);
            let array = cursor.elements(|_| count += 1);
            (array && cursor.finish()).then_some(count)
        };
        assert_eq!(count("[]"), Some(0));
        assert_eq!(count(" [1, \"a\",{},[[]]]"), Some(4));
        assert_eq!(count("[1"), None);
        assert_eq!(count("[1,"), None);
        assert_eq!(count("{}"), None);
    }

    #[test]
    fn a_guess_finds_its_key_or_nothing() {
        let cases = [
            (r#"{"a":1,"b":2}"#, "a=1 b=2"),
            (r#"{"b":2,"a":1}"#, "b=2 a=1"),
            (r#"{"a": 1, "b":2}"#, "a= 1 b=2"),
            (r#"{ "a":1,"\u0062":2}"#, "a=1 b=2"),
            (r#"{"a":1,"c":3,"a":4}"#, "a=1 c=3 a=4"),
            (r#"{"ab":1,"a"}"#, "ab=1"),
            ("{}", ""),
        ];
        for (text, expected) in cases {
            let mut found = vec![];
            let mut each = |key: &[u8], cursor: &mut Cursor<'_>| {
                let start = cursor.at();
                let end = cursor.span().end;
                found.push(format!(
                    "{}={}",
                    String::from_utf8_lossy(key),
                    text.get(start..end).unwrap_or_default()
                ));
            };
            let mut cursor = Cursor::new(text.as_bytes());
            assert!(cursor.enter_object());
            cursor.guess_value(b"\"a\":", |cursor| each(b"a", cursor));
            cursor.guess_value(b",\"b\":", |cursor| each(b"b", cursor));
            cursor.other_members(&mut each);
            assert_eq!(found.join(" ").replace("= ", "="), expected.replace("= ", "="), "{text}");
        }
        let mut cursor = Cursor::new(br#"{"a":"1","b":2}"#);
        assert!(cursor.guess_string(b"{\"b\":\"").is_none());
        assert_eq!(cursor.guess_string(b"{\"a\":\"").map(|text| text.raw()), Some(&b"1"[..]));
        assert!(cursor.guess_string(b",\"b\":\"").is_none() && cursor.guess(b",\"b\":2}") && cursor.finish());
        let mut broken = Cursor::new(br#"{"a":"1"#);
        assert!(broken.guess_string(b"{\"a\":\"").is_none() && !broken.finish(), "its string never ends");
    }

    proptest! {
        #[test]
        fn no_text_panics_or_hangs(text in "[\\[\\]{}:,\"\\\\a1 ]{0,60}") {
            let (mut cursor, mut plain) = (Cursor::new(text.as_bytes()), Cursor::new(text.as_bytes()));
            cursor.members(|_, cursor| { cursor.members(|_, cursor| { cursor.elements(|_| ()); }); });
            cursor.elements(|cursor| { cursor.members(|_, _| ()); });
            plain.skip();
            if serde_json::from_str::<serde_json::Value>(&text).is_ok() {
                prop_assert!(plain.finish());
            }
        }
    }
}
