//! What was done, how long it took, and what was left out.

use std::{
    process::ExitCode,
    sync::Mutex,
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::counts::Counts;

/// The steps of one command, told as they go and summed up at the end.
#[derive(Debug)]
pub(crate) struct Report {
    started: Instant,
    strict: bool,
    steps: Vec<Step>,
    left_out: Vec<LeftOut>,
    counts: Mutex<Counts>,
}

#[derive(Debug)]
struct Step {
    title: String,
    took: Duration,
    failure: Option<String>,
}

#[derive(Debug)]
struct LeftOut {
    what: String,
    why: String,
    /// Whether that fails a strict run.
    fails: bool,
}

impl Report {
    /// A report that is strict where `CI=true`: there, what is left out has failed.
    pub(crate) fn start() -> Self {
        Self::new(std::env::var("CI").is_ok_and(|ci| ci == "true" || ci == "1"))
    }

    fn new(strict: bool) -> Self {
        Self {
            started: Instant::now(),
            strict,
            steps: Vec::new(),
            left_out: Vec::new(),
            counts: Mutex::default(),
        }
    }

    /// Says what is done, does it, and says how it went. Returns whether it succeeded: the caller decides whether the
    /// next step makes sense without it.
    pub(crate) fn step(&mut self, title: &str, work: impl FnOnce(&Self) -> Result<()>) -> bool {
        println!("==> {title}");
        let started = Instant::now();
        let failure = work(self).err().map(|error| format!("{error:#}"));
        let took = started.elapsed();
        match &failure {
            None => println!("    ok, {}\n", seconds(took)),
            Some(failure) => println!("    FAILED after {}: {failure}\n", seconds(took)),
        }
        let succeeded = failure.is_none();
        self.steps.push(Step { title: title.to_owned(), took, failure });
        succeeded
    }

    /// Takes the tests into account that a line of a test runner tells of.
    pub(crate) fn count(&self, line: &str) {
        if let Ok(mut counts) = self.counts.lock() {
            *counts += Counts::of_line(line);
        }
    }

    /// Something that this machine cannot do, which is a failure where the report is strict.
    pub(crate) fn leave_out(&mut self, what: &str, why: &str) {
        self.left_out.push(LeftOut { what: what.to_owned(), why: why.to_owned(), fails: self.strict });
    }

    /// Something that depends on the network of the day, and may be left out anywhere.
    pub(crate) fn leave_out_freely(&mut self, what: &str, why: &str) {
        self.left_out.push(LeftOut { what: what.to_owned(), why: why.to_owned(), fails: false });
    }

    /// Prints the summary, ending with the number of tests.
    pub(crate) fn finish(self, command: &str) -> ExitCode {
        println!("{}", self.summary(command));
        if self.failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }

    fn failed(&self) -> bool {
        self.steps.iter().any(|step| step.failure.is_some())
            || self.left_out.iter().any(|left_out| left_out.fails)
    }

    fn summary(&self, command: &str) -> String {
        let mut lines = vec![format!("==> summary of cargo xtask {command}")];
        for Step { title, took, failure } in &self.steps {
            let outcome = if failure.is_some() { "FAILED" } else { "ok" };
            lines.push(format!("    {outcome:<7}{:>9}  {title}", seconds(*took)));
        }
        for LeftOut { what, why, fails } in &self.left_out {
            let outcome = if *fails { "FAILED" } else { "left" };
            lines.push(format!("    {outcome:<7}{:>9}  {what}: {why}", "out"));
        }
        if self.left_out.is_empty() {
            lines.push("    nothing was left out".to_owned());
        }
        let Counts { passed, failed, skipped } = self.counts();
        let outcome = if self.failed() { "FAILED" } else { "ok" };
        let took = seconds(self.started.elapsed());
        lines.push(format!("{outcome}: {passed} passed, {failed} failed, {skipped} skipped in {took}"));
        lines.join("\n")
    }

    fn counts(&self) -> Counts {
        self.counts.lock().map_or_else(|_| Counts::default(), |counts| *counts)
    }
}

fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn a_failed_step_fails_the_whole() {
        let mut report = Report::new(false);
        assert!(report.step("one", |_| Ok(())));
        assert!(!report.failed());
        assert!(!report.step("two", |_| bail!("a reason")));
        assert!(report.failed());
        assert!(report.summary("test").contains("FAILED"));
    }

    #[test]
    fn what_is_left_out_fails_only_where_strict() {
        for strict in [false, true] {
            let mut report = Report::new(strict);
            report.leave_out_freely("advisories", "no database");
            assert!(!report.failed());
            report.leave_out("end-to-end tests", "no python3");
            assert_eq!(report.failed(), strict);
            assert!(report.summary("test").contains("end-to-end tests: no python3"));
        }
    }

    #[test]
    fn the_last_line_counts_tests() {
        let report = Report::new(false);
        report.count("     Summary [   1.204s] 34 tests run: 34 passed, 0 skipped");
        report.count("test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
        let summary = report.summary("test");
        assert!(
            summary.lines().last().unwrap().starts_with("ok: 36 passed, 0 failed, 0 skipped in "),
            "{summary}"
        );
    }
}
