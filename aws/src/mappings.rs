use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_lambda::operation::list_event_source_mappings::ListEventSourceMappingsOutput;
use aws_sdk_lambda::types::FunctionResponseType;
use hopguard_core::{Backoff, unqualified_arn};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::attempts::Attempts;
use crate::clients::Clients;
use crate::failure::{Failure, Kind, within};

/// The longest time that one question may take, whatever the caller's deadline.
const LIMIT: Duration = Duration::from_secs(5);
/// After an error, the question is not put to Lambda again for so long.
const RETRY_AFTER: Duration = Duration::from_secs(60);
/// Pages of 100 mappings.
const MAX_PAGES: usize = 10;

/// What Lambda says of a function's event source mappings. Each question is asked once and its answer kept for the life of
/// the environment; an error is kept for a minute.
#[derive(Debug)]
pub struct Mappings {
    clients: Clients,
    known: Mutex<HashMap<Filter, Known>>,
}

/// The mappings of a function could not be found out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MappingError {
    /// The execution role lacks a permission.
    #[error("{missing} is missing: allow it on \"*\", it knows no narrower resource ({detail})")]
    Denied {
        /// The IAM action.
        missing: &'static str,
        /// What Lambda answered.
        detail: String,
    },
    /// No answer in time.
    #[error("Lambda did not list the event source mappings in time")]
    OutOfTime,
    /// More mappings than are read.
    #[error("the function has more than {} event source mappings", MAX_PAGES * 100)]
    TooMany,
    /// The quarantine queue's URL names no account and queue.
    #[error(
        "{url:?} is not the URL of an SQS queue; write for example \"https://sqs.eu-central-1.amazonaws.com/123456789012/quarantine\""
    )]
    QueueUrl {
        /// The URL.
        url: String,
    },
    /// The function's ARN is none.
    #[error("{arn:?} is not the ARN of a function")]
    FunctionArn {
        /// The text.
        arn: String,
    },
    /// Another error.
    #[error("Lambda did not list the event source mappings: {detail}")]
    Other {
        /// What Lambda answered.
        detail: String,
    },
}

/// One question to ListEventSourceMappings.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Filter {
    Function(String),
    Source(String),
}

#[derive(Debug)]
enum Known {
    Mappings(Arc<[Mapping]>),
    Failed { at: Instant, error: MappingError },
}

#[derive(Debug)]
struct Mapping {
    function: String,
    source: String,
    reports_failures: bool,
}

impl Mappings {
    /// Asks by these clients.
    pub fn new(clients: Clients) -> Self {
        Self { clients, known: Mutex::default() }
    }

    /// Whether the mapping from this source to this function has `ReportBatchItemFailures`. Without it Lambda ignores
    /// `batchItemFailures` and deletes the messages. False where there is no such mapping, and where several are and one has it not.
    ///
    /// `function_arn` is the ARN as it was invoked: a mapping belongs to a version or alias.
    ///
    /// # Errors
    /// [`MappingError`]: who cannot know must not rely on the flag.
    pub async fn reports_batch_item_failures(
        &self,
        function_arn: &str,
        event_source_arn: &str,
        deadline: Instant,
    ) -> Result<bool, MappingError> {
        let mappings = self.list(Filter::Function(function_arn.to_owned()), deadline).await?;
        let mut flags =
            mappings.iter().filter(|mapping| comes_from(&mapping.source, event_source_arn)).peekable();
        Ok(flags.peek().is_some() && flags.all(|mapping| mapping.reports_failures))
    }

    /// Whether a queue is an event source of the function, of any version or alias of it: a quarantine queue that is would be a
    /// new loop. A mapping that is disabled counts, since it may be enabled at any time.
    ///
    /// # Errors
    /// [`MappingError`].
    pub async fn feeds(
        &self,
        function_arn: &str,
        queue_url: &str,
        deadline: Instant,
    ) -> Result<bool, MappingError> {
        let Some(queue) = queue_arn(function_arn, queue_url)? else { return Ok(false) };
        let mappings = self.list(Filter::Source(queue), deadline).await?;
        let function = unqualified_arn(function_arn);
        Ok(mappings.iter().any(|mapping| unqualified_arn(&mapping.function) == function))
    }

