use serde::Serialize;

/// What was read, and what was left aside and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Tally {
    /// Files, standard input among them.
    pub files: u64,
    /// Requests with spans.
    pub requests: u64,
    /// Spans in them.
    pub spans: u64,
    /// Requests of metrics or logs: skipped.
    pub other_signals: u64,
    /// Lines that end too soon, as the last line of a file that is still written does: skipped.
    pub cut_off: u64,
    /// Lines that are no OTLP JSON at all: skipped.
    pub unreadable: u64,
    /// Lines longer than the limit: skipped.
    pub too_long: u64,
    /// Spans without a usable id or time: skipped.
    pub invalid_spans: u64,
    /// Spans that were read already, as after an export that was repeated: skipped.
    pub repeated_spans: u64,
    /// Spans beyond the number that is held: skipped.
    pub spans_beyond_limit: u64,
}

impl Tally {
    /// What was skipped, in words, most telling first; empty where nothing was.
    #[must_use]
    pub fn skipped(&self) -> Vec<String> {
        let words = [
            (self.cut_off, "line that is cut off", "lines that are cut off"),
            (self.unreadable, "line that is no OTLP JSON", "lines that are no OTLP JSON"),
            (self.too_long, "line that is too long", "lines that are too long"),
            (self.other_signals, "request of metrics or logs", "requests of metrics or logs"),
            (self.invalid_spans, "span without a usable id or time", "spans without a usable id or time"),
            (self.repeated_spans, "repeated span", "repeated spans"),
            (self.spans_beyond_limit, "span beyond the limit", "spans beyond the limit"),
        ];
        let said = words.iter().filter(|(count, ..)| *count > 0);
        said.map(|(count, one, many)| format!("{count} {}", if *count == 1 { one } else { many })).collect()
    }
}
