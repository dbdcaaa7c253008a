//! Lineage in the client context of a synchronous invocation: base64 of JSON, with our texts in its object `custom`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hopguard_core::propagator::{Fields, HOPGUARD, Inbound, TRACEPARENT, TRACESTATE};
use hopguard_core::{SigningKeys, Token};
use memchr::memmem;
use serde_json::Value;

/// What a client context carries; `None` where it cannot be read, or says nothing under our names.
pub(crate) fn extract(context: &str, keys: Option<&SigningKeys>) -> Option<Inbound> {
    let context: Value = serde_json::from_slice(&decode(context)?).ok()?;
    let custom = context.get("custom")?;
    let text = |name: &str| custom.get(name).and_then(Value::as_str);
    let fields =
        Fields { traceparent: text(TRACEPARENT), tracestate: text(TRACESTATE), packed: text(HOPGUARD) };
    (!fields.is_empty()).then(|| fields.extract(keys))
}

/// The client context with another token in place of the one that it carries; every other byte of its JSON is kept.
pub(crate) fn advanced(context: &str, token: &Token) -> Option<String> {
    let json = decode(context)?;
    let carried: Value = serde_json::from_slice(&json).ok()?;
    let custom = carried.get("custom")?;
    let packed = custom.get(HOPGUARD).and_then(Value::as_str);
    let state = custom.get(TRACESTATE).and_then(Value::as_str).unwrap_or_default();
    let member = state.split(',').find_map(|member| member.trim().strip_prefix("hopguard="));
    let old = packed.or(member).filter(|old| !old.is_empty())?;
    let mut out = Vec::with_capacity(json.len() + 32);
    let mut at = 0;
    for place in memmem::find_iter(&json, old) {
        out.extend_from_slice(json.get(at..place)?);
        out.extend_from_slice(token.as_bytes());
        at = place + old.len();
    }
    out.extend_from_slice(json.get(at..)?);
    (at > 0).then(|| STANDARD.encode(out))
}

fn decode(context: &str) -> Option<Vec<u8>> {
    STANDARD.decode(context.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "01-0af7651916cd43dd8448eb211c80319c-3-256-68fd508a:2";
    const NEW: &str = "01-0af7651916cd43dd8448eb211c80319c-4-256-68fd508a:3";

    #[test]
    fn a_client_context_is_read_and_advanced() {
        let json = |token: &str| {
            format!(
                r#"{{"client":{{"appTitle":"x"}}, "custom":{{"a":1,"tracestate":"hopguard={token},b=2"}}}}"#
            )
        };
        let context = STANDARD.encode(json(OLD));
        let inbound = extract(&context, None).unwrap();
        assert_eq!(inbound.lineage.map(|lineage| lineage.hop), Some(3));
        let token = Token::new(&Token::decode(NEW.as_bytes(), None).unwrap(), None);
        let advanced = advanced(&context, &token).unwrap();
        assert_eq!(String::from_utf8(STANDARD.decode(advanced).unwrap()).unwrap(), json(NEW));
    }

    #[test]
    fn what_cannot_be_read_says_nothing() {
        for json in ["", "[]", r#"{"custom":null}"#, r#"{"custom":{"hopguard":7}}"#, "{"] {
            assert_eq!(extract(&STANDARD.encode(json), None), None, "{json}");
        }
        assert_eq!(extract("%", None), None);
    }
}
