use std::collections::HashSet;

/// Places of faults that are remembered.
const MAX_PLACES: usize = 64;

/// The places in the injectors where something went wrong.
#[derive(Debug, Default)]
pub(crate) struct Faults(HashSet<(String, String)>);

impl Faults {
    /// Whether this place was not seen before. Of more places than are remembered, none is new.
    pub(crate) fn is_new(&mut self, injector: &str, place: &str) -> bool {
        self.0.len() < MAX_PLACES && self.0.insert((injector.to_owned(), place.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_is_new_once_and_only_so_many_are() {
        let mut faults = Faults::default();
        assert!(faults.is_new("python", "SQS.SendMessage") && !faults.is_new("python", "SQS.SendMessage"));
        let new = (0..1_000).filter(|n| faults.is_new("node", &n.to_string())).count();
        assert_eq!(new, MAX_PLACES - 1);
    }
}