    async fn list(&self, filter: Filter, deadline: Instant) -> Result<Arc<[Mapping]>, MappingError> {
        // Held while Lambda is asked, so that concurrent invocations ask once.
        let Ok(mut known) = tokio::time::timeout_at(deadline, self.known.lock()).await else {
            return Err(MappingError::OutOfTime);
        };
        match known.get(&filter) {
            Some(Known::Mappings(mappings)) => return Ok(Arc::clone(mappings)),
            Some(Known::Failed { at, error }) if at.elapsed() < RETRY_AFTER => return Err(error.clone()),
            _ => {}
        }
        let limit = Instant::now() + LIMIT;
        match self.ask(&filter, deadline.min(limit)).await {
            Ok(mappings) => {
                known.insert(filter, Known::Mappings(Arc::clone(&mappings)));
                Ok(mappings)
            }
            Err(error) => {
                // An invocation that had little time left says nothing of the next one.
                if error != MappingError::OutOfTime || limit <= deadline {
                    known.insert(filter, Known::Failed { at: Instant::now(), error: error.clone() });
                }
                Err(error)
            }
        }
    }

    async fn ask(&self, filter: &Filter, deadline: Instant) -> Result<Arc<[Mapping]>, MappingError> {
        let mut attempts = Attempts::new(Backoff::default(), deadline);
        let mut mappings = Vec::new();
        let mut marker = None;
        for _ in 0..MAX_PAGES {
            let page = self.page(filter, marker, &mut attempts).await?;
            mappings.extend(page.event_source_mappings.unwrap_or_default().into_iter().filter_map(
                |mapping| {
                    let reports_failures = mapping
                        .function_response_types()
                        .contains(&FunctionResponseType::ReportBatchItemFailures);
                    Some(Mapping {
                        function: mapping.function_arn?,
                        source: mapping.event_source_arn?,
                        reports_failures,
                    })
                },
            ));
            marker = page.next_marker.filter(|marker| !marker.is_empty());
            if marker.is_none() {
                return Ok(mappings.into());
            }
        }
        Err(MappingError::TooMany)
    }

    async fn page(
        &self,
        filter: &Filter,
        marker: Option<String>,
        attempts: &mut Attempts,
    ) -> Result<ListEventSourceMappingsOutput, MappingError> {
        loop {
            let answer = within(attempts.deadline(), async {
                let call = self.clients.lambda().await.list_event_source_mappings().max_items(100);
                let call = match filter {
                    Filter::Function(arn) => call.function_name(arn),
                    Filter::Source(arn) => call.event_source_arn(arn),
                };
                call.set_marker(marker.clone()).send().await
            });
            match answer.await {
                Ok(page) => return Ok(page),
                Err(failure) if failure.kind.is_passing() && attempts.wait().await => {}
                Err(failure) => return Err(failure.into()),
            }
        }
    }
}

impl From<Failure> for MappingError {
    fn from(failure: Failure) -> Self {
        match failure.kind {
            Kind::Denied => {
                Self::Denied { missing: "lambda:ListEventSourceMappings", detail: failure.detail }
            }
            Kind::OutOfTime => Self::OutOfTime,
            _ => Self::Other { detail: failure.detail },
        }
    }
}

/// Whether a mapping's source is the one that a record names; a mapping of a stream's consumer (`…/consumer/NAME:TIME`) has records
/// that may name the stream only.
fn comes_from(mapped: &str, named: &str) -> bool {
    mapped == named || mapped.strip_prefix(named).is_some_and(|rest| rest.starts_with("/consumer/"))
}

