//! AWS's own tracing header, `X-Amzn-Trace-Id`: read leniently, never written and never altered.

use crate::chain::ChainId;
use crate::hex;

/// What the header says, as far as it could be read. Fields come in any order; unknown ones are passed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Xray {
    /// The `Root`, `1-{8 hex}-{24 hex}`, as the 128 bits of a trace id.
    pub root: Option<ChainId>,
    /// The highest count that the `Lineage` field names: how often Lambda itself has seen some function in this chain.
    pub seen: Option<u16>,
}

impl Xray {
    /// Reads a header's value. What is short, garbled or unknown is `None`, never an error: AWS changes this header at will.
    pub fn parse(header: &str) -> Self {
        let mut read = Self::default();
        for field in header.split(';') {
            match field.trim().split_once('=') {
                Some(("Root", root)) => read.root = read_root(root),
                Some(("Lineage", lineage)) => read.seen = read_seen(lineage),
                _ => {}
            }
        }
        read
    }
}

fn read_root(root: &str) -> Option<ChainId> {
    let mut parts = root.trim().split('-');
    let (Some("1"), Some(time), Some(random), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    if time.len() != 8 || random.len() != 24 {
        return None;
    }
    let time = hex::decode_u128(time.to_ascii_lowercase().as_bytes())?;
    let random = hex::decode_u128(random.to_ascii_lowercase().as_bytes())?;
    ChainId::new(time << 96 | random)
}

/// Two forms carry a count per function: `a87bd80c:1|68fd508a:5` and `1:bd4cecd5:0` (loop, function, request).
fn read_seen(lineage: &str) -> Option<u16> {
    lineage
        .split('|')
        .filter_map(|entry| {
            let mut parts = entry.trim().split(':');
            match (parts.next(), parts.next(), parts.next(), parts.next()) {
                (Some(hash), Some(count), None, None) if hash.len() == 8 => count.parse().ok(),
                (Some(count), Some(hash), Some(_), None) if hash.len() == 8 => count.parse().ok(),
                _ => None,
            }
        })
        .max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_forms_that_were_seen() {
        let root = "5759e988bd862e3fe1be46a994272793";
        let cases = [
            (
                "all fields",
                "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a87bd80c:1|68fd508a:5",
                Some(root),
                Some(5),
            ),
            (
                "loop form",
                "Lineage=1:bd4cecd5:0;Root=1-5759e988-bd862e3fe1be46a994272793",
                Some(root),
                Some(1),
            ),
            ("zero form", "Root=1-5759e988-bd862e3fe1be46a994272793;Lineage=037bed70:0", Some(root), Some(0)),
            (
                "Self and spaces",
                "Self=1-0-0; Root=1-5759e988-bd862e3fe1be46a994272793 ;Sampled=?",
                Some(root),
                None,
            ),
            ("short root", "Root=1-57-bd", None, None),
            ("garbage", "Root=ü;Lineage=:::|x;;=;Parent", None, None),
            ("empty", "", None, None),
            ("zero root", "Root=1-00000000-000000000000000000000000", None, None),
        ];
        for (name, header, root, seen) in cases {
            let read = Xray::parse(header);
            assert_eq!(read.root.map(|root| root.to_string()).as_deref(), root, "{name}");
            assert_eq!(read.seen, seen, "{name}");
        }
    }
}
