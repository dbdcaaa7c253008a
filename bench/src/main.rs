//! What the layer costs, as ratios to references that are measured in the same run, interleaved with it: an extension on the
//! `lambda-extension` crate that does nothing, built with the same profile, and a proxy that only copies.
//!
//! `cargo xtask bench layer` builds everything and prints the table. Lambda, the runtime and the collector are threads of this
//! program; each extension runs in a mount namespace of its own. `bench-layer proxy` measures the proxies alone.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it prints")]

mod collector;
mod events;
mod http;
mod lambda;
mod measure;
mod process;
mod quota;
mod runtime;
mod samples;
mod subject;
mod table;
mod telemetry;

use anyhow::{Context as _, Result};

use collector::Collector;
use measure::Platform;
use quota::Quota;
use samples::Samples;
use subject::Subject;

/// Starts are short, and vary most.
const STARTS: u32 = 21;
const RUNS: usize = 7;

fn main() -> Result<()> {
    let collector = Collector::start()?;
    let [mut own, mut bare, mut copy] = <[Samples; 3]>::default();
    for (subject, samples) in [(Subject::Hopguard, &mut own), (Subject::Bare, &mut bare)] {
        let size = std::fs::metadata(subject.program()?).context("no program")?.len();
        samples.binary_mib.add(size as f64 / f64::from(1 << 20));
    }
    let proxies = |own: &mut Samples, copy: &mut Samples| -> Result<()> {
        let direct = measure::latencies(Subject::Bare, &collector)?;
        measure::latencies(Subject::Hopguard, &collector)?.beyond(direct, own);
        measure::latencies(Subject::Copy, &collector)?.beyond(direct, copy);
        Ok(())
    };
    if std::env::args().nth(1).as_deref() == Some("proxy") {
        for _ in 0..RUNS {
            proxies(&mut own, &mut copy)?;
        }
        table::print(&own, &bare, &copy);
        return Ok(());
    }
    starts(&collector, &mut own, &mut bare)?;
    for nth in 1..=RUNS {
        eprintln!("invocations, run {nth} of {RUNS}");
        for (subject, samples) in [(Subject::Hopguard, &mut own), (Subject::Bare, &mut bare)] {
            measure::idle(subject, &collector, samples)?;
            measure::with_spans(subject, Platform::Batched, &collector, samples)?;
        }
        measure::with_spans(Subject::Hopguard, Platform::Single, &collector, &mut own)?;
        proxies(&mut own, &mut copy)?;
    }
    eprintln!("100,000 invocations in one environment");
    measure::soak(&collector, &mut own)?;
    table::print(&own, &bare, &copy);
    Ok(())
}

fn starts(collector: &Collector, own: &mut Samples, bare: &mut Samples) -> Result<()> {
    let mut quotas = [Quota::new("own", STARTS), Quota::new("bare", STARTS)];
    if quotas.iter().any(Option::is_none) {
        eprintln!("no control groups for 72 milli-CPU: they take cgroups, and root");
        quotas = [None, None];
    }
    eprintln!("{STARTS} starts of each");
    let [of_own, of_bare] = &quotas;
    for _ in 0..STARTS {
        for (subject, samples, quota) in
            [(Subject::Hopguard, &mut *own, of_own), (Subject::Bare, &mut *bare, of_bare)]
        {
            measure::start(subject, collector, samples)?;
            if let Some(quota) = quota {
                measure::slow_start(subject, collector, quota, samples)?;
            }
        }
    }
    Ok(())
}