/// The ARN of the queue with this URL, in the function's partition and Region: a mapping reads only from there. `None` where the
/// URL names another Region.
fn queue_arn(function_arn: &str, queue_url: &str) -> Result<Option<String>, MappingError> {
    let mut arn = function_arn.split(':').skip(1);
    let (Some(partition), Some(_), Some(region)) = (arn.next(), arn.next(), arn.next()) else {
        return Err(MappingError::FunctionArn { arn: function_arn.to_owned() });
    };
    let broken = || MappingError::QueueUrl { url: queue_url.to_owned() };
    let (host, path) =
        queue_url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).ok_or_else(broken)?;
    let mut parts = path.trim_end_matches('/').rsplit('/');
    let (Some(name), Some(account)) = (parts.next(), parts.next()) else { return Err(broken()) };
    if name.is_empty() || account.is_empty() {
        return Err(broken());
    }
    let mut labels = host.split('.');
    let elsewhere = match (labels.next(), labels.next(), labels.next()) {
        (Some("sqs" | "sqs-fips"), Some(other), Some("amazonaws" | "api")) => other != region,
        _ => false,
    };
    Ok((!elsewhere).then(|| format!("arn:{partition}:sqs:{region}:{account}:{name}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{ARN, Answer, Fake, denied, ok, silent, throttled};

    const QUEUE: &str = "arn:aws:sqs:us-east-1:123456789012:in";

    /// The ARN of a stream, as its mapping and its records have it.
    const TABLE: &str = "arn:aws:dynamodb:us-east-1:123456789012:table/orders/stream/2026-11-23T22:52:29.956";

    fn mapping(source: &str, reports: bool) -> serde_json::Value {
        let types: &[&str] = if reports { &["ReportBatchItemFailures"] } else { &[] };
        json!({ "EventSourceArn": source, "FunctionArn": format!("{ARN}:live"), "FunctionResponseTypes": types })
    }

    fn page(mappings: &[serde_json::Value], next: Option<&str>) -> Answer {
        ok(&json!({ "EventSourceMappings": mappings, "NextMarker": next }).to_string())
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(3)
    }

    #[tokio::test(start_paused = true)]
    async fn the_flag_is_read_over_all_pages_and_asked_for_once() {
        let fake = Fake::new(|call| match call.path.contains("Marker=m%2F2") {
            false => page(
                &[
                    mapping(QUEUE, false),
                    mapping("arn:aws:sqs:us-east-1:123456789012:other", true),
                    mapping(TABLE, true),
                    mapping(&TABLE.replace("2026", "2025"), false),
                ],
                Some("m/2"),
            ),
            true => page(&[mapping("arn:aws:kinesis:us-east-1:1:stream/s/consumer/c:1", true)], Some("")),
        });
        let mappings = Mappings::new(fake.clients.clone());
        let cases = [
            ("without the flag", QUEUE, false),
            ("with it", "arn:aws:sqs:us-east-1:123456789012:other", true),
            ("a table's stream, beside an older one", TABLE, true),
            ("a consumer, on another page", "arn:aws:kinesis:us-east-1:1:stream/s", true),
            ("unknown", "arn:aws:sqs:us-east-1:123456789012:i", false),
        ];
        for (name, source, expected) in cases {
            let answer = mappings.reports_batch_item_failures(&format!("{ARN}:live"), source, soon()).await;
            assert_eq!(answer, Ok(expected), "{name}");
        }
        assert_eq!(fake.calls().len(), 2, "two pages, once");
        assert!(fake.calls()[0].path.contains("%3Aorders%3Alive"), "{}", fake.calls()[0].path);
    }

    #[tokio::test(start_paused = true)]
    async fn several_mappings_of_a_source_must_all_have_it() {
        let fake = Fake::new(|_| page(&[mapping(QUEUE, true), mapping(QUEUE, false)], None));
        let mappings = Mappings::new(fake.clients.clone());
        assert_eq!(mappings.reports_batch_item_failures(ARN, QUEUE, soon()).await, Ok(false));
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_is_kept_for_a_minute_only() {
        let mut count = 0;
        let fake = Fake::new(move |_| {
            count += 1;
            if count == 1 {
                denied("lambda:ListEventSourceMappings")
            } else {
                page(&[mapping(QUEUE, true)], None)
            }
        });
        let mappings = Mappings::new(fake.clients.clone());
        for _ in 0..2 {
            let error = mappings.reports_batch_item_failures(ARN, QUEUE, soon()).await.unwrap_err();
            assert!(error.to_string().contains("lambda:ListEventSourceMappings is missing"), "{error}");
        }
        assert_eq!(fake.calls().len(), 1);
        tokio::time::advance(RETRY_AFTER).await;
        assert_eq!(mappings.reports_batch_item_failures(ARN, QUEUE, soon()).await, Ok(true));
    }

    #[tokio::test(start_paused = true)]
    async fn throttling_is_waited_out_within_the_deadline() {
        let mut count = 0;
        let fake = Fake::new(move |_| {
            count += 1;
            if count <= 2 { throttled() } else { page(&[mapping(QUEUE, true)], None) }
        });
        let mappings = Mappings::new(fake.clients.clone());
        assert_eq!(mappings.reports_batch_item_failures(ARN, QUEUE, soon()).await, Ok(true));

        let start = Instant::now();
        let fake = Fake::new(|_| throttled());
        let error = Mappings::new(fake.clients.clone()).reports_batch_item_failures(ARN, QUEUE, soon()).await;
        assert!(matches!(error, Err(MappingError::Other { .. })) && start.elapsed() < Duration::from_secs(3));
        let error = Mappings::new(silent()).reports_batch_item_failures(ARN, QUEUE, soon()).await;
        assert_eq!(error, Err(MappingError::OutOfTime));
    }

    #[tokio::test(start_paused = true)]
    async fn endless_pages_end() {
        let fake = Fake::new(|_| page(&[], Some("more")));
        let error = Mappings::new(fake.clients.clone()).reports_batch_item_failures(ARN, QUEUE, soon()).await;
        assert_eq!(error, Err(MappingError::TooMany));
        assert_eq!(fake.calls().len(), MAX_PAGES);
    }

    #[tokio::test(start_paused = true)]
    async fn a_queue_feeds_the_function_by_any_alias() {
        let fake = Fake::new(|call| {
            assert!(
                call.path.contains("EventSourceArn=arn%3Aaws%3Asqs%3Aus-east-1%3A123456789012%3Ain"),
                "{}",
                call.path
            );
            page(&[mapping(QUEUE, false)], None)
        });
        let mappings = Mappings::new(fake.clients.clone());
        let url = "http://127.0.0.1:4566/123456789012/in";
        assert_eq!(mappings.feeds(ARN, url, soon()).await, Ok(true));
        assert_eq!(mappings.feeds(&format!("{ARN}:7"), url, soon()).await, Ok(true));
        let other = "arn:aws:lambda:us-east-1:123456789012:function:other";
        assert_eq!(mappings.feeds(other, url, soon()).await, Ok(false));
        let elsewhere = "https://sqs.eu-west-1.amazonaws.com/123456789012/in";
        assert_eq!(mappings.feeds(ARN, elsewhere, soon()).await, Ok(false));
        assert_eq!(fake.calls().len(), 1);
    }

    #[test]
    fn queue_urls() {
        let arn = |url| queue_arn(ARN, url);
        let expected = || Ok(Some("arn:aws:sqs:us-east-1:1:q.fifo".to_owned()));
        assert_eq!(arn("https://sqs.us-east-1.amazonaws.com/1/q.fifo"), expected());
        assert_eq!(arn("https://us-east-1.queue.amazonaws.com/1/q.fifo/"), expected());
        assert_eq!(arn("https://vpce-1.sqs.us-east-1.vpce.amazonaws.com/1/q.fifo"), expected());
        assert_eq!(arn("https://sqs-fips.us-west-2.api.aws/1/q.fifo"), Ok(None));
        for wrong in [
            "",
            "q",
            "https://sqs.us-east-1.amazonaws.com",
            "https://host/q",
            "https://host//q",
            "https://host/1/",
        ] {
            assert!(matches!(arn(wrong), Err(MappingError::QueueUrl { .. })), "{wrong}");
        }
        assert!(matches!(queue_arn("orders", "https://h/1/q"), Err(MappingError::FunctionArn { .. })));
    }
}
