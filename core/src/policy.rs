use std::fmt;

use crate::function::FunctionId;
use crate::lineage::{Credit, Lineage};

/// The limits that a function's owner chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How often one function may stand on one path. 10 by default: exactly 10 run and the 11th is blocked.
    pub max_visits: u16,
    /// The longest path, in hops. 100 by default: hop 100 runs and hop 101 is blocked.
    pub max_hops: u32,
    /// What a loop may spend on branches, from its entry on. 256 by default.
    pub branch_credit: u32,
    /// How many invocations a chain may have over all execution environments, its root included; `None` where nobody counts them.
    pub chain_budget: Option<u32>,
    /// Whether limits block or only report.
    pub mode: Mode,
}

impl Default for Policy {
    fn default() -> Self {
        Self { max_visits: 10, max_hops: 100, branch_credit: 256, chain_budget: None, mode: Mode::Enforce }
    }
}

/// What happens at a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Mode {
    /// A record beyond a limit is blocked.
    #[default]
    Enforce,
    /// A record beyond a limit is reported and let through.
    Observe,
}

/// The core's answer for one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The handler gets the record.
    Allow,
    /// The handler gets the record, and somebody should know.
    Warn(Reason),
    /// The record is kept from the handler.
    Block(Reason),
}

/// Which limit or signal a verdict stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The function stands on the path more often than `HOPGUARD_MAX_VISITS`.
    Visits {
        /// How often, this time included.
        visits: u16,
        /// The setting.
        limit: u16,
    },
    /// The path is longer than `HOPGUARD_MAX_HOPS`.
    Hops {
        /// This invocation's hop.
        hop: u32,
        /// The setting.
        limit: u32,
    },
    /// The message was sent when the loop had spent its `HOPGUARD_BRANCH_CREDIT`.
    BranchCredit,
    /// The chain has had more invocations than `HOPGUARD_CHAIN_BUDGET`, over all execution environments.
    ChainBudget {
        /// How many, this one and the root included.
        invocations: u64,
        /// The setting.
        limit: u32,
    },
    /// The last visit that the limit allows: the next one would be blocked.
    LastVisit {
        /// The setting, which is also the number of visits.
        limit: u16,
    },
    /// AWS's own `Lineage=` counts more visits than our limit, and no token of ours came with the record.
    AwsLineage {
        /// AWS's count.
        seen: u16,
    },
    /// Invocations without a token share one X-Ray root in this execution environment, more than `HOPGUARD_MAX_HOPS`
    /// of them: a wide fan-out, or a loop over a carrier that lost its lineage.
    SharedRoot {
        /// How many were seen here.
        seen: u32,
    },
}

impl Reason {
    /// The value of the `reason` attribute in metrics and tags.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Visits { .. } => "visits",
            Self::Hops { .. } => "hops",
            Self::BranchCredit => "branch_credit",
            Self::ChainBudget { .. } => "chain_budget",
            Self::LastVisit { .. } => "last_visit",
            Self::AwsLineage { .. } => "aws_lineage",
            Self::SharedRoot { .. } => "shared_root",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Visits { visits, limit } => {
                write!(f, "visit {visits} of {limit} allowed on one path")
            }
            Self::Hops { hop, limit } => write!(f, "hop {hop} of {limit} allowed"),
            Self::BranchCredit => f.write_str("the loop has spent its branch credit"),
            Self::ChainBudget { invocations, limit } => {
                write!(f, "invocation {invocations} of {limit} allowed in one chain")
            }
            Self::LastVisit { limit } => {
                write!(f, "visit {limit} of {limit} allowed on one path: the next is blocked")
            }
            Self::AwsLineage { seen } => {
                write!(f, "AWS counts {seen} visits in this chain and no lineage came with the record")
            }
            Self::SharedRoot { seen } => {
                write!(f, "{seen} invocations without lineage share one X-Ray root here")
            }
        }
    }
}

impl Policy {
    /// Judges the lineage of an invocation of `function`, as [`Lineage::arrive`] made it.
    pub fn judge(&self, lineage: &Lineage, function: FunctionId) -> Verdict {
        let visits = lineage.visits.of(function);
        let beyond = if visits > self.max_visits {
            Some(Reason::Visits { visits, limit: self.max_visits })
        } else if lineage.hop > self.max_hops {
            Some(Reason::Hops { hop: lineage.hop, limit: self.max_hops })
        } else if lineage.credit == Credit::Exceeded {
            Some(Reason::BranchCredit)
        } else {
            None
        };
        match beyond {
            Some(reason) => self.beyond(reason),
            None if visits == self.max_visits && visits > 1 => {
                Verdict::Warn(Reason::LastVisit { limit: visits })
            }
            None => Verdict::Allow,
        }
    }

