/// From where on something is a finding. `docs/findings.md` has the reason of each default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// `recursion.visits`: an invocation of this visit or a later one is part of a loop. Default 2.
    pub recursion_visits: u32,
    /// `sync-invoke.invokes`: so many synchronous invokes within the window. Default 1.
    pub sync_invoke_invokes: u32,
    /// `serial-wait.share`: what could be saved, in percent of what is paid. Default 10.
    pub serial_wait_share: u32,
    /// `serial-wait.saving`: what could be saved by one invocation on average, in milliseconds. Default 10.
    pub serial_wait_saving: u32,
    /// `orchestrator.steps`: different steps one after the other in one invocation. Default 4.
    pub orchestrator_steps: u32,
    /// `orchestrator.invokes`: synchronous invokes in one invocation. Default 2.
    pub orchestrator_invokes: u32,
    /// `orchestrator.branches`: sets of steps, none of which is part of another, for events of one kind. Default 2.
    pub orchestrator_branches: u32,
    /// `orchestrator.signals`: so many of the three above. Default 2.
    pub orchestrator_signals: u32,
    /// `monolith.routes`: different routes and detail types. Default 6.
    pub monolith_routes: u32,
    /// `monolith.sources`: different event sources. Default 3.
    pub monolith_sources: u32,
    /// `monolith.operations`: different downstream operations. Default 10.
    pub monolith_operations: u32,
    /// `monolith.package`: the code's size on disk, in MB. Default 50.
    pub monolith_package: u32,
    /// `monolith.init`: the initialisation, in milliseconds, on average. Default 1000.
    pub monolith_init: u32,
    /// `monolith.signals`: so many of the five above, of which one is routes or sources. Default 2.
    pub monolith_signals: u32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            recursion_visits: 2,
            sync_invoke_invokes: 1,
            serial_wait_share: 10,
            serial_wait_saving: 10,
            orchestrator_steps: 4,
            orchestrator_invokes: 2,
            orchestrator_branches: 2,
            orchestrator_signals: 2,
            monolith_routes: 6,
            monolith_sources: 3,
            monolith_operations: 10,
            monolith_package: 50,
            monolith_init: 1_000,
            monolith_signals: 2,
        }
    }
}
