//! What attaches the layer to a function.

/// The layer's name, as `hopguard attach` publishes it.
pub(crate) const LAYER: &str = "hopguard";
/// The same for arm64.
pub(crate) const LAYER_ARM: &str = "hopguard-arm64";
/// What a function of a managed runtime is started with.
pub(crate) const WRAPPER: &str = "/opt/hopguard/wrap";
/// Where Lambda reads it.
pub(crate) const EXEC_WRAPPER: &str = "AWS_LAMBDA_EXEC_WRAPPER";
/// Where our wrapper finds the next one.
pub(crate) const NEXT_WRAPPER: &str = "HOPGUARD_NEXT_WRAPPER";

/// Whether this is a version of hopguard's layer: `arn:aws:lambda:REGION:ACCOUNT:layer:hopguard:3`, or of one for an architecture
/// alone, `hopguard-arm64`.
pub(crate) fn is_layer(arn: &str) -> bool {
    let name = arn.split(':').nth(6).unwrap_or_default();
    name == LAYER || name.strip_prefix(LAYER).is_some_and(|rest| rest.starts_with('-'))
}

/// Whether Lambda starts this runtime with a wrapper: it ignores one on those that are only an operating system.
pub(crate) fn is_managed(runtime: &str) -> bool {
    !runtime.starts_with("provided") && !runtime.starts_with("go1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layer_is_known_by_its_name() {
        let cases = [
            ("arn:aws:lambda:eu-central-1:123456789012:layer:hopguard:3", true),
            ("arn:aws:lambda:eu-central-1:123456789012:layer:hopguard-arm64:12", true),
            ("arn:aws:lambda:eu-central-1:123456789012:layer:hopguards:1", false),
            ("arn:aws:lambda:eu-central-1:123456789012:layer:datadog:1", false),
            ("", false),
        ];
        for (arn, expected) in cases {
            assert_eq!(is_layer(arn), expected, "{arn}");
        }
    }
}
