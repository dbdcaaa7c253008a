use std::io::{self, BufRead, Read as _};

use serde_json::error::Category;

use super::{Tally, otlp::Request};
use crate::report::model::Builder;

/// The longest line, and the longest document over several lines, that is read. The layer's own lines have 4 MiB at most.
pub const MAX_DOCUMENT_BYTES: usize = 256 * 1024 * 1024;
/// The first line of a document that is printed over many.
const MAX_OPENING_BYTES: usize = 4096;

/// Reads one request a line, or a single document over many lines.
pub(super) fn read(source: &mut impl BufRead, builder: &mut Builder, tally: &mut Tally) -> io::Result<()> {
    let mut line = Vec::new();
    let mut first = true;
    while let Some(whole) = next_line(source, &mut line)? {
        let text = line.trim_ascii();
        if text.is_empty() {
            continue;
        }
        if !whole {
            tally.too_long += 1;
            continue;
        }
        let opens = first && text.len() <= MAX_OPENING_BYTES;
        first = false;
        match take(text, builder, tally) {
            Ok(()) => {}
            Err(Category::Eof) if opens && goes_on(source)? => return document(source, line, builder, tally),
            Err(Category::Eof) => tally.cut_off += 1,
            Err(_) => tally.unreadable += 1,
        }
    }
    Ok(())
}

/// Reads up to the next end of line. `Some(false)` where it was longer than the limit; what is left of it is passed over.
fn next_line(source: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
    line.clear();
    let limit = MAX_DOCUMENT_BYTES as u64;
    if source.by_ref().take(limit).read_until(b'\n', line)? == 0 {
        return Ok(None);
    }
    if line.ends_with(b"\n") || (line.len() as u64) < limit {
        return Ok(Some(true));
    }
    line.clear();
    source.skip_until(b'\n')?;
    Ok(Some(false))
}

/// Whether the next line does not begin a request of its own.
fn goes_on(source: &mut impl BufRead) -> io::Result<bool> {
    Ok(source.fill_buf()?.first().is_some_and(|byte| *byte != b'{'))
}

/// The rest of `source`, beginning with `opening`, as one document or several that are printed over many lines.
fn document(
    source: &mut impl BufRead,
    opening: Vec<u8>,
    builder: &mut Builder,
    tally: &mut Tally,
) -> io::Result<()> {
    let mut text = opening;
    source.by_ref().take(MAX_DOCUMENT_BYTES as u64).read_to_end(&mut text)?;
    if !source.fill_buf()?.is_empty() {
        tally.too_long += 1;
        return Ok(());
    }
    for request in serde_json::Deserializer::from_slice(&text).into_iter::<Request<'_>>() {
        match request {
            Ok(request) => count(&request, builder, tally),
            Err(error) if error.is_eof() => tally.cut_off += 1,
            Err(_) => {
                tally.unreadable += 1;
                break;
            }
        }
    }
    Ok(())
}

fn take(text: &[u8], builder: &mut Builder, tally: &mut Tally) -> Result<(), Category> {
    let request = serde_json::from_slice::<Request<'_>>(text).map_err(|error| error.classify())?;
    count(&request, builder, tally);
    Ok(())
}

fn count(request: &Request<'_>, builder: &mut Builder, tally: &mut Tally) {
    if request.has_spans() {
        tally.requests += 1;
        builder.add(request, tally);
    } else if request.has_other_signals() {
        tally.other_signals += 1;
    } else {
        tally.unreadable += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"00000000000000000000000000000001","spanId":"0000000000000002","name":"x","startTimeUnixNano":"5","endTimeUnixNano":"9"}]}]}]}"#;

    fn tally(text: &str) -> Tally {
        let (mut builder, mut tally) = (Builder::default(), Tally::default());
        read(&mut text.as_bytes(), &mut builder, &mut tally).unwrap();
        tally
    }

    #[test]
    fn what_cannot_be_used_is_counted_and_passed_over() {
        let other = LINE.replace("0000000000000002", "0000000000000003");
        let pretty =
            serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(LINE).unwrap()).unwrap();
        let half = LINE.split_at(LINE.len() / 2).0;
        let read = |requests, spans| Tally { requests, spans, ..Tally::default() };
        let cases = [
            ("two lines", format!("{LINE}\n{other}\n"), read(2, 2)),
            ("no end of line", format!("{LINE}\r\n\n{other}"), read(2, 2)),
            ("a span twice", format!("{LINE}\n{LINE}"), Tally { repeated_spans: 1, ..read(2, 1) }),
            ("cut off at the end", format!("{LINE}\n{half}"), Tally { cut_off: 1, ..read(1, 1) }),
            ("cut off at the start", format!("{half}\n{LINE}"), Tally { cut_off: 1, ..read(1, 1) }),
            ("cut off alone", half.to_owned(), Tally { cut_off: 1, ..read(0, 0) }),
            (
                "metrics",
                format!("{{\"resourceMetrics\":[{{}}]}}\n{LINE}"),
                Tally { other_signals: 1, ..read(1, 1) },
            ),
            ("logs", "{\"resourceLogs\":[]}".to_owned(), Tally { other_signals: 1, ..read(0, 0) }),
            ("other JSON", format!("{{}}\n[1]\nhello\n{LINE}"), Tally { unreadable: 3, ..read(1, 1) }),
            ("a pretty document", pretty.clone(), read(1, 1)),
            (
                "a pretty document that is cut off",
                pretty.split_at(pretty.len() - 9).0.to_owned(),
                Tally { cut_off: 1, ..read(0, 0) },
            ),
            ("nothing", String::new(), read(0, 0)),
            ("no id", LINE.replace("0002", "zzzz"), Tally { invalid_spans: 1, ..read(1, 0) }),
        ];
        for (name, text, expected) in cases {
            assert_eq!(tally(&text), expected, "{name}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_unreadable() {
        let (mut builder, mut tally) = (Builder::default(), Tally::default());
        read(&mut [0xff, 0xfe, b'\n'].as_slice(), &mut builder, &mut tally).unwrap();
        assert_eq!(tally.unreadable, 1);
    }
}
