use std::collections::HashMap;

/// The data types of a user's own attributes, in turns.
const KINDS: [(&str, &str); 4] = [
    ("String", "text, \"quoted\" = é"),
    ("Number", "42.50"),
    ("Binary", "\0\u{1}bytes"),
    ("String.uuid", "u-1"),
];

/// A message of the user's: named attributes, so many others, and a body of this length.
#[derive(Clone)]
pub struct Message {
    named: Vec<(&'static str, String)>,
    kind: &'static str,
    others: usize,
    body: usize,
}

impl Message {
    pub fn new(named: &[(&'static str, &str)], others: usize, body: usize) -> Self {
        Self {
            named: named.iter().map(|(name, text)| (*name, (*text).to_owned())).collect(),
            kind: "String",
            others,
            body,
        }
    }

    /// The same with named attributes of another data type.
    pub fn of_kind(self, kind: &'static str) -> Self {
        Self { kind, ..self }
    }

    pub fn body(&self) -> String {
        "x".repeat(self.body)
    }

    /// Its attributes, each made of its data type and its text.
    pub fn attributes<A>(&self, value: impl Fn(&str, &str) -> A) -> Option<HashMap<String, A>> {
        let mut attributes: HashMap<String, A> =
            self.named.iter().map(|(name, text)| ((*name).to_owned(), value(self.kind, text))).collect();
        for (nth, (kind, text)) in KINDS.iter().cycle().take(self.others).enumerate() {
            attributes.insert(format!("own-{nth}"), value(kind, text));
        }
        Some(attributes).filter(|attributes| !attributes.is_empty())
    }
}
