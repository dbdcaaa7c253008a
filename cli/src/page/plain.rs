use std::borrow::Cow;

/// Text that somebody else has written (a function's variable, a span's name), as it is safe on a terminal.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    if text.contains(is_hostile) { text.replace(is_hostile, HIDDEN).into() } else { text.into() }
}

/// What stands for a character that is not shown.
const HIDDEN: &str = "\u{fffd}";

/// Control characters, and those of Unicode that change the direction of what follows or are not seen.
const fn is_hostile(c: char) -> bool {
    matches!(c, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The same for lines that have styles: those stay, and so do the ends of lines.
pub(crate) fn styled(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(is_hostile) {
        let (before, from) = rest.split_at(at);
        safe.push_str(before);
        let length = style(from).or_else(|| from.starts_with('\n').then_some(1));
        let hidden = from.chars().next().map_or(from.len(), char::len_utf8);
        let (taken, after) = from.split_at(length.unwrap_or(hidden));
        safe.push_str(if length.is_some() { taken } else { HIDDEN });
        rest = after;
    }
    safe.push_str(rest);
    safe
}

/// How long the style is that the text begins with: `ESC [`, numbers, `m`.
fn style(text: &str) -> Option<usize> {
    let numbers = text.strip_prefix("\u{1b}[")?;
    let end = numbers.find(|character: char| !character.is_ascii_digit() && character != ';')?;
    numbers.get(end..)?.starts_with('m').then_some(2 + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_somebody_else_acts_on_the_terminal() {
        let cases = [
            ("orders-日本", "orders-日本"),
            ("a\u{1b}[2Jb", "a\u{fffd}[2Jb"),
            ("\u{1b}]0;title\u{7}", "\u{fffd}]0;title\u{fffd}"),
            ("a\rb\nc\u{7f}", "a\u{fffd}b\u{fffd}c\u{fffd}"),
            ("\u{9b}31m", "\u{fffd}31m"),
            ("a\u{202e}b\u{2066}c", "a\u{fffd}b\u{fffd}c"),
        ];
        for (text, expected) in cases {
            assert_eq!(plain(text), expected, "{text:?}");
        }
    }

    #[test]
    fn styles_and_ends_of_lines_stay() {
        let kept = "\u{1b}[1mbold\u{1b}[0m \u{1b}[38;5;9mred\u{1b}[m\nnext\n";
        assert_eq!(styled(kept), kept);
        let cases = [
            ("\u{1b}[1mx\u{1b}[2J", "\u{1b}[1mx\u{fffd}[2J"),
            ("\u{1b}[1", "\u{fffd}[1"),
            ("\u{1b}]8;;http://x\u{1b}\\y", "\u{fffd}]8;;http://x\u{fffd}\\y"),
            ("a\r\n", "a\u{fffd}\n"),
        ];
        for (text, expected) in cases {
            assert_eq!(styled(text), expected, "{text:?}");
        }
    }
}
