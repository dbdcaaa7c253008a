//! The real `lambda_runtime` around a handler. It takes its Runtime API from the environment, and so it runs in a process of
//! its own: this binary once more, as the test [`child`].

use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use crate::event::ARN;
use crate::scenario::{self, By};
use crate::server::{Request, Response, Server};

const SCENARIO: &str = "GUARD_TEST_SCENARIO";
const BY: &str = "GUARD_TEST_BY";
/// A child that has not answered by then has ended.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs a scenario's handler for these events, and returns what it posted for each.
pub async fn run(scenario: &str, by: By, concurrency: u32, events: &[String]) -> Vec<Request> {
    let left = Mutex::new((0..).zip(events.to_vec()).collect::<Vec<_>>().into_iter());
    let api = Server::start(move |request| {
        if !request.target.ends_with("/invocation/next") {
            return Some(Response::new(202, ""));
        }
        // After the last one, the runtime waits for ever.
        let (nth, event): (u32, _) = left.lock().unwrap().next()?;
        let response = Response::new(200, event)
            .header("lambda-runtime-aws-request-id", format!("request-{nth}"))
            .header("lambda-runtime-invoked-function-arn", ARN)
            .header("lambda-runtime-deadline-ms", "4102444800000")
            .header(
                "lambda-runtime-trace-id",
                "Root=1-5759e988-bd862e3fe1be46a994272793;Lineage=1:bd4cecd5:0",
            )
            .header("lambda-runtime-client-context", r#"{"custom":{"tenant":"t"}}"#);
        Some(response)
    })
    .await;
    let command = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "runtime::child"])
        .env(SCENARIO, scenario)
        .env(BY, by.name())
        .env("AWS_LAMBDA_RUNTIME_API", &api.address)
        .env("AWS_LAMBDA_MAX_CONCURRENCY", concurrency.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", "orders")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let _child = Ended(command.unwrap());
    let answers = api.wait_for(events.len(), |request| request.method == "POST");
    let mut answers = tokio::time::timeout(LIMIT, answers).await.expect("an answer to each event");
    for answer in &mut answers {
        answer.headers.remove("host");
    }
    answers.sort_by(|a, b| a.target.cmp(&b.target));
    answers
}

/// Ends its process when it is dropped.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    // Not a test of its own: the process that the tests above start. Run by itself, it has nothing to do.
    let Ok(scenario) = std::env::var(SCENARIO) else { return };
    let by = By::named(&std::env::var(BY).unwrap());
    scenario::run(&scenario, by).await.unwrap();
}
