//! Base64, as AWS writes bytes into JSON.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// [`HOPGUARD`](crate::propagator::HOPGUARD) as it stands in base64 that encodes it somewhere inside: three bytes are four
/// characters, so that there are three forms, by its place in such a group. Of each, the characters that no neighbour changes.
/// None of them is one that JSON may escape.
pub(super) const OURS: [&str; 3] = ["aG9wZ3Vhcm", "hvcGd1YXJk", "ob3BndWFyZ"];

/// Decodes a text into `bytes`, over what stands there; `None` where it is no base64.
pub(super) fn decode_into(text: &[u8], bytes: &mut Vec<u8>) -> Option<()> {
    bytes.clear();
    BASE64.decode_vec(text, bytes).ok()
}

pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    BASE64.decode(text).ok()
}

pub(super) fn encode(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

#[cfg(test)]
mod tests {
    use memchr::memmem;
    use proptest::prelude::*;

    use super::*;
    use crate::propagator::HOPGUARD;

    proptest! {
        #[test]
        fn our_name_is_found_wherever_it_is_encoded(before: Vec<u8>, after: Vec<u8>) {
            let text = encode(&[&before, HOPGUARD.as_bytes(), &after].concat());
            let form = OURS[before.len() % 3];
            prop_assert!(memmem::find(text.as_bytes(), form.as_bytes()).is_some(), "{text}");
        }

        #[test]
        fn what_is_encoded_is_decoded(bytes: Vec<u8>) {
            let text = encode(&bytes);
            let mut decoded = b"old".to_vec();
            prop_assert!(decode_into(text.as_bytes(), &mut decoded).is_some());
            prop_assert_eq!(decode(text.trim_end_matches('=').as_bytes()), Some(bytes.clone()));
            prop_assert_eq!(decoded, bytes);
        }
    }
}
