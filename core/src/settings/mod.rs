//! The environment variables that configure hopguard, each with its name, default, range and parser.

mod analysis;
mod error;
mod parse;
mod telemetry;
mod variables;

use std::time::Duration;

pub use error::SettingError;
pub use telemetry::{MetricSinks, Telemetry};
use variables::SET_BY_THE_LAYER;
pub use variables::{VARIABLES, Variable};

use crate::findings::Thresholds;
use crate::policy::Policy;
use crate::signing::SigningKeys;
use crate::wait::{Architecture, Price};

/// What every variable of hopguard begins with.
pub const PREFIX: &str = "HOPGUARD_";

/// Everything that a function's owner can choose.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The limits.
    pub policy: Policy,
    /// The name or ARN of the DynamoDB table that counts the invocations of each chain; `None` where chains have no budget.
    pub ledger: Option<String>,
    /// What happens to a blocked record.
    pub on_block: OnBlock,
    /// The URL of the SQS queue that blocked records are moved to.
    pub quarantine: Option<String>,
    /// Whether a block sets the function's reserved concurrency to 0.
    pub trip: bool,
    /// When a trip ends by itself; `None` where somebody has to resume the function.
    pub cooldown: Option<Cooldown>,
    /// The keys that sign and verify tokens.
    pub signing_keys: Option<SigningKeys>,
    /// How long one HeadObject may take that looks up an object's lineage.
    pub lookup_timeout: Duration,
    /// What the layer does with spans and metrics.
    pub telemetry: Telemetry,
    /// What a GB-second costs, in USD; `None` where AWS's list price for the function's processor holds.
    pub usd_per_gb_second: Option<f64>,
    /// From where on something is a finding.
    pub thresholds: Thresholds,
}

/// A trip that ends by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cooldown {
    /// How long the function stays at 0.
    pub time: Duration,
    /// The ARN of the role by which EventBridge Scheduler restores the reserved concurrency.
    pub role: String,
}

/// What happens to a blocked record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OnBlock {
    /// It is moved to the quarantine queue, and acknowledged only then.
    Quarantine,
    /// It goes back to its source: into `batchItemFailures`, or the invocation fails.
    #[default]
    Fail,
    /// It is acknowledged, and gone.
    Drop,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            ledger: None,
            on_block: OnBlock::default(),
            quarantine: None,
            trip: true,
            cooldown: None,
            signing_keys: None,
            lookup_timeout: Duration::from_secs(1),
            telemetry: Telemetry::default(),
            usd_per_gb_second: None,
            thresholds: Thresholds::default(),
        }
    }
}

impl Settings {
    /// Reads every `HOPGUARD_` variable among `variables`. Where one is wrong its default is used, since a typo must not take
    /// production down; all errors are returned together, to be logged or refused by the caller.
    pub fn read<N: AsRef<str>, V: AsRef<str>>(
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> (Self, Vec<SettingError>) {
        let mut draft = Draft::default();
        let mut errors = Vec::new();
        for (name, value) in variables {
            let (name, value) = (name.as_ref(), value.as_ref().trim());
            if !name.starts_with(PREFIX) || SET_BY_THE_LAYER.contains(&name) {
                continue;
            }
            match VARIABLES.iter().find(|variable| variable.name == name) {
                Some(variable) => errors.extend((variable.apply)(&mut draft, value).err()),
                None => {
                    errors.push(SettingError::unknown(name, VARIABLES.iter().map(|variable| variable.name)));
                }
            }
        }
        errors.extend(draft.finish_on_block().err());
        errors.extend(draft.finish_cooldown().err());
        errors.extend(draft.finish_budget().err());
        errors.sort_by_key(ToString::to_string);
        (draft.settings, errors)
    }
}

impl Settings {
    /// What the function is paid with: AWS's list price for its processor, or the owner's own.
    pub fn price(&self, architecture: Architecture) -> Price {
        Price::listed(architecture).or_own(self.usd_per_gb_second)
    }
}

/// Settings while they are read: what depends on two variables is decided at the end.
#[derive(Debug, Default)]
pub struct Draft {
    settings: Settings,
    on_block: Option<OnBlock>,
    cooldown: Option<Duration>,
    cooldown_role: Option<String>,
    chain_budget: Option<u32>,
    ledger: Option<String>,
}

impl Draft {
    fn finish_on_block(&mut self) -> Result<(), SettingError> {
        let named = self.settings.quarantine.is_some();
        self.settings.on_block = match self.on_block {
            None if named => OnBlock::Quarantine,
            None => OnBlock::Fail,
            Some(OnBlock::Quarantine) if !named => {
                self.settings.on_block = OnBlock::Fail;
                return Err(SettingError::QuarantineWithoutQueue);
            }
            Some(chosen) => chosen,
        };
        Ok(())
    }

    fn finish_cooldown(&mut self) -> Result<(), SettingError> {
        let Some(time) = self.cooldown else { return Ok(()) };
        let role = self.cooldown_role.take().ok_or(SettingError::CooldownWithoutRole)?;
        self.settings.cooldown = Some(Cooldown { time, role });
        Ok(())
    }

