use std::net::UdpSocket;

use anyhow::{Result, ensure};

use super::request_id;
use crate::collector::Collector;
use crate::events;
use crate::http::Connection;
use crate::runtime::Runtime;
use crate::samples::Samples;
use crate::subject::Subject;

const INVOCATIONS: u64 = 100_000;
/// Until everything that is built on first use is there.
const FIRST: u64 = 1_000;

/// Very many invocations in one environment, each with a message that carries lineage, a question for that of what it sends, and a
/// report: how much memory they leave behind.
pub(crate) fn soak(collector: &Collector, samples: &mut Samples) -> Result<()> {
    let (lambda, process) = Subject::Hopguard.start(collector, &[], None)?;
    lambda.extension_asked(1)?;
    let proxy = process.listens("proxy")?;
    let (mut runtime, mut injector) = (Runtime::new(proxy)?, Connection::to(proxy)?);
    let reports = UdpSocket::bind("127.0.0.1:0")?;
    reports.connect(process.listens("reports")?)?;
    let mut before = 0.0;
    for nth in 1..=INVOCATIONS {
        let id = request_id(nth);
        runtime.ask()?;
        lambda.runtime_asked(nth)?;
        lambda.extension_asked(nth)?;
        lambda.invoke(&id)?;
        let event = events::message(nth);
        lambda.dispatch(&id, &event)?;
        ensure!(*runtime.event()? != *event, "its token is not advanced");
        let question = format!(r#"{{"invocation":"{id}","sends":1}}"#);
        let head =
            "POST /hopguard/v1/sends HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n";
        injector.ask(head, question.as_bytes())?;
        reports.send(events::report(&id, nth).as_bytes())?;
        runtime.respond(&id)?;
        lambda.answered(nth)?;
        if nth == FIRST {
            before = process.memory()?.resident;
        }
    }
    samples.soak_mb.add(process.memory()?.resident - before);
    Ok(())
}
