//! The items of an export request, each on its own.

use anyhow::{Context as _, Result};
use serde::Serialize;
use serde_json::{Map, Value};

/// Every item of a request, with the resource and the scope that it stands in. The names are those of the three lists, from the
/// outermost.
pub(super) fn of(request: &impl Serialize, [resources, scopes, items]: [&str; 3]) -> Result<Vec<Value>> {
    let mut request = serde_json::to_value(request).context("no JSON")?;
    flatten(&mut request);
    let mut all = Vec::new();
    for group in list(&request, resources) {
        let resource = group.pointer("/resource/attributes").cloned().unwrap_or_default();
        for scope in list(group, scopes) {
            let name = scope.pointer("/scope/name").cloned().unwrap_or_default();
            for item in list(scope, items) {
                let mut item = item.as_object().cloned().unwrap_or_default();
                item.insert("resource".to_owned(), resource.clone());
                item.insert("scope".to_owned(), name.clone());
                all.push(Value::Object(item));
            }
        }
    }
    Ok(all)
}

fn list<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// Has every list of attributes in it be an object of plain values.
fn flatten(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(flatten),
        Value::Object(members) => {
            for (name, member) in members {
                if name == "attributes" {
                    *member = attributes(member);
                } else {
                    flatten(member);
                }
            }
        }
        _ => {}
    }
}

fn attributes(list: &Value) -> Value {
    let pair = |attribute: &Value| {
        let value = attribute.get("value")?;
        // OTLP's JSON has whole numbers as text.
        let number = value.get("intValue").and_then(Value::as_str).and_then(|text| text.parse::<i64>().ok());
        let plain = || value.as_object()?.values().next().cloned();
        Some((attribute.get("key")?.as_str()?.to_owned(), number.map(Value::from).or_else(plain)?))
    };
    Value::Object(list.as_array().into_iter().flatten().filter_map(pair).collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_item_has_its_resource_its_scope_and_plain_attributes() {
        let text = |key: &str, text: &str| json!({ "key": key, "value": { "stringValue": text } });
        let request = json!({ "resourceSpans": [{
            "resource": { "attributes": [text("service.name", "orders")] },
            "scopeSpans": [{ "scope": { "name": "own" }, "spans": [{
                "name": "a", "attributes": [text("b", "c"), { "key": "d", "value": { "intValue": "5" } }],
                "links": [{ "spanId": "1", "attributes": [text("e", "f")] }],
            }, {}] }],
        }] });
        let items = of(&request, ["resourceSpans", "scopeSpans", "spans"]).unwrap();
        assert_eq!(items.len(), 2);
        let expected = json!({
            "name": "a", "attributes": { "b": "c", "d": 5 }, "links": [{ "spanId": "1", "attributes": { "e": "f" } }],
            "resource": { "service.name": "orders" }, "scope": "own",
        });
        assert_eq!(items[0], expected);
    }
}
