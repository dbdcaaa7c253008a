use std::fmt;

use crate::chain::ChainId;
use crate::function::FunctionId;
use crate::hex;
use crate::lineage::{Credit, Lineage};
use crate::signing::{MAC_CHARS, SigningKeys};
use crate::visits::Visits;

/// The longest token, in bytes; a longer text is rejected unread.
pub const MAX_TOKEN_BYTES: usize = 256;

/// The `credit` field of a message that was sent beyond its chain's credit.
const EXCEEDED: u8 = b'x';

/// A lineage as text, in at most [`MAX_TOKEN_BYTES`] bytes of ASCII and without an allocation:
///
/// `01-<chain: 32 hex>-<hop: decimal>-<credit: decimal or x>-<fn: 8 hex>:<visits: decimal>[.<fn>:<visits>…][-<mac>]`
///
/// Free of quotes, commas, equals signs, semicolons and white space, so that it is legal as a W3C `tracestate` value, an SQS or
/// SNS String attribute, S3 user metadata, a JSON string and an HTTP header.
#[derive(Clone, Copy)]
pub struct Token {
    bytes: [u8; MAX_TOKEN_BYTES],
    len: usize,
}

/// Why a token was not believed. Each is counted (`hopguard.lineage.rejected`), and its record starts a new chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Rejected {
    /// More than [`MAX_TOKEN_BYTES`] bytes.
    #[error("the token is longer than {MAX_TOKEN_BYTES} bytes")]
    TooLong,
    /// Not the five fields of this version, each in its canonical form.
    #[error("the token is malformed")]
    Malformed,
    /// A version that this release does not know.
    #[error("the token has an unknown version")]
    Version,
    /// The same carrier holds two tokens, or a token names one function twice.
    #[error("the carrier holds more than one token, or the token one function twice")]
    Duplicate,
    /// A signing key is set and the token has no signature.
    #[error("the token is not signed")]
    Unsigned,
    /// A signing key is set and the signature is not of this token.
    #[error("the token's signature is wrong")]
    Signature,
    /// The token came over HTTP, where anybody may send one, and no signing key is set.
    #[error("a token that comes over HTTP needs a signature")]
    Untrusted,
}

impl Rejected {
    /// The value of the metric's `reason` attribute.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Malformed => "malformed",
            Self::Version => "version",
            Self::Duplicate => "duplicate",
            Self::Unsigned => "unsigned",
            Self::Signature => "signature",
            Self::Untrusted => "untrusted",
        }
    }
}

impl Token {
    /// Writes a lineage, signed where there are keys.
    pub fn new(lineage: &Lineage, keys: Option<&SigningKeys>) -> Self {
        let mut token = Self { bytes: [0; MAX_TOKEN_BYTES], len: 0 };
        let mut decimal = itoa::Buffer::new();
        token.push(b"01-");
        hex::words(lineage.chain.bits()).iter().for_each(|word| token.push(word));
        token.push(b"-");
        token.push(decimal.format(lineage.hop).as_bytes());
        token.push(b"-");
        match lineage.credit {
            Credit::Left(left) => token.push(decimal.format(left).as_bytes()),
            Credit::Exceeded => token.push(&[EXCEEDED]),
        }
        let mut separator = b"-";
        for (function, visits) in lineage.visits.iter() {
            token.push(separator);
            token.push(&hex::word(function.bits()));
            token.push(b":");
            token.push(decimal.format(visits).as_bytes());
            separator = b".";
        }
        if let Some(keys) = keys {
            let mac = keys.sign(token.as_bytes());
            token.push(b"-");
            token.push(&mac);
        }
        token
    }

