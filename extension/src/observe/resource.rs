use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::environment::Environment;

/// A text attribute.
pub(crate) fn text(key: &str, value: impl Into<String>) -> KeyValue {
    attribute(key, Value::StringValue(value.into()))
}

/// A list of texts.
pub(crate) fn texts<'t>(key: &str, values: impl IntoIterator<Item = &'t str>) -> KeyValue {
    let value = |text: &str| AnyValue { value: Some(Value::StringValue(text.to_owned())) };
    attribute(key, Value::ArrayValue(ArrayValue { values: values.into_iter().map(value).collect() }))
}

/// A whole number.
pub(crate) fn number(key: &str, value: impl Into<i64>) -> KeyValue {
    attribute(key, Value::IntValue(value.into()))
}

/// Yes or no.
pub(crate) fn flag(key: &str, value: bool) -> KeyValue {
    attribute(key, Value::BoolValue(value))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

/// What this release calls itself in what it exports.
pub(crate) fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "hopguard".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    }
}

/// The function that this layer runs beside, by OpenTelemetry's names.
pub(crate) fn own(environment: &Environment) -> Resource {
    let Environment { function, version, memory_mb, instance, region, service, attributes, .. } = environment;
    let mut resource = Resource::default();
    let mut add = |key: &str, value: Option<KeyValue>| {
        if let Some(value) = value {
            fill(&mut resource.attributes, key, &value);
        }
    };
    add("service.name", service.as_deref().map(|service| text("service.name", service)));
    for (key, value) in attributes {
        add(key, Some(text(key, value.as_str())));
    }
    let optional = |key: &str, value: &Option<String>| value.as_deref().map(|value| text(key, value));
    if !function.is_empty() {
        add("service.name", Some(text("service.name", function.as_str())));
        add("faas.name", Some(text("faas.name", function.as_str())));
    }
    add("cloud.provider", Some(text("cloud.provider", "aws")));
    add("cloud.platform", Some(text("cloud.platform", "aws_lambda")));
    add("cloud.region", optional("cloud.region", region));
    add("faas.version", optional("faas.version", version));
    add("faas.instance", optional("faas.instance", instance));
    let bytes = memory_mb.and_then(|mb| i64::try_from(mb.saturating_mul(1024 * 1024)).ok());
    add("faas.max_memory", bytes.map(|bytes| number("faas.max_memory", bytes)));
    resource
}

/// The same with the account of the function, as its ARN has it.
pub(crate) fn located(own: &Resource, arn: &str) -> Resource {
    let mut resource = own.clone();
    let account = arn.split(':').nth(4).filter(|account| !account.is_empty());
    if let Some(account) = account {
        fill(&mut resource.attributes, "cloud.account.id", &text("cloud.account.id", account));
    }
    resource
}

/// Adds to a resource what it does not say of itself. Its own words stay.
pub(crate) fn complete(resource: &mut Option<Resource>, own: &Resource) {
    let resource = resource.get_or_insert_default();
    for attribute in &own.attributes {
        fill(&mut resource.attributes, &attribute.key, attribute);
    }
}

fn fill(attributes: &mut Vec<KeyValue>, key: &str, attribute: &KeyValue) {
    if !attributes.iter().any(|known| known.key == key) {
        attributes.push(attribute.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_resource_says_of_itself_stays() {
        let environment = Environment::read([
            ("AWS_LAMBDA_FUNCTION_NAME", "orders"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=by-attributes,team=billing"),
            ("OTEL_SERVICE_NAME", "by-name"),
        ]);
        let own = own(&environment);
        let said = |resource: &Resource, key: &str| {
            let found: Vec<_> = resource.attributes.iter().filter(|attribute| attribute.key == key).collect();
            assert!(found.len() < 2, "{key} twice");
            found.first().and_then(|attribute| attribute.value.clone()?.value)
        };
        let word = |text: &str| Some(Value::StringValue(text.to_owned()));
        assert_eq!(said(&own, "service.name"), word("by-name"));
        assert_eq!(said(&own, "faas.name"), word("orders"));
        assert_eq!(said(&own, "faas.max_memory"), Some(Value::IntValue(134_217_728)));
        let arn = "arn:aws:lambda:us-east-1:123456789012:function:orders";
        assert_eq!(said(&located(&own, arn), "cloud.account.id"), word("123456789012"));
        assert_eq!(located(&own, "orders"), own);
        let mut received =
            Some(Resource { attributes: vec![text("service.name", "theirs")], ..Resource::default() });
        complete(&mut received, &own);
        let received = received.unwrap();
        assert_eq!(said(&received, "service.name"), word("theirs"));
        assert_eq!(said(&received, "team"), word("billing"));
        let mut nothing = None;
        complete(&mut nothing, &own);
        assert_eq!(nothing, Some(own));
    }
}
