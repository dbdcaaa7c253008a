use tokio::time::Instant;

use crate::clients::Clients;
use crate::failure::{Failure, Kind, within};
use crate::trip_report::TripWarning;

const EVENT_INVOKE_CONFIG: &str = "lambda:GetFunctionEventInvokeConfig";
const CONFIGURATION: &str = "lambda:GetFunctionConfiguration";

/// Whether asynchronous events are lost while the function is at 0: Lambda gives them to the on-failure destination or the
/// dead-letter queue at once, and to nobody where there is neither. `qualifier` is the version or alias that was invoked.
pub(crate) async fn at_risk(
    clients: &Clients,
    function_arn: &str,
    qualifier: Option<&str>,
    deadline: Instant,
) -> Option<TripWarning> {
    let destination = within(deadline, async {
        let lambda = clients.lambda().await;
        lambda
            .get_function_event_invoke_config()
            .function_name(function_arn)
            .set_qualifier(qualifier.map(str::to_owned))
            .send()
            .await
    });
    let has_destination = match destination.await {
        Ok(config) => {
            let on_failure = config.destination_config.and_then(|config| config.on_failure);
            Ok(on_failure.and_then(|target| target.destination).is_some_and(|target| !target.is_empty()))
        }
        // Nobody has configured asynchronous invocations of this function.
        Err(failure) if failure.kind == Kind::NotFound => Ok(false),
        Err(failure) => Err(unknown(EVENT_INVOKE_CONFIG, failure)),
    };
    if has_destination == Ok(true) {
        return None;
    }
    let target =
        within(deadline, async { clients.dead_letters().await.target(function_arn, qualifier).await });
    let has_queue =
        target.await.map(|target| target.is_some()).map_err(|failure| unknown(CONFIGURATION, failure));
    match (has_queue, has_destination) {
        (Ok(true), _) => None,
        (Ok(false), Ok(_)) => Some(TripWarning::AsyncEventsAtRisk),
        (Err(warning), _) | (_, Err(warning)) => Some(warning),
    }
}

fn unknown(permission: &'static str, failure: Failure) -> TripWarning {
    let missing = (failure.kind == Kind::Denied).then_some(permission);
    TripWarning::AsyncEventsUnknown { missing, detail: failure.detail }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::{ARN, Answer, Fake, denied, ok};

    async fn ask(destination: Answer, configuration: Answer) -> Option<TripWarning> {
        let fake = Fake::new(move |call| match call.path.as_str() {
            path if path.contains("event-invoke-config") => destination.clone(),
            path if path.contains("/configuration") => configuration.clone(),
            other => panic!("{other}"),
        });
        at_risk(&fake.clients, ARN, Some("live"), Instant::now() + Duration::from_secs(5)).await
    }

    #[tokio::test(start_paused = true)]
    async fn with_neither_destination_nor_queue_events_are_at_risk() {
        let destination =
            ok(r#"{"DestinationConfig":{"OnFailure":{"Destination":"arn:aws:sqs:us-east-1:1:q"}}}"#);
        let none = ok(r#"{"DestinationConfig":{"OnSuccess":{}}}"#);
        let missing = Answer::error(404, "ResourceNotFoundException", "no config");
        let queue = ok(r#"{"DeadLetterConfig":{"TargetArn":"arn:aws:sqs:us-east-1:1:dlq"}}"#);
        let plain = ok(r#"{"FunctionName":"orders"}"#);
        let refused = || denied("lambda:X");

        let at_risk = Some(TripWarning::AsyncEventsAtRisk);
        assert_eq!(ask(destination.clone(), refused()).await, None);
        assert_eq!(ask(none.clone(), queue.clone()).await, None);
        assert_eq!(ask(missing.clone(), queue.clone()).await, None);
        assert_eq!(ask(none, plain.clone()).await, at_risk);
        assert_eq!(ask(missing.clone(), plain.clone()).await, at_risk);
        assert_eq!(ask(refused(), queue).await, None);
        let permission = |warning| match warning {
            Some(TripWarning::AsyncEventsUnknown { missing, .. }) => missing,
            other => panic!("{other:?}"),
        };
        assert_eq!(permission(ask(refused(), plain).await), Some(EVENT_INVOKE_CONFIG));
        assert_eq!(permission(ask(missing, refused()).await), Some(CONFIGURATION));
    }

    #[tokio::test(start_paused = true)]
    async fn the_alias_that_was_invoked_is_asked_for() {
        let fake = Fake::new(|_| Answer::error(404, "ResourceNotFoundException", ""));
        at_risk(&fake.clients, ARN, Some("live"), Instant::now() + Duration::from_secs(5)).await;
        assert!(fake.calls().iter().all(|call| call.path.ends_with("?Qualifier=live")), "{:?}", fake.calls());
    }
}
