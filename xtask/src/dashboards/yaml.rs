//! JSON's values as YAML that people read: texts in JSON's quotes, which YAML has too.

use serde_json::Value;

/// The first lines of a generated file.
const HEAD: &str = "# Written by `cargo xtask dashboards`: change the description there, not this file.\n";

pub(crate) fn document(value: &Value) -> String {
    let mut text = HEAD.to_owned();
    write(&mut text, value, 0);
    text.trim_end().to_owned() + "\n"
}

fn write(text: &mut String, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(members) if !members.is_empty() => {
            let mut members: Vec<_> = members.iter().collect();
            // What an entry is called, first.
            members.sort_by_key(|(name, _)| (order(name), *name));
            for (name, value) in members {
                text.push_str(&format!("{indent}{name}:"));
                below(text, value, depth + 1);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                let mut entry = String::new();
                write(&mut entry, item, depth + 1);
                text.push_str(&format!("{indent}- {}\n", entry.trim()));
            }
        }
        plain => text.push_str(&format!("{indent}{plain}\n")),
    }
}

fn below(text: &mut String, value: &Value, depth: usize) {
    let nested = match value {
        Value::Object(members) => !members.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    if nested {
        text.push('\n');
        write(text, value, depth);
    } else {
        text.push_str(&format!(" {value}\n"));
    }
}

fn order(name: &str) -> usize {
    let first = [
        "apiVersion",
        "name",
        "orgId",
        "folder",
        "interval",
        "alert",
        "uid",
        "title",
        "refId",
        "expr",
        "condition",
        "for",
    ];
    first.iter().position(|known| *known == name).unwrap_or(first.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_and_objects_are_indented() {
        let value = json!({ "groups": [{ "rules": [{ "for": "5m", "alert": "A", "labels": {} }], "name": "g" }], "n": 1 });
        let text = document(&value);
        let expected = "groups:\n  - name: \"g\"\n    rules:\n      - alert: \"A\"\n        for: \"5m\"\n        labels: {}\nn: 1\n";
        assert_eq!(text.strip_prefix(HEAD), Some(expected));
    }
}
