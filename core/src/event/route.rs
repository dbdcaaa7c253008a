use std::borrow::Cow;

use super::Source;
use crate::json::Cursor;

/// How much of an event is looked at: AWS puts the route before the headers and the body.
const HEAD: usize = 16 * 1024;
/// The longest route, in bytes.
const MOST: usize = 256;

/// The route that an event took to the function, where its source has routes: `GET /orders/{id}` of API Gateway, the detail type of
/// EventBridge. Never a path as it was asked for: there is no end of those.
///
/// ```
/// use hopguard_core::event::{Source, route};
///
/// let event = br#"{"version": "2.0", "routeKey": "GET /orders/{id}", "rawPath": "/orders/17", "headers": {}}"#;
/// assert_eq!(route(Source::Http, event).as_deref(), Some("GET /orders/{id}"));
/// ```
pub fn route(source: Source, event: &[u8]) -> Option<Cow<'_, str>> {
    let mut cursor = Cursor::new(event.get(..HEAD).unwrap_or(event));
    let found = match source {
        Source::Http => http(&mut cursor)?,
        Source::EventBridge => member(&mut cursor, b"detail-type")?,
        _ => return None,
    };
    (!found.is_empty() && found.len() <= MOST).then_some(found)
}

fn member<'j>(cursor: &mut Cursor<'j>, name: &[u8]) -> Option<Cow<'j, str>> {
    if !cursor.enter_object() {
        return None;
    }
    while let Some(key) = cursor.next_key() {
        if *key.name() == *name {
            return cursor.text();
        }
        cursor.skip();
    }
    None
}

/// `routeKey` of an HTTP or WebSocket API; `resource` and `httpMethod` of a REST API. `$default` is no route of its own, and a load
/// balancer or a Function URL has none.
fn http<'j>(cursor: &mut Cursor<'j>) -> Option<Cow<'j, str>> {
    if !cursor.enter_object() {
        return None;
    }
    let (mut resource, mut method) = (None::<Cow<'j, str>>, None::<Cow<'j, str>>);
    while let Some(key) = cursor.next_key() {
        match key.raw() {
            b"routeKey" => return cursor.text().filter(|key| key != "$default"),
            b"resource" => resource = cursor.text(),
            b"httpMethod" => method = cursor.text(),
            b"requestContext" if resource.is_none() => {
                // A WebSocket API has its key there.
                return member(cursor, b"routeKey").filter(|key| key != "$default");
            }
            _ => cursor.skip(),
        }
        if let (Some(resource), Some(method)) = (&resource, &method) {
            return Some(Cow::Owned(format!("{method} {resource}")));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_a_template_and_never_a_path() {
        let long = format!(r#"{{"routeKey":"GET /{}"}}"#, "x".repeat(MOST));
        let cases = [
            (
                Source::Http,
                r#"{"version":"2.0","routeKey":"GET /a/{b}","rawPath":"/a/1"}"#,
                Some("GET /a/{b}"),
            ),
            (Source::Http, r#"{"version":"2.0","routeKey":"$default","rawPath":"/a/1"}"#, None),
            (
                Source::Http,
                r#"{"resource":"/{proxy+}","path":"/a/1","httpMethod":"POST","headers":{}}"#,
                Some("POST /{proxy+}"),
            ),
            (
                Source::Http,
                r#"{"requestContext":{"elb":{"targetGroupArn":"a"}},"httpMethod":"GET","path":"/a/1"}"#,
                None,
            ),
            (
                Source::Http,
                r#"{"headers":{"a":"b"},"requestContext":{"routeKey":"send"},"body":""}"#,
                Some("send"),
            ),
            (Source::Http, r#"{"resource":1,"httpMethod":null}"#, None),
            (Source::Http, &long, None),
            (Source::Http, "[]", None),
            (
                Source::EventBridge,
                r#"{"version":"0","id":"x","detail-type":"Order Placed","source":"shop","detail":{}}"#,
                Some("Order Placed"),
            ),
            (Source::EventBridge, r#"{"detail-type":""}"#, None),
            (Source::Sqs, r#"{"routeKey":"GET /"}"#, None),
            (Source::Invoke, "", None),
        ];
        for (source, event, expected) in cases {
            assert_eq!(route(source, event.as_bytes()).as_deref(), expected, "{event}");
        }
    }
}