    fn finish_budget(&mut self) -> Result<(), SettingError> {
        let Some(budget) = self.chain_budget else { return Ok(()) };
        self.settings.ledger = Some(self.ledger.take().ok_or(SettingError::BudgetWithoutLedger)?);
        self.settings.policy.chain_budget = Some(budget);
        Ok(())
    }
}

/// The settings as a table in Markdown, as docs/settings.md shows it.
pub fn markdown_table() -> String {
    let mut table = String::from("| variable | default | range | what it does |\n|---|---|---|---|\n");
    for Variable { name, default, range, doc, .. } in VARIABLES {
        table.push_str(&format!("| `{name}` | {default} | {range} | {doc} |\n"));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_errors_are_reported_together_and_defaults_stand() {
        let (settings, errors) = Settings::read([
            ("HOPGUARD_MAX_VISITS", "ten"),
            ("HOPGUARD_MAX_HOP", "5"),
            ("HOPGUARD_BRANCH_CREDIT", "20"),
            ("PATH", "/bin"),
        ]);
        let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "HOPGUARD_MAX_HOP is not a setting of hopguard; did you mean HOPGUARD_MAX_HOPS?",
                "HOPGUARD_MAX_VISITS=\"ten\" is not a whole number from 1 to 10000; write for example \"10\"",
            ]
        );
        assert_eq!(settings.policy, Policy { branch_credit: 20, ..Policy::default() });
    }

    #[test]
    fn what_happens_to_a_blocked_record_depends_on_two() {
        let url = "https://sqs.eu-central-1.amazonaws.com/123456789012/quarantine";
        type Case<'c> = (&'c str, &'c [(&'c str, &'c str)], OnBlock, usize);
        let cases: [Case<'_>; 5] = [
            ("nothing said", &[], OnBlock::Fail, 0),
            ("a queue is named", &[("HOPGUARD_QUARANTINE", url)], OnBlock::Quarantine, 0),
            (
                "a queue, but fail",
                &[("HOPGUARD_QUARANTINE", url), ("HOPGUARD_ON_BLOCK", "fail")],
                OnBlock::Fail,
                0,
            ),
            ("drop", &[("HOPGUARD_ON_BLOCK", "drop")], OnBlock::Drop, 0),
            ("no queue", &[("HOPGUARD_ON_BLOCK", "quarantine")], OnBlock::Fail, 1),
        ];
        for (name, variables, expected, wrong) in cases {
            let (settings, errors) = Settings::read(variables.iter().copied());
            assert_eq!((settings.on_block, errors.len()), (expected, wrong), "{name}: {errors:?}");
        }
    }

    #[test]
    fn a_chain_budget_needs_a_ledger() {
        let (budget, ledger) = (("HOPGUARD_CHAIN_BUDGET", "500"), ("HOPGUARD_LEDGER_TABLE", "ledger"));
        type Case<'c> = (&'c [(&'c str, &'c str)], Option<u32>, &'c [&'c str]);
        let cases: [Case<'_>; 4] = [
            (&[budget, ledger], Some(500), &[]),
            (&[ledger], None, &[]),
            (&[budget], None, &["write its name in HOPGUARD_LEDGER_TABLE"]),
            (&[("HOPGUARD_CHAIN_BUDGET", "0"), ledger], None, &["from 1 to 1000000; write for example"]),
        ];
        for (variables, expected, wrong) in cases {
            let (settings, errors) = Settings::read(variables.iter().copied());
            assert_eq!(settings.policy.chain_budget, expected, "{variables:?}");
            assert_eq!(settings.ledger.is_some(), expected.is_some(), "nobody is asked without a budget");
            let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
            assert_eq!(errors.len(), wrong.len(), "{errors:?}");
            assert!(errors.iter().zip(wrong).all(|(error, part)| error.contains(part)), "{errors:?}");
        }
    }

    #[test]
    fn a_cooldown_needs_a_role() {
        let role = "arn:aws:iam::123456789012:role/cooldown";
        let cooldown = |seconds| Some(Cooldown { time: Duration::from_secs(seconds), role: role.to_owned() });
        type Case<'c> = (&'c [(&'c str, &'c str)], Option<Cooldown>, &'c [&'c str]);
        let cases: [Case<'_>; 6] = [
            (&[("HOPGUARD_COOLDOWN", "1m"), ("HOPGUARD_COOLDOWN_ROLE", role)], cooldown(60), &[]),
            (&[("HOPGUARD_COOLDOWN_ROLE", role), ("HOPGUARD_COOLDOWN", "24h")], cooldown(86_400), &[]),
            (&[("HOPGUARD_COOLDOWN", "30m")], None, &["write its ARN in HOPGUARD_COOLDOWN_ROLE"]),
            (&[("HOPGUARD_COOLDOWN_ROLE", role)], None, &[]),
            (
                &[("HOPGUARD_COOLDOWN", "59s"), ("HOPGUARD_COOLDOWN_ROLE", role)],
                None,
                &["from 1m to 24h; write for example \"30m\""],
            ),
            (
                &[("HOPGUARD_COOLDOWN", "30m"), ("HOPGUARD_COOLDOWN_ROLE", "cooldown")],
                None,
                &["HOPGUARD_COOLDOWN needs a role", "is not the ARN of a role; write for example"],
            ),
        ];
        for (variables, expected, wrong) in cases {
            let (settings, errors) = Settings::read(variables.iter().copied());
            assert_eq!(settings.cooldown, expected, "{variables:?}");
            let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
            assert_eq!(errors.len(), wrong.len(), "{errors:?}");
            assert!(errors.iter().zip(wrong).all(|(error, part)| error.contains(part)), "{errors:?}");
        }
    }

    #[test]
    fn the_table_lists_each_variable() {
        let table = markdown_table();
        assert_eq!(table.lines().count(), 2 + VARIABLES.len());
        assert!(table.lines().all(|line| line.starts_with("| ") || line.starts_with("|-")));
    }
}
