use memchr::memchr;

/// What stands between separators in a header, without white space around it.
pub(crate) fn split(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let (item, after) = match memchr(separator, text) {
            Some(at) => (text.get(..at)?, text.get(at + 1..)),
            None => (text, None),
        };
        rest = after;
        Some(item.trim_ascii())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_given() {
        let cases: [(&str, &[&str]); 5] = [
            ("", &[""]),
            ("a", &["a"]),
            (" a ,b", &["a", "b"]),
            (",", &["", ""]),
            ("a,,b,", &["a", "", "b", ""]),
        ];
        for (text, expected) in cases {
            let items: Vec<_> = split(text.as_bytes(), b',').collect();
            assert_eq!(items, expected.iter().map(|item| item.as_bytes()).collect::<Vec<_>>(), "{text}");
        }
    }
}
