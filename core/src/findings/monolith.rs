use super::names::Names;
use super::steps::Steps;
use super::tally::Tally;
use super::{Evidence, Observation, Thresholds};
use crate::wait::Amount;

/// One function that does the work of many.
#[derive(Clone, Debug, Default)]
pub(super) struct Monolith {
    /// Invocations that showed something new.
    pub(super) tally: Tally,
    routes: Names,
    sources: Names,
    package_bytes: Option<u64>,
    inits: u64,
    init_ns: u64,
}

impl Monolith {
    pub(super) fn observe(&mut self, observation: &Observation<'_>) {
        let before = self.routes.len() + self.sources.len();
        if let Some(route) = observation.route {
            self.routes.note(route);
        }
        if let Some(source) = observation.source {
            self.sources.note(source);
        }
        if self.routes.len() + self.sources.len() > before {
            self.tally.note(observation, Amount::default());
        }
        self.package_bytes = self.package_bytes.max(observation.package_bytes);
        if let Some(init_ns) = observation.init_ns {
            self.inits += 1;
            self.init_ns = self.init_ns.saturating_add(init_ns);
        }
    }

    pub(super) fn evidence(&self, thresholds: &Thresholds, steps: &Steps) -> Option<Vec<Evidence>> {
        let routes = Evidence::count("routes and detail types", self.routes.len() as f64)
            .against(thresholds.monolith_routes)
            .named(&self.routes);
        let sources = Evidence::count("event sources", self.sources.len() as f64)
            .against(thresholds.monolith_sources)
            .named(&self.sources);
        let operations = Evidence::count("downstream operations", steps.names().len() as f64)
            .against(thresholds.monolith_operations)
            .named(steps.names());
        let broad = routes.reaches() || sources.reaches();
        let mut evidence = vec![routes, sources, operations];
        // Of what nobody measured nothing is said, and no 0.
        if let Some(bytes) = self.package_bytes {
            evidence.push(Evidence::megabytes("code on disk", bytes).against(thresholds.monolith_package));
        }
        if self.inits > 0 {
            let init_ms = self.init_ns as f64 / 1e6 / self.inits as f64;
            evidence
                .push(Evidence::ms("initialisation on average", init_ms).against(thresholds.monolith_init));
        }
        let signals = evidence.iter().filter(|one| one.reaches()).count();
        (broad && signals >= thresholds.monolith_signals as usize).then_some(evidence)
    }
}
