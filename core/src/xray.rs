//! AWS's own tracing header, `X-Amzn-Trace-Id`: read leniently, never written and never altered.

use crate::chain::ChainId;
use crate::hex;
use crate::propagator::split;

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
        for field in split(header.as_bytes(), b';') {
            if let Some(root) = field.strip_prefix(b"Root=") {
                read.root = read_root(root);
            } else if let Some(lineage) = field.strip_prefix(b"Lineage=") {
                read.seen = std::str::from_utf8(lineage).ok().and_then(read_seen);
            }
        }
        read
    }
}

fn read_root(root: &[u8]) -> Option<ChainId> {
    let (time, rest) = root.trim_ascii().strip_prefix(b"1-")?.split_first_chunk::<8>()?;
    let random: [u8; 24] = rest.strip_prefix(b"-")?.try_into().ok()?;
    let time = hex::decode_u128(&time.map(|digit| digit.to_ascii_lowercase()))?;
    let random = hex::decode_u128(&random.map(|digit| digit.to_ascii_lowercase()))?;
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
            ("upper case", "Root=1-5759E988-BD862E3FE1BE46A994272793", Some(root), None),
            ("long root", "Root=1-5759e988-bd862e3fe1be46a9942727930", None, None),
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
