use std::thread;
use std::time::Duration;

use anyhow::Result;

use super::ms;
use crate::collector::Collector;
use crate::quota::Quota;
use crate::samples::Samples;
use crate::subject::Subject;

/// What has been put off until after the first /next may settle so long.
const SETTLE: Duration = Duration::from_millis(30);

/// From `exec` to the first /next.
pub(crate) fn start(subject: Subject, collector: &Collector, samples: &mut Samples) -> Result<()> {
    let (lambda, process) = subject.start(collector, &[], None)?;
    let asked = lambda.extension_asked(1)?;
    samples.init_cpu_ms.add(ms(process.processor()?));
    samples.first_next_ms.add(ms(asked - process.started));
    thread::sleep(SETTLE);
    samples.resident_mb.add(process.memory()?.resident);
    Ok(())
}

/// The same with as much of a processor as a function of 128 MB has.
pub(crate) fn slow_start(
    subject: Subject,
    collector: &Collector,
    quota: &Quota,
    samples: &mut Samples,
) -> Result<()> {
    let (lambda, process) = subject.start(collector, &[], Some(quota))?;
    let asked = lambda.extension_asked(1)?;
    samples.slow_first_next_ms.add(ms(asked - process.started));
    Ok(())
}
