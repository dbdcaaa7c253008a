/// Bounds for durations, as OpenTelemetry advises, and on to Lambda's limit of 900 s.
pub(super) const DURATIONS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0, 60.0, 300.0, 900.0,
];

/// One thing that is measured in the layer, with its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Measure {
    /// How long the function's logic ran.
    InvokeDuration,
    /// How long its initialisation took.
    InitDuration,
    /// How long it was paid for.
    BilledDuration,
    /// The most memory that its environment used.
    MemoryUsed,
    /// How long the layer took from its start until it asked for the first event.
    LayerInit,
    /// The memory that the layer is resident with.
    LayerMemory,
    /// How long an invocation was idle with a call in flight.
    Wait,
    /// How long it waited for functions that it called.
    SyncInvoke,
    /// The most that running its serial calls together could have saved.
    Saving,
    /// What its wait cost.
    WaitCost,
    /// An invocation's distance from the root of its chain.
    Hop,
    /// How often the function stood on the path to an invocation, that one included.
    Visits,
    /// The size of the function's code on disk.
    PackageSize,
}

impl Measure {
    /// All measures, in the order of their declaration.
    pub const ALL: [Self; 13] = [
        Self::InvokeDuration,
        Self::InitDuration,
        Self::BilledDuration,
        Self::MemoryUsed,
        Self::LayerInit,
        Self::LayerMemory,
        Self::Wait,
        Self::SyncInvoke,
        Self::Saving,
        Self::WaitCost,
        Self::Hop,
        Self::Visits,
        Self::PackageSize,
    ];

    /// The metric's name: OpenTelemetry's where there is one.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvokeDuration => "faas.invoke_duration",
            Self::InitDuration => "faas.init_duration",
            Self::BilledDuration => "hopguard.billed_duration",
            Self::MemoryUsed => "faas.mem_usage",
            Self::LayerInit => "hopguard.layer.init_duration",
            Self::LayerMemory => "hopguard.layer.memory",
            Self::Wait => "hopguard.wait",
            Self::SyncInvoke => "hopguard.sync_invoke",
            Self::Saving => "hopguard.saving",
            Self::WaitCost => "hopguard.wait.cost",
            Self::Hop => "hopguard.hop",
            Self::Visits => "hopguard.visits",
            Self::PackageSize => "hopguard.package.size",
        }
    }

    /// The unit (UCUM).
    pub const fn unit(self) -> &'static str {
        match self {
            Self::MemoryUsed | Self::LayerMemory | Self::PackageSize => "By",
            // UCUM has no money: in braces is what it takes as a word of one's own.
            Self::WaitCost => "{USD}",
            Self::Hop => "{hop}",
            Self::Visits => "{visit}",
            Self::InvokeDuration
            | Self::InitDuration
            | Self::BilledDuration
            | Self::LayerInit
            | Self::Wait
            | Self::SyncInvoke
            | Self::Saving => "s",
        }
    }

    /// The bounds of its histogram; none where only the last value counts.
    pub const fn bounds(self) -> &'static [f64] {
        const MB: f64 = 1_048_576.0;
        match self {
            Self::InvokeDuration | Self::BilledDuration | Self::Wait | Self::SyncInvoke | Self::Saving => {
                DURATIONS
            }
            Self::InitDuration => &[0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0],
            Self::MemoryUsed => &[
                64.0 * MB,
                128.0 * MB,
                256.0 * MB,
                512.0 * MB,
                1024.0 * MB,
                2048.0 * MB,
                4096.0 * MB,
                8192.0 * MB,
            ],
            // From 1 ms at 128 MB, which is 2e-9 USD, to 900 s at 10 GB, which is 0.15 USD.
            Self::WaitCost => &[1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1],
            // Up to the default limits of 100 hops and 10 visits, and beyond; the first bucket of the hops has the roots alone.
            Self::Hop => &[0.0, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0, 1000.0],
            Self::Visits => &[1.0, 2.0, 3.0, 4.0, 5.0, 8.0, 10.0, 20.0, 50.0, 100.0, 1000.0],
            Self::LayerInit | Self::LayerMemory | Self::PackageSize => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn measures_have_rising_bounds_and_names_of_their_own() {
        let names: HashSet<_> = Measure::ALL.into_iter().map(Measure::name).collect();
        assert_eq!(names.len(), Measure::ALL.len());
        for (nth, measure) in Measure::ALL.into_iter().enumerate() {
            assert_eq!(measure as usize, nth);
            assert!(measure.bounds().is_sorted(), "{measure:?}");
        }
    }
}
