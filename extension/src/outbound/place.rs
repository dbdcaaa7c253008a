use http::{HeaderValue, Uri};

/// Where requests go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) https: bool,
    /// A name or an address, without the brackets of IPv6.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The file of a certificate authority to believe beside the public ones.
    pub(crate) certificate: Option<String>,
}

impl Place {
    /// Where an absolute URI points; `None` where it is none of HTTP's.
    pub(crate) fn of(uri: &Uri) -> Option<Self> {
        let https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return None,
        };
        let host = uri.host()?.trim_matches(['[', ']']).to_owned();
        let port = uri.port_u16().unwrap_or(if https { 443 } else { 80 });
        Some(Self { https, host, port, certificate: None })
    }

    pub(crate) fn is_loopback(&self) -> bool {
        matches!(self.host.as_str(), "localhost" | "::1") || self.host.starts_with("127.")
    }

    /// The header `Host`: as a signature of AWS's has it, without the port that the scheme has anyway.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        let host = if self.host.contains(':') { &format!("[{}]", self.host) } else { &self.host };
        let usual = if self.https { 443 } else { 80 };
        let text = if self.port == usual { host } else { &format!("{host}:{}", self.port) };
        HeaderValue::try_from(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_is_a_place() {
        let cases = [
            ("http://collector:4318/v1", Some((false, "collector", 4318, "collector:4318"))),
            ("http://collector/", Some((false, "collector", 80, "collector"))),
            ("https://sqs.us-east-1.amazonaws.com/", Some((true, "sqs.us-east-1.amazonaws.com", 443, ""))),
            ("https://[::1]:4566/x?y", Some((true, "::1", 4566, "[::1]:4566"))),
            ("https://c:80", Some((true, "c", 80, "c:80"))),
            ("/v1/traces", None),
            ("ftp://collector/", None),
        ];
        for (uri, expected) in cases {
            let place = Place::of(&uri.parse().unwrap());
            let expected = expected.map(|(https, host, port, header)| {
                (https, host, port, if header.is_empty() { host } else { header })
            });
            let header = place.as_ref().and_then(Place::header);
            let found = place.as_ref().map(|place| (place.https, place.host.as_str(), place.port));
            let found = found
                .zip(header.as_ref())
                .map(|((https, host, port), header)| (https, host, port, header.to_str().unwrap()));
            assert_eq!(found, expected, "{uri}");
        }
    }
}
