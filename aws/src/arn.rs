/// The ARN of what is in a function's account and Region, and belongs to another service.
pub(crate) fn beside(function_arn: &str, service: &str, resource: &str) -> String {
    let mut parts = function_arn.split(':').skip(1);
    let mut part = || parts.next().unwrap_or_default();
    let (partition, _, region, account) = (part(), part(), part(), part());
    format!("arn:{partition}:{service}:{region}:{account}:{resource}")
}