    /// Judges how many invocations of a chain the ledger has counted, this one included. It counts what carries lineage, and so not
    /// the root.
    pub fn judge_budget(&self, counted: u64) -> Verdict {
        let invocations = counted.saturating_add(1);
        match self.chain_budget {
            Some(limit) if invocations > u64::from(limit) => {
                self.beyond(Reason::ChainBudget { invocations, limit })
            }
            _ => Verdict::Allow,
        }
    }

    const fn beyond(&self, reason: Reason) -> Verdict {
        match self.mode {
            Mode::Enforce => Verdict::Block(reason),
            Mode::Observe => Verdict::Warn(reason),
        }
    }

    /// Judges what AWS's own count says of a record that carries no token. A signal, never a block: what the field counts
    /// is AWS's to change.
    pub fn judge_aws_lineage(&self, seen: u16) -> Verdict {
        if seen > self.max_visits { Verdict::Warn(Reason::AwsLineage { seen }) } else { Verdict::Allow }
    }

    /// Judges how many invocations without a token shared one X-Ray root in this environment. A signal, never a block:
    /// the messages of one legitimate fan-out share their root too.
    pub fn judge_shared_root(&self, seen: u32) -> Verdict {
        if seen > self.max_hops { Verdict::Warn(Reason::SharedRoot { seen }) } else { Verdict::Allow }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::ChainId;

    fn path(visits: u16) -> Lineage {
        let function = FunctionId::from_bits(7);
        let root = Lineage::root(ChainId::new(1).unwrap(), function, 256);
        (1..visits).fold(root, |lineage, _| lineage.arrive(function, 256))
    }

    #[test]
    fn exactly_max_visits_run() {
        let policy = Policy { max_visits: 5, ..Policy::default() };
        let verdict = |visits| policy.judge(&path(visits), FunctionId::from_bits(7));
        assert_eq!([1, 2, 3, 4].map(verdict), [Verdict::Allow; 4]);
        assert_eq!(verdict(5), Verdict::Warn(Reason::LastVisit { limit: 5 }));
        assert_eq!(verdict(6), Verdict::Block(Reason::Visits { visits: 6, limit: 5 }));
    }

    #[test]
    fn each_limit_blocks_and_observe_only_reports() {
        let other = FunctionId::from_bits(8);
        let marked = Lineage { credit: Credit::Exceeded, ..path(1) };
        let far = Lineage { hop: 101, ..path(1) };
        let cases =
            [("hops", far, Reason::Hops { hop: 101, limit: 100 }), ("credit", marked, Reason::BranchCredit)];
        for (name, lineage, reason) in cases {
            let policy = Policy::default();
            assert_eq!(policy.judge(&lineage, other), Verdict::Block(reason), "{name}");
            let observe = Policy { mode: Mode::Observe, ..policy };
            assert_eq!(observe.judge(&lineage, other), Verdict::Warn(reason), "{name}");
        }
        assert_eq!(Policy::default().judge(&Lineage { hop: 100, ..path(1) }, other), Verdict::Allow);
    }

    #[test]
    fn as_many_invocations_run_as_the_budget_has_with_the_root() {
        let policy = Policy { chain_budget: Some(3), ..Policy::default() };
        assert_eq!([1, 2].map(|counted| policy.judge_budget(counted)), [Verdict::Allow; 2]);
        let beyond = Reason::ChainBudget { invocations: 4, limit: 3 };
        assert_eq!(policy.judge_budget(3), Verdict::Block(beyond));
        let observe = Policy { mode: Mode::Observe, ..policy };
        assert_eq!(observe.judge_budget(3), Verdict::Warn(beyond));
        assert!(matches!(policy.judge_budget(u64::MAX), Verdict::Block(_)));
        assert_eq!(Policy::default().judge_budget(u64::MAX), Verdict::Allow);
    }

    #[test]
    fn one_allowed_visit_is_no_loop_to_warn_of() {
        let policy = Policy { max_visits: 1, ..Policy::default() };
        assert_eq!(policy.judge(&path(1), FunctionId::from_bits(7)), Verdict::Allow);
        assert!(matches!(policy.judge(&path(2), FunctionId::from_bits(7)), Verdict::Block(_)));
    }
}
