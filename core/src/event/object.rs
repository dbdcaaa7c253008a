use std::borrow::Cow;

use memchr::memchr2;

/// An S3 object that a notification names.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectRef<'e> {
    /// The bucket's name.
    pub bucket: Cow<'e, str>,
    /// The key as it was written, decoded.
    pub key: Cow<'e, str>,
    /// The entity tag, without quotes.
    pub etag: Option<Cow<'e, str>>,
    /// The version, in a bucket that keeps versions.
    pub version: Option<Cow<'e, str>>,
    /// The id of the request that wrote the object, which the writer knows too.
    pub request_id: Option<Cow<'e, str>>,
    /// The order of writes to one key, in hexadecimal.
    pub sequencer: Option<Cow<'e, str>>,
    /// The object was removed: there is nothing to look up.
    pub removed: bool,
}

/// What a notification says of its object, in either form, as it is read.
#[derive(Debug, Default)]
pub(super) struct Named<'j> {
    pub(super) bucket: Option<Cow<'j, str>>,
    pub(super) key: Option<Cow<'j, str>>,
    pub(super) etag: Option<Cow<'j, str>>,
    pub(super) version: Option<Cow<'j, str>>,
    pub(super) request_id: Option<Cow<'j, str>>,
    pub(super) sequencer: Option<Cow<'j, str>>,
    pub(super) removed: bool,
}

impl<'j> Named<'j> {
    /// The object; `None` where bucket or key are not known.
    pub(super) fn object(self) -> Option<ObjectRef<'j>> {
        let Self { bucket, key, etag, version, request_id, sequencer, removed } = self;
        Some(ObjectRef { bucket: bucket?, key: key?, etag, version, request_id, sequencer, removed })
    }
}

impl ObjectRef<'_> {
    /// The same, owned: what was read from a body that had to be unescaped does not live as long as the event.
    pub fn into_owned(self) -> ObjectRef<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        ObjectRef {
            bucket: owned(self.bucket),
            key: owned(self.key),
            etag: self.etag.map(owned),
            version: self.version.map(owned),
            request_id: self.request_id.map(owned),
            sequencer: self.sequencer.map(owned),
            removed: self.removed,
        }
    }
}

/// Decodes a key as S3's own notifications write it: percent-encoded, and `+` is a space. `None` where it decodes to no UTF-8,
/// which no key is.
pub(super) fn url_decode(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    if memchr2(b'%', b'+', text.as_bytes()).is_none() {
        return Some(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => match after.split_first_chunk() {
                Some(([high, low], after)) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                    rest = after;
                    let digit =
                        |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
                    digit(*high)? << 4 | digit(*low)?
                }
                _ => b'%',
            },
            other => *other,
        });
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_decoded_as_s3_encodes_them() {
        let cases = [
            ("in/plain.txt", Some("in/plain.txt")),
            ("a+b%2Bc%C3%A9", Some("a b+cé")),
            ("100%", Some("100%")),
            ("%zz%4", Some("%zz%4")),
            ("%2b%2B", Some("++")),
            ("%ff", None),
        ];
        for (text, expected) in cases {
            assert_eq!(url_decode(text.into()).as_deref(), expected, "{text}");
        }
        assert!(matches!(url_decode("plain".into()), Some(Cow::Borrowed(_))));
    }
}
