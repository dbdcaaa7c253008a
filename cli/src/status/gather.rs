use hopguard_aws::operator::{Function, Operator, OperatorError, Reserved, Tags};
use hopguard_core::Settings;

use super::model::{Asynchronous, FunctionStatus, Guard, Source, State, Surroundings, Trip};
use crate::attachment::is_layer;
use crate::resume::Plan;

/// Asks for the state of a function. What cannot be found out is said in the answer; only where it is not known whether the function
/// is at 0 is there none. `closely` asks for its surroundings too, as is always done where it is at 0.
pub(crate) async fn status(
    operator: &Operator,
    function: &Function,
    closely: bool,
) -> Result<FunctionStatus, OperatorError> {
    let reserved = operator.reserved(&function.arn).await?;
    let mut unknown = Vec::new();
    let tags = operator.tags(&function.arn).await.unwrap_or_else(|error| {
        unknown.push(error.to_string());
        Tags::default()
    });
    unknown.extend(tags.altered.as_ref().map(ToString::to_string));
    let (settings, _) = Settings::read(&function.environment);
    let state = State::of(reserved, tags.trip.is_some() || tags.altered.is_some());
    let surroundings = if closely || state.is_stopped() {
        Some(surroundings(operator, function, &settings, &mut unknown).await)
    } else {
        None
    };
    Ok(FunctionStatus {
        function: function.name.clone(),
        arn: function.arn.clone(),
        state,
        reserved_concurrency: reserved,
        guard: guard(function),
        max_visits: settings.policy.max_visits,
        trip: tags.trip.as_ref().map(Trip::of),
        resume: resume(reserved, &tags),
        surroundings,
        unknown,
    })
}

fn resume(reserved: Reserved, tags: &Tags) -> String {
    Plan::new(reserved, tags, None).describe(reserved)
}

/// What of hopguard a function's configuration shows.
pub(crate) fn guard(function: &Function) -> Guard {
    if function.layers.iter().any(|arn| is_layer(arn)) {
        Guard::Layer
    } else if function.environment.keys().any(|name| name.starts_with(hopguard_core::settings::PREFIX)) {
        Guard::Settings
    } else {
        Guard::Unseen
    }
}

async fn surroundings(
    operator: &Operator,
    function: &Function,
    settings: &Settings,
    unknown: &mut Vec<String>,
) -> Surroundings {
    let mut found = Surroundings {
        asynchronous: asynchronous(operator, function, unknown).await,
        ..Surroundings::default()
    };
    for mapping in operator.mappings(&function.arn).await.unwrap_or_else(|error| note(unknown, &error)) {
        let messages = if mapping.service() == "sqs" {
            operator.queue_by_arn(&mapping.source).await.map_err(|error| unknown.push(error.to_string())).ok()
        } else {
            None
        };
        found.sources.push(Source::of(mapping, messages.map(Into::into)));
    }
    if let Some(url) = &settings.quarantine {
        let queue = operator.queue(url).await.map_err(|error| unknown.push(error.to_string())).ok();
        found.quarantine = queue.map(Into::into);
    }
    found
}

async fn asynchronous(operator: &Operator, function: &Function, unknown: &mut Vec<String>) -> Asynchronous {
    let triggers = operator.triggers(&function.arn).await.unwrap_or_else(|error| note(unknown, &error));
    let triggers =
        triggers.iter().filter(|trigger| trigger.is_asynchronous()).map(Asynchronous::name).collect();
    if function.dead_letters.is_some() {
        return Asynchronous { kept_in: function.dead_letters.clone(), lost: Some(false), triggers };
    }
    match operator.on_failure(&function.arn).await {
        Ok(kept_in) => Asynchronous { lost: Some(kept_in.is_none()), kept_in, triggers },
        Err(error) => {
            unknown.push(error.to_string());
            Asynchronous { triggers, ..Asynchronous::default() }
        }
    }
}

fn note<T>(unknown: &mut Vec<String>, error: &OperatorError) -> Vec<T> {
    unknown.push(error.to_string());
    Vec::new()
}
