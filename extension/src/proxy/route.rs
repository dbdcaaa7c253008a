use crate::sends;

/// What a request to the proxy is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// An injector asks for lineage.
    Sends,
    /// The runtime asks for the next event.
    Next,
    /// The answer of the invocation with this request id.
    Response(String),
    /// The failure of the invocation with this request id.
    Error(String),
    /// Anything else, also what is not known yet: it passes through.
    Other,
}

impl Route {
    /// Whatever the version of the Runtime API in front of it: `/2018-06-01/runtime/invocation/…`.
    pub(super) fn of(method: &str, path: &str) -> Self {
        if path == sends::PATH {
            return Self::Sends;
        }
        let version = path.trim_start_matches('/').split_once('/');
        let Some(rest) = version.and_then(|(_, rest)| rest.strip_prefix("runtime/invocation/")) else {
            return Self::Other;
        };
        match (method, rest.split_once('/')) {
            ("GET", None) if rest == "next" => Self::Next,
            ("POST", Some((id, "response"))) if !id.is_empty() => Self::Response(id.to_owned()),
            ("POST", Some((id, "error"))) if !id.is_empty() => Self::Error(id.to_owned()),
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_invocations_are_looked_at() {
        let cases = [
            ("GET", "/2018-06-01/runtime/invocation/next", Route::Next),
            ("GET", "/2030-01-01/runtime/invocation/next", Route::Next),
            ("POST", "/2018-06-01/runtime/invocation/r-1/response", Route::Response("r-1".into())),
            ("POST", "/2018-06-01/runtime/invocation/r-1/error", Route::Error("r-1".into())),
            ("POST", "/hopguard/v1/sends", Route::Sends),
            ("POST", "/2018-06-01/runtime/invocation/next", Route::Other),
            ("POST", "/2018-06-01/runtime/init/error", Route::Other),
            ("GET", "/2018-06-01/runtime/restore/next", Route::Other),
            ("POST", "/2018-06-01/runtime/restore/error", Route::Other),
            ("GET", "/a/b/runtime/invocation/next", Route::Other),
            ("POST", "/2018-06-01/runtime/invocation//response", Route::Other),
            ("GET", "/", Route::Other),
        ];
        for (method, path, expected) in cases {
            assert_eq!(Route::of(method, path), expected, "{method} {path}");
        }
    }
}
