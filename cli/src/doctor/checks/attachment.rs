use crate::attachment::{EXEC_WRAPPER, NEXT_WRAPPER, WRAPPER, is_managed};
use crate::doctor::check::Check;
use crate::doctor::facts::Facts;

/// The variables: all of them good, and known.
pub(super) fn settings(facts: &Facts, checks: &mut Vec<Check>) {
    const NAME: &str = "settings";
    if let Some(error) = &facts.function.environment_error {
        checks.push(Check::unknown(NAME, format!("the environment variables cannot be read: {error}")));
        return;
    }
    for error in &facts.setting_errors {
        checks.push(Check::error(
            NAME,
            error.to_string(),
            "until then the default holds: change the variable on the function",
        ));
    }
    if facts.setting_errors.is_empty() {
        let policy = facts.settings.policy;
        let mode = if policy.mode == hopguard_core::Mode::Observe { "observe only" } else { "enforce" };
        checks.push(Check::ok(
            NAME,
            format!("{mode}, at most {} visits, {} hops", policy.max_visits, policy.max_hops),
        ));
    }
}

/// The layer, its architecture and its wrapper.
pub(super) fn layer(facts: &Facts, checks: &mut Vec<Check>) {
    const NAME: &str = "layer";
    let function = &facts.function;
    let wrapper = function.environment.get(EXEC_WRAPPER).map(String::as_str);
    let managed = function.runtime.as_deref().is_some_and(is_managed);
    let Some((arn, version)) = &facts.layer else {
        checks.push(if wrapper == Some(WRAPPER) && managed {
            Check::error(
                NAME,
                format!(
                    "{EXEC_WRAPPER} is {WRAPPER}, and the layer is not attached: the function does not start"
                ),
                "hopguard attach, or hopguard detach",
            )
        } else if function.runtime.is_none() {
            Check::unknown(
                NAME,
                "it is a container image: whether the guard is in it cannot be seen from outside",
            )
        } else if managed {
            Check::error(NAME, "the layer is not attached: nothing guards it", "hopguard attach")
        } else {
            Check::unknown(
                NAME,
                "no layer; whether its program wraps its handler with the crate cannot be seen from outside",
            )
        });
        return;
    };
    match version {
        Ok(version)
            if !version.architectures.is_empty()
                && !version.architectures.contains(&function.architecture) =>
        {
            checks.push(Check::error(
                NAME,
                format!(
                    "the function runs on {}, the layer is for {}",
                    function.architecture,
                    version.architectures.join(", ")
                ),
                format!("attach a layer for {}", function.architecture),
            ));
        }
        Ok(_) => checks.push(Check::ok(NAME, arn.clone())),
        Err(error) => checks.push(Check::unknown(NAME, error.to_string())),
    }
    wrapped(facts, wrapper, managed, checks);
}

fn wrapped(facts: &Facts, wrapper: Option<&str>, managed: bool, checks: &mut Vec<Check>) {
    const NAME: &str = "wrapper";
    let runtime = facts.function.runtime.as_deref().unwrap_or("a container image");
    checks.push(match wrapper {
        _ if !managed => Check::warning(
            NAME,
            format!(
                "Lambda starts {runtime} without a wrapper: the layer observes, and guards nothing by itself"
            ),
            "wrap the handler with the crate hopguard",
        ),
        Some(WRAPPER) => match facts.function.environment.get(NEXT_WRAPPER) {
            Some(next) => Check::ok(NAME, format!("{WRAPPER}, then {next}")),
            None => Check::ok(NAME, WRAPPER),
        },
        Some(other) => Check::error(
            NAME,
            format!("{EXEC_WRAPPER} is {other}: the layer observes and guards nothing"),
            format!("set {EXEC_WRAPPER}={WRAPPER} and {NEXT_WRAPPER}={other}, as hopguard attach does"),
        ),
        None => Check::error(
            NAME,
            format!("{EXEC_WRAPPER} is not set: the layer observes and guards nothing"),
            format!("set {EXEC_WRAPPER}={WRAPPER}, as hopguard attach does"),
        ),
    });
}
