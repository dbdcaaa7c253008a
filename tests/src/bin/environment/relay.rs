//! The cloud's events for the emulator, and its outcomes for the cloud.

use anyhow::{Context as _, Result, bail};
use hopguard_tests::Outcome;

use crate::{
    emulator::Emulator,
    http::{self, Answer},
};

/// How long the cloud may take to accept an outcome.
const ACCEPT_WAIT: std::time::Duration = std::time::Duration::from_secs(20);

/// What an invocation of the Runtime API brings along, and what the emulator calls it.
const PASSED: [(&str, &str); 3] = [
    ("lambda-runtime-aws-request-id", "X-Amzn-RequestId"),
    ("lambda-runtime-trace-id", "X-Amzn-Trace-Id"),
    ("lambda-runtime-client-context", "X-Amz-Client-Context"),
];

/// Serves the cloud until it, or the emulator, is gone.
pub(crate) fn run(runtime_api: &str, emulator: &mut Emulator) -> Result<()> {
    loop {
        // A long poll: it waits as long as nobody invokes the function, and ends with the cloud at the latest.
        let next = http::send(runtime_api, "GET", "/2018-06-01/runtime/invocation/next", &[], &[], None);
        let event = next.context("the cloud is gone")?;
        if event.status != 200 {
            bail!("the cloud wants no more of this environment (status {})", event.status);
        }
        let request = event.header("lambda-runtime-aws-request-id").context("an event has no request id")?;
        let mut headers = vec![("Content-Type", "application/json")];
        headers.extend(PASSED.iter().filter_map(|(from, to)| Some((*to, event.header(from)?))));
        let (kind, body) = match emulator.invoke(&headers, &event.body)? {
            Outcome::Answered(body) => ("response", body),
            Outcome::Failed(body) => ("error", body),
        };
        let path = format!("/2018-06-01/runtime/invocation/{request}/{kind}");
        let accepted = http::send(runtime_api, "POST", &path, &[], &body, Some(ACCEPT_WAIT));
        let Answer { status, .. } = accepted.context("the cloud is gone")?;
        // 400: the cloud has given this invocation up.
        if status >= 300 && status != 400 {
            bail!("the cloud does not accept an outcome (status {status})");
        }
    }
}
