use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::{micros, ms, request_id};
use crate::collector::Collector;
use crate::events::SPAN;
use crate::http::Connection;
use crate::lambda::Lambda;
use crate::samples::{Samples, Series};
use crate::subject::Subject;

const WARM_UP: u64 = 20;
const INVOCATIONS: u64 = 1_000;
/// Between two invocations.
const GAP: Duration = Duration::from_micros(500);

/// How what the platform tells is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Platform {
    /// As the subscription asks, and as Lambda does.
    Batched,
    /// One by one: the worst that could be.
    Single,
}

/// Invocations of which nothing is handed over: memory, and how soon the extension is done with each. The handler takes no time, so
/// that everything the extension does stands between its end and the next /next.
pub(crate) fn idle(subject: Subject, collector: &Collector, samples: &mut Samples) -> Result<()> {
    let (lambda, process) = subject.start(collector, &[], None)?;
    let mut next = Series::default();
    invocations(&lambda, 0..WARM_UP, |_| Ok(()), |_| {})?;
    let before = process.memory()?.resident;
    invocations(&lambda, WARM_UP..WARM_UP + INVOCATIONS, |_| Ok(()), |time| next.add(micros(time)))?;
    samples.growth_mb.add(process.memory()?.resident - before);
    if let (Some(p50), Some(p99)) = (next.median(), next.quantile(0.99)) {
        samples.next_p50_us.add(p50);
        samples.next_p99_us.add(p99);
    }
    Ok(())
}

/// Invocations that hand one span over each, where there is a receiver: the processor's time of each, exports included, and how soon
/// the extension ends after SHUTDOWN.
pub(crate) fn with_spans(
    subject: Subject,
    platform: Platform,
    collector: &Collector,
    samples: &mut Samples,
) -> Result<()> {
    // Far more often than by default, so that exports are among what is measured.
    let (lambda, mut process) = subject.start(collector, &[("HOPGUARD_FLUSH_INTERVAL", "500ms")], None)?;
    lambda.extension_asked(1)?;
    if platform == Platform::Single {
        lambda.deliver_at_once();
    }
    let mut receiver = match subject {
        Subject::Hopguard => Some(Connection::to(process.listens("otlp")?)?),
        Subject::Bare | Subject::Copy => None,
    };
    let mut hand_over = |_| match &mut receiver {
        Some(receiver) => {
            let head = "POST /v1/traces HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n";
            receiver.ask(head, SPAN.as_bytes()).map(drop)
        }
        None => Ok(()),
    };
    invocations(&lambda, 0..WARM_UP, &mut hand_over, |_| {})?;
    let (before, exports) = (process.processor()?, collector.requests());
    invocations(&lambda, WARM_UP..WARM_UP + INVOCATIONS, &mut hand_over, |_| {})?;
    let each = micros(process.processor()? - before) / INVOCATIONS as f64;
    ensure!(subject != Subject::Hopguard || collector.requests() > exports, "nothing was exported");
    match platform {
        Platform::Single => samples.single_span_cpu_us.add(each),
        Platform::Batched => {
            samples.span_cpu_us.add(each);
            let told = lambda.shut_down()?;
            samples.exit_ms.add(ms(process.ended()? - told));
        }
    }
    Ok(())
}

fn invocations(
    lambda: &Lambda,
    range: std::ops::Range<u64>,
    mut handle: impl FnMut(u64) -> Result<()>,
    mut took: impl FnMut(Duration),
) -> Result<()> {
    for nth in range {
        lambda.extension_asked(nth + 1)?;
        let id = request_id(nth);
        let told = lambda.invoke(&id)?;
        lambda.tell("platform.start", &format!(r#"{{"requestId":"{id}","version":"$LATEST"}}"#));
        handle(nth)?;
        lambda.tell(
            "platform.runtimeDone",
            &format!(
                r#"{{"requestId":"{id}","status":"success","metrics":{{"durationMs":1.5,"producedBytes":16}},"tracing":{{"spanId":"54565fb41ac79632","type":"X-Amzn-Trace-Id","value":"Root=1-62e900b2-710d76f009d6e7785905449a;Parent=0efbd19962d95b05;Sampled=1"}}}}"#
            ),
        );
        took(lambda.extension_asked(nth + 2)?.saturating_duration_since(told));
        lambda.tell(
            "platform.report",
            &format!(
                r#"{{"requestId":"{id}","status":"success","metrics":{{"durationMs":1.5,"billedDurationMs":2,"memorySizeMB":128,"maxMemoryUsedMB":64}}}}"#
            ),
        );
        thread::sleep(GAP);
    }
    Ok(())
}
