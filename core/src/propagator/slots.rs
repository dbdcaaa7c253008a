/// A carrier of named texts that a send will take along: message attributes, object metadata, a client context.
///
/// Implemented at the edge for the types of an SDK, and here for plain maps.
pub trait Slots {
    /// The text under `name`; `None` where there is none, or none that is a text.
    fn text(&self, name: &str) -> Option<&str>;
    /// Whether something stands under `name`, text or not.
    fn contains(&self, name: &str) -> bool;
    /// Writes a text, over what stood there.
    fn put(&mut self, name: &'static str, text: String);
    /// Takes out what stands under `name`.
    fn remove(&mut self, name: &str);
}

impl<S: std::hash::BuildHasher> Slots for std::collections::HashMap<String, String, S> {
    fn text(&self, name: &str) -> Option<&str> {
        self.get(name).map(String::as_str)
    }

    fn contains(&self, name: &str) -> bool {
        self.contains_key(name)
    }

    fn put(&mut self, name: &'static str, text: String) {
        self.insert(name.to_owned(), text);
    }

    fn remove(&mut self, name: &str) {
        std::collections::HashMap::remove(self, name);
    }
}
