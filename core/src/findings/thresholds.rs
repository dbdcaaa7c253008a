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

/// One threshold by its name, as a setting and as `docs/findings.md` shows it.
#[derive(Clone, Copy, Debug)]
pub struct Threshold {
    /// Its name: the finding's, a dot and a word.
    pub name: &'static str,
    /// What its number is of.
    pub unit: &'static str,
    /// The lowest and the highest value.
    pub range: (u32, u32),
    /// Why its default is what it is.
    pub reason: &'static str,
    field: fn(&mut Thresholds) -> &mut u32,
}

impl Threshold {
    /// Its value among `thresholds`.
    pub fn value(&self, mut thresholds: Thresholds) -> u32 {
        *(self.field)(&mut thresholds)
    }

    /// Sets it. `false`, and no change, where the value is out of its range.
    #[must_use]
    pub fn set(&self, thresholds: &mut Thresholds, value: u32) -> bool {
        let fits = (self.range.0..=self.range.1).contains(&value);
        if fits {
            *(self.field)(thresholds) = value;
        }
        fits
    }
}

const COUNT: (u32, u32) = (1, 1_000_000);

/// All thresholds, in the order of the findings.
pub const THRESHOLDS: [Threshold; 14] = [
    Threshold {
        name: "recursion.visits",
        unit: "visits",
        range: (2, 10_000),
        reason: "A function that stands twice on one path is in a loop: there is no other way to get there.",
        field: |all| &mut all.recursion_visits,
    },
    Threshold {
        name: "sync-invoke.invokes",
        unit: "invokes in the window",
        range: COUNT,
        reason: "One is enough: while it waits, both functions are paid, whatever the callee does.",
        field: |all| &mut all.sync_invoke_invokes,
    },
    Threshold {
        name: "serial-wait.share",
        unit: "% of what is paid",
        range: (1, 100),
        reason: "A tenth of the bill is worth a change of some lines; less is soon lost in the variance of the calls themselves.",
        field: |all| &mut all.serial_wait_share,
    },
    Threshold {
        name: "serial-wait.saving",
        unit: "ms an invocation",
        range: (1, 900_000),
        reason: "Two calls of 10 ms are the least that is worth running together: starting a second task or thread takes a millisecond or so in most runtimes.",
        field: |all| &mut all.serial_wait_saving,
    },
    Threshold {
        name: "orchestrator.steps",
        unit: "different steps in one invocation",
        range: COUNT,
        reason: "Read, change, write and tell somebody: three calls are one task. From the fourth on they are mostly several.",
        field: |all| &mut all.orchestrator_steps,
    },
    Threshold {
        name: "orchestrator.invokes",
        unit: "synchronous invokes in one invocation",
        range: COUNT,
        reason: "Calling one function is reuse. Calling two and waiting for both is leading them.",
        field: |all| &mut all.orchestrator_invokes,
    },
    Threshold {
        name: "orchestrator.branches",
        unit: "branches for events of one kind",
        range: (2, 16),
        reason: "Two invocations for the same kind of event, each with a step that the other has not: the code has chosen.",
        field: |all| &mut all.orchestrator_branches,
    },
    Threshold {
        name: "orchestrator.signals",
        unit: "of these three",
        range: (1, 3),
        reason: "Each alone is common in sound code: two together are not.",
        field: |all| &mut all.orchestrator_signals,
    },
    Threshold {
        name: "monolith.routes",
        unit: "routes and detail types",
        range: COUNT,
        reason: "One resource has five: list, create, read, update, delete. The sixth belongs to another one.",
        field: |all| &mut all.monolith_routes,
    },
    Threshold {
        name: "monolith.sources",
        unit: "event sources",
        range: COUNT,
        reason: "A queue and a schedule that feeds the same work are two. With the third, one function has three ways to be scaled, retried and filtered.",
        field: |all| &mut all.monolith_sources,
    },
    Threshold {
        name: "monolith.operations",
        unit: "downstream operations",
        range: COUNT,
        reason: "Its role has to allow them all. A task of one resource needs four or five; ten are two tasks and more.",
        field: |all| &mut all.monolith_operations,
    },
    Threshold {
        name: "monolith.package",
        unit: "MB on disk",
        range: COUNT,
        reason: "A fifth of the 250 MB that Lambda unpacks at the most; whoever needs that for one task has a large library, and the other signals stay silent.",
        field: |all| &mut all.monolith_package,
    },
    Threshold {
        name: "monolith.init",
        unit: "ms on average",
        range: (1, 900_000),
        reason: "Cold starts of small functions take well below a second, and people notice a second.",
        field: |all| &mut all.monolith_init,
    },
    Threshold {
        name: "monolith.signals",
        unit: "of these five, one of them routes or sources",
        range: (1, 5),
        reason: "None of them alone is wrong. And a large, slow function with one task is no monolith.",
        field: |all| &mut all.monolith_signals,
    },
];

/// The thresholds as a table in Markdown, as `docs/findings.md` shows it.
pub fn markdown_table() -> String {
    let mut table = String::from("| threshold | default | range | why |\n|---|---|---|---|\n");
    for Threshold { name, unit, range: (least, most), reason, field } in THRESHOLDS {
        let default = *field(&mut Thresholds::default());
        table.push_str(&format!("| `{name}` | {default} {unit} | {least} to {most} | {reason} |\n"));
    }
    table
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::findings::Kind;

    #[test]
    fn each_threshold_has_a_name_a_field_and_a_default_within_its_range() {
        let mut all = Thresholds::default();
        for (nth, threshold) in (0..).zip(THRESHOLDS) {
            let default = threshold.value(Thresholds::default());
            let (least, most) = threshold.range;
            assert!((least..=most).contains(&default), "{}", threshold.name);
            assert!(!threshold.set(&mut all, most + 1) && !threshold.set(&mut all, least - 1));
            let finding = threshold.name.split_once('.').unwrap().0;
            assert!(Kind::ALL.iter().any(|kind| kind.name() == finding), "{}", threshold.name);
            assert!(threshold.set(&mut all, least + nth % 2));
            *(threshold.field)(&mut all) = 10 + nth;
        }
        let values: HashSet<_> = THRESHOLDS.iter().map(|threshold| threshold.value(all)).collect();
        assert_eq!(values.len(), THRESHOLDS.len(), "each has a field of its own");
    }
}
