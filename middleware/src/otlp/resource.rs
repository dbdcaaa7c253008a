use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;

/// The function, by OpenTelemetry's names. What `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME` say stays.
pub(super) fn of_function() -> Resource {
    let said = Resource::builder().build();
    let told = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let mut attributes =
        vec![KeyValue::new("cloud.provider", "aws"), KeyValue::new("cloud.platform", "aws_lambda")];
    let mut add = |name: &'static str, value: Option<String>| {
        attributes.extend(value.map(|value| KeyValue::new(name, value)));
    };
    let function = told("AWS_LAMBDA_FUNCTION_NAME");
    add("faas.name", function.clone());
    add("faas.version", told("AWS_LAMBDA_FUNCTION_VERSION"));
    add("faas.instance", told("AWS_LAMBDA_LOG_STREAM_NAME"));
    add("cloud.region", told("AWS_REGION"));
    if told("OTEL_SERVICE_NAME").is_none() {
        add("service.name", function);
    }
    let bytes = told("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").and_then(|mb| mb.parse::<i64>().ok());
    attributes.extend(bytes.map(|mb| KeyValue::new("faas.max_memory", mb.saturating_mul(1024 * 1024))));
    // The later ones win: what the owner says comes last, but for the SDK's made-up name of the service.
    let own = said.iter().filter(|(name, value)| {
        name.as_str() != "service.name" || !value.as_str().starts_with("unknown_service")
    });
    attributes.extend(own.map(|(name, value)| KeyValue::new(name.clone(), value.clone())));
    Resource::builder_empty().with_attributes(attributes).build()
}
