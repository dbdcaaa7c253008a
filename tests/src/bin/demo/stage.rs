//! What every scene needs: a cloud, the programs, someone to tell, and a count of what was not as it should be.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use hopguard_tests::{Cloud, Function, FunctionBuilder, Queue};

use crate::{
    event::{Event, Scene},
    teller::Teller,
    watch::Watch,
};

/// How often each function may stand on a path here.
pub(crate) const MAX_VISITS: u64 = 5;

/// A cloud and what is deployed there.
#[derive(Debug)]
pub(crate) struct Stage<'t> {
    pub(crate) cloud: Cloud,
    pub(crate) teller: &'t mut Teller,
    programs: PathBuf,
    checks: usize,
    unmet: usize,
}

impl<'t> Stage<'t> {
    /// Starts a cloud, and installs it first where it is not there yet.
    pub(crate) async fn set(teller: &'t mut Teller) -> Result<Self> {
        let own = std::env::current_exe().context("cannot find this program's own path")?;
        let programs = own.parent().context("this program is in no folder")?.to_owned();
        let cloud = Cloud::builder().progress(teller.progress()).start().await?;
        Ok(Self { cloud, teller, programs, checks: 0, unmet: 0 })
    }

    /// One of the examples of the crate `hopguard`, guarded.
    pub(crate) fn guarded(
        &self,
        name: &str,
        example: &str,
        quarantine: &Queue,
    ) -> Result<FunctionBuilder<'_>> {
        let function = self.function(name, &Path::new("examples").join(example))?;
        Ok(function
            .env("HOPGUARD_MAX_VISITS", MAX_VISITS.to_string())
            .env("HOPGUARD_QUARANTINE", quarantine.url())
            .env("RUST_LOG", "hopguard=debug"))
    }

    /// A function from a program beside this one.
    pub(crate) fn function(&self, name: &str, program: &Path) -> Result<FunctionBuilder<'_>> {
        Ok(self.cloud.function(name).bootstrap(&self.program(program)?))
    }

    /// A program beside this one.
    pub(crate) fn program(&self, name: impl AsRef<Path>) -> Result<PathBuf> {
        let program = self.programs.join(name);
        ensure!(
            program.exists(),
            "{} is missing: start the demo with `cargo xtask demo`, which builds it",
            program.display()
        );
        Ok(program)
    }

    /// Tells how often each function ran, and until when.
    pub(crate) fn runs(&mut self, scene: Scene, watch: &Watch) -> Result<()> {
        for (function, runs) in watch.runs() {
            self.teller.tell(&Event::Runs { scene, function: function.clone(), runs })?;
            self.check(scene, &format!("runs of {function}"), &MAX_VISITS, &runs)?;
        }
        let (watched_s, last_at_s) = (watch.seen.watched.as_secs_f64(), watch.seen.last_run_s);
        self.teller.tell(&Event::Watched { scene, watched_s, last_at_s })
    }

    /// Asks Lambda for the reserved concurrency of a function, tells it, and checks it.
    pub(crate) async fn reserved(
        &mut self,
        scene: Scene,
        function: &Function,
        expected: Option<i32>,
    ) -> Result<()> {
        let reserved = function.reserved_concurrency().await?;
        let name = function.name().to_owned();
        self.teller.tell(&Event::ReservedConcurrency { scene, function: name, reserved })?;
        self.check(scene, &format!("reserved concurrency of {}", function.name()), &expected, &reserved)
    }

    /// Tells the tags that a trip left, and checks them.
    pub(crate) async fn tags(&mut self, scene: Scene, function: &Function) -> Result<()> {
        let mut tags: BTreeMap<_, _> = function.tags().await?.into_iter().collect();
        tags.retain(|key, _| key.starts_with("hopguard:"));
        self.teller.tell(&Event::Tags { scene, function: function.name().to_owned(), tags: tags.clone() })?;
        let prior = tags.get("hopguard:prior-concurrency").map(String::as_str);
        self.check(scene, "the tag that says what to restore", &Some("unreserved"), &prior)
    }

    /// Notes whether something is as it has to be.
    pub(crate) fn check<T: Debug + PartialEq>(
        &mut self,
        scene: Scene,
        what: &str,
        expected: &T,
        found: &T,
    ) -> Result<()> {
        let met = expected == found;
        self.checks += 1;
        self.unmet += usize::from(!met);
        let (expected, found) = (format!("{expected:?}"), format!("{found:?}"));
        self.teller.tell(&Event::Check { scene, what: what.to_owned(), expected, found, met })
    }

    /// How many checks there were, and how many were not met.
    pub(crate) fn checks(&self) -> (usize, usize) {
        (self.checks, self.unmet)
    }
}