    /// Reads a token strictly: a number has no sign and no leading zero, hexadecimal is lower case, and nothing may follow.
    ///
    /// # Errors
    /// [`Rejected`], for every text that [`Token::new`] does not write, and with `keys` for every one that they did not sign.
    pub fn decode(text: &[u8], keys: Option<&SigningKeys>) -> Result<Lineage, Rejected> {
        if text.len() > MAX_TOKEN_BYTES {
            return Err(Rejected::TooLong);
        }
        let rest = text.strip_prefix(b"01-").ok_or_else(|| other_version(text))?;
        let (chain, rest) = read_chain(rest).ok_or(Rejected::Malformed)?;
        let (hop, rest) = number_before(rest, b'-').ok_or(Rejected::Malformed)?;
        let (credit, rest) = match rest {
            [EXCEEDED, b'-', rest @ ..] => (Credit::Exceeded, rest),
            _ => number_before(rest, b'-')
                .map(|(left, rest)| (Credit::Left(left), rest))
                .ok_or(Rejected::Malformed)?,
        };
        let (visits, mac) = read_visits(rest)?;
        if mac.is_some_and(|mac| mac.len() != MAC_CHARS) {
            return Err(if keys.is_some() { Rejected::Signature } else { Rejected::Malformed });
        }
        if let Some(keys) = keys {
            let mac = mac.ok_or(Rejected::Unsigned)?;
            let signed = text.get(..text.len().saturating_sub(MAC_CHARS + 1)).unwrap_or_default();
            if !keys.verify(signed, mac) {
                return Err(Rejected::Signature);
            }
        }
        Ok(Lineage { chain, hop, credit, visits })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The text as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    fn push(&mut self, text: &[u8]) {
        // The longest lineage with a MAC is 254 bytes (see the tests), so that nothing is ever cut off here.
        if let Some(room) = self.bytes.get_mut(self.len..self.len + text.len()) {
            room.copy_from_slice(text);
            self.len += text.len();
        }
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a text that does not begin as a token of this version is none.
#[cold]
fn other_version(text: &[u8]) -> Rejected {
    match text {
        [b'0', b'1'] => Rejected::Malformed,
        [high, low] | [high, low, b'-', ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
            Rejected::Version
        }
        _ => Rejected::Malformed,
    }
}

fn read_chain(text: &[u8]) -> Option<(ChainId, &[u8])> {
    let (digits, rest) = text.split_first_chunk::<32>()?;
    Some((ChainId::from_hex(digits)?, rest.strip_prefix(b"-")?))
}

/// Reads the visits up to the end or to a dash, and what follows it.
fn read_visits(text: &[u8]) -> Result<(Visits, Option<&[u8]>), Rejected> {
    let mut visits = Visits::default();
    let mut rest = text;
    loop {
        let (function, count, after) = read_visit(rest).ok_or(Rejected::Malformed)?;
        if !visits.append(function, count) {
            let is_known = visits.of(function) > 0;
            return Err(if is_known { Rejected::Duplicate } else { Rejected::Malformed });
        }
        match after {
            [] => return Ok((visits, None)),
            [b'-', mac @ ..] => return Ok((visits, Some(mac))),
            [_, after @ ..] => rest = after,
        }
    }
}

/// Reads one entry, and what follows it, which is nothing, a point or a dash.
#[inline]
fn read_visit(text: &[u8]) -> Option<(FunctionId, u16, &[u8])> {
    let (function, rest) = text.split_first_chunk::<8>()?;
    let (count, rest) = number(rest.strip_prefix(b":")?)?;
    let count = u16::try_from(count).ok().filter(|count| *count > 0)?;
    matches!(rest, [] | [b'.' | b'-', ..]).then_some((FunctionId::from_hex(function)?, count, rest))
}

/// Reads a number that `end` follows, and what follows that.
#[inline]
fn number_before(text: &[u8], end: u8) -> Option<(u32, &[u8])> {
    let (value, rest) = number(text)?;
    let (first, rest) = rest.split_first()?;
    (*first == end).then_some((value, rest))
}

/// Reads a decimal without sign or leading zero that fits, and what follows it.
#[inline]
fn number(text: &[u8]) -> Option<(u32, &[u8])> {
    /// The digits of `u32::MAX`.
    const MOST: usize = 10;
    let (mut value, mut rest) = (0u64, text);
    while let [digit @ b'0'..=b'9', after @ ..] = rest {
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        rest = after;
    }
    let has_leading_zero = matches!(text, [b'0', b'0'..=b'9', ..]);
    if !(1..=MOST).contains(&(text.len() - rest.len())) || has_leading_zero {
        return None;
    }
    Some((u32::try_from(value).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::visits::MAX_FUNCTIONS;

    const PLAIN: &str = "01-0af7651916cd43dd8448eb211c80319c-3-256-68fd508a:2.a87bd80c:1";

    fn longest() -> Lineage {
        let mut visits = Visits::default();
        for function in 0..MAX_FUNCTIONS as u32 {
            assert!(visits.append(FunctionId::from_bits(u32::MAX - function), u16::MAX));
        }
        let chain = ChainId::new(u128::MAX).unwrap();
        Lineage { chain, hop: u32::MAX, credit: Credit::Left(u32::MAX), visits }
    }

    #[test]
    fn the_longest_signed_token_fits() {
        let keys = SigningKeys::parse("0123456789abcdef").unwrap();
        let token = Token::new(&longest(), Some(&keys));
        assert_eq!(token.as_str().len(), 254);
        assert_eq!(Token::decode(token.as_bytes(), Some(&keys)), Ok(longest()));
        assert!(!token.as_str().contains(['"', '\'', ',', '=', ';', ' ']));
    }

    #[test]
    fn reads_what_the_grammar_says_and_nothing_else() {
        let lineage = Token::decode(PLAIN.as_bytes(), None).unwrap();
        assert_eq!((lineage.hop, lineage.credit), (3, Credit::Left(256)));
        assert_eq!(Token::new(&lineage, None).as_str(), PLAIN);

        let chain = "0af7651916cd43dd8448eb211c80319c";
        let cases = [
            ("empty", String::new(), Rejected::Malformed),
            ("truncated", PLAIN.chars().take(50).collect(), Rejected::Malformed),
            ("over-long", format!("{PLAIN}{}", ".68fd508a:1".repeat(30)), Rejected::TooLong),
            ("non-ASCII", PLAIN.replace("68fd", "68fü"), Rejected::Malformed),
            ("upper case", PLAIN.to_uppercase(), Rejected::Malformed),
            ("zero chain", format!("01-{}-3-256-68fd508a:2", "0".repeat(32)), Rejected::Malformed),
            ("negative hop", format!("01-{chain}--3-256-68fd508a:2"), Rejected::Malformed),
            ("signed hop", format!("01-{chain}-+3-256-68fd508a:2"), Rejected::Malformed),
            ("leading zero", format!("01-{chain}-03-256-68fd508a:2"), Rejected::Malformed),
            ("overflowing hop", format!("01-{chain}-4294967296-256-68fd508a:2"), Rejected::Malformed),
            ("overflowing visits", format!("01-{chain}-3-256-68fd508a:65536"), Rejected::Malformed),
            ("no visits", format!("01-{chain}-3-256-68fd508a:0"), Rejected::Malformed),
            ("no function", format!("01-{chain}-3-256-"), Rejected::Malformed),
            ("one function twice", format!("01-{chain}-3-256-68fd508a:2.68fd508a:1"), Rejected::Duplicate),
            ("later version", PLAIN.replacen("01", "02", 1), Rejected::Version),
            ("not a version", PLAIN.replacen("01", "zz", 1), Rejected::Malformed),
            ("white space", format!(" {PLAIN}"), Rejected::Malformed),
            ("odd signature", format!("{PLAIN}-abc"), Rejected::Malformed),
        ];
        for (name, text, expected) in cases {
            assert_eq!(Token::decode(text.as_bytes(), None), Err(expected), "{name}: {text}");
        }
    }

    #[test]
    fn with_a_key_only_its_own_signature_counts() {
        let keys = SigningKeys::parse("0123456789abcdef").unwrap();
        let others = SigningKeys::parse("fedcba9876543210").unwrap();
        let lineage = Token::decode(PLAIN.as_bytes(), None).unwrap();
        let signed = Token::new(&lineage, Some(&keys));
        assert_eq!(Token::decode(signed.as_bytes(), Some(&keys)), Ok(lineage));
        assert_eq!(
            Token::decode(signed.as_bytes(), None),
            Ok(lineage),
            "who has no key believes what a queue brings"
        );
        assert_eq!(Token::decode(signed.as_bytes(), Some(&others)), Err(Rejected::Signature));
        assert_eq!(Token::decode(PLAIN.as_bytes(), Some(&keys)), Err(Rejected::Unsigned));
        let altered = signed.as_str().replacen("-3-", "-2-", 1);
        assert_eq!(Token::decode(altered.as_bytes(), Some(&keys)), Err(Rejected::Signature));
    }

    pub(crate) fn lineages() -> impl Strategy<Value = Lineage> {
        let credit = prop_oneof![any::<u32>().prop_map(Credit::Left), Just(Credit::Exceeded)];
        let visits = proptest::collection::vec((any::<u32>(), 1..=u16::MAX), 1..=MAX_FUNCTIONS);
        (1..=u128::MAX, any::<u32>(), credit, visits).prop_map(|(chain, hop, credit, entries)| {
            let mut visits = Visits::default();
            for (function, count) in entries {
                let _ = visits.append(FunctionId::from_bits(function), count);
            }
            Lineage { chain: ChainId::new(chain).unwrap(), hop, credit, visits }
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(lineage in lineages(), sign: bool) {
            let keys = SigningKeys::parse("0123456789abcdef").unwrap();
            let keys = sign.then_some(&keys);
            let token = Token::new(&lineage, keys);
            prop_assert!(token.as_str().is_ascii());
            prop_assert_eq!(Token::decode(token.as_bytes(), keys), Ok(lineage));
        }

        #[test]
        fn no_bytes_panic_and_what_is_read_is_canonical(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(lineage) = Token::decode(&text, None) {
                let token = Token::new(&lineage, None);
                prop_assert!(text.starts_with(token.as_bytes()));
            }
        }

        #[test]
        fn a_changed_byte_is_rejected_or_read_as_written(at in 0..PLAIN.len(), byte: u8) {
            let mut text = PLAIN.as_bytes().to_vec();
            text[at] = byte;
            if let Ok(lineage) = Token::decode(&text, None) {
                let written = Token::new(&lineage, None);
                prop_assert_eq!(written.as_bytes(), &text[..]);
            }
        }
    }
}
