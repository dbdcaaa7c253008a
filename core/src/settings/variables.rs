use std::time::Duration;

use crate::policy::Mode;
use crate::settings::{Draft, OnBlock, SettingError, analysis, parse, telemetry};
use crate::signing::SigningKeys;

/// One environment variable.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What holds where it is not set.
    pub default: &'static str,
    /// What it may hold.
    pub range: &'static str,
    /// What it does, in a sentence or two.
    pub doc: &'static str,
    pub(super) apply: fn(&mut Draft, &str) -> Result<(), SettingError>,
}

/// All variables, in the order of the table in docs/settings.md.
pub const VARIABLES: &[Variable] = &[
    MODE,
    MAX_VISITS,
    MAX_HOPS,
    BRANCH_CREDIT,
    CHAIN_BUDGET,
    LEDGER_TABLE,
    ON_BLOCK,
    QUARANTINE,
    TRIP,
    COOLDOWN,
    COOLDOWN_ROLE,
    SIGNING_KEY,
    LOOKUP_TIMEOUT,
    NEXT_WRAPPER,
    DYNAMODB_TABLES,
    telemetry::METRICS,
    telemetry::OTLP_ENDPOINT,
    telemetry::OTLP_PORT,
    telemetry::OTLP_FILE,
    telemetry::FLUSH_INTERVAL,
    analysis::USD_PER_GB_SECOND,
    analysis::FINDINGS,
];

/// What the layer's wrapper sets for the runtime's process: no setting, and no mistake either.
pub(super) const SET_BY_THE_LAYER: [&str; 2] = ["HOPGUARD_PROXY", "HOPGUARD_REPORTS"];

const MODE: Variable = Variable {
    name: "HOPGUARD_MODE",
    default: "`enforce`",
    range: "`enforce`, `observe`",
    doc: "`observe` reports what would be blocked, and blocks and trips nothing.",
    apply: |draft, value| {
        let words = [("enforce", Mode::Enforce), ("observe", Mode::Observe)];
        draft.settings.policy.mode = parse::word("HOPGUARD_MODE", value, &words, "\"enforce\", \"observe\"")?;
        Ok(())
    },
};

const MAX_VISITS: Variable = Variable {
    name: "HOPGUARD_MAX_VISITS",
    default: "10",
    range: "1 to 10000",
    doc: "How often one function may stand on one path: so many invocations run, the next is blocked.",
    apply: |draft, value| {
        let visits = parse::number("HOPGUARD_MAX_VISITS", value, (1, 10_000), 10)?;
        draft.settings.policy.max_visits = u16::try_from(visits).unwrap_or(u16::MAX);
        Ok(())
    },
};

const MAX_HOPS: Variable = Variable {
    name: "HOPGUARD_MAX_HOPS",
    default: "100",
    range: "1 to 1000000",
    doc: "The longest path over any number of functions, in hops from the root: that hop runs, the next is blocked.",
    apply: |draft, value| {
        draft.settings.policy.max_hops = parse::number("HOPGUARD_MAX_HOPS", value, (1, 1_000_000), 100)?;
        Ok(())
    },
};

const BRANCH_CREDIT: Variable = Variable {
    name: "HOPGUARD_BRANCH_CREDIT",
    default: "256",
    range: "0 to 1000000",
    doc: "How many further messages a loop may send beside each invocation's first; from each entry into a loop at most (credit + 1) × functions × visits invocations run.",
    apply: |draft, value| {
        draft.settings.policy.branch_credit =
            parse::number("HOPGUARD_BRANCH_CREDIT", value, (0, 1_000_000), 256)?;
        Ok(())
    },
};

const CHAIN_BUDGET: Variable = Variable {
    name: "HOPGUARD_CHAIN_BUDGET",
    default: "none",
    range: "1 to 1000000",
    doc: "How many invocations one chain may have over all functions and environments, its root included: so many run, the next is blocked. It needs `HOPGUARD_LEDGER_TABLE`.",
    apply: |draft, value| {
        draft.chain_budget = Some(parse::number("HOPGUARD_CHAIN_BUDGET", value, (1, 1_000_000), 1_000)?);
        Ok(())
    },
};

const LEDGER_TABLE: Variable = Variable {
    name: "HOPGUARD_LEDGER_TABLE",
    default: "none",
    range: "name or ARN of a DynamoDB table",
    doc: "The table that counts the invocations of each chain, the same for all functions; [its key](how-it-works.md#the-chain-ledger). One write for each invocation that carries lineage.",
    apply: |draft, value| {
        draft.ledger = Some(parse::table("HOPGUARD_LEDGER_TABLE", value)?);
        Ok(())
    },
};

const ON_BLOCK: Variable = Variable {
    name: "HOPGUARD_ON_BLOCK",
    default: "`quarantine` where a queue is named, else `fail`",
    range: "`quarantine`, `fail`, `drop`",
    doc: "What happens to a blocked record: moved to the quarantine queue, given back to its source, or acknowledged and lost.",
    apply: |draft, value| {
        let words = [("quarantine", OnBlock::Quarantine), ("fail", OnBlock::Fail), ("drop", OnBlock::Drop)];
        let known = "\"quarantine\", \"fail\", \"drop\"";
        draft.on_block = Some(parse::word("HOPGUARD_ON_BLOCK", value, &words, known)?);
        Ok(())
    },
};

const QUARANTINE: Variable = Variable {
    name: "HOPGUARD_QUARANTINE",
    default: "none",
    range: "URL of an SQS queue",
    doc: "The queue that blocked records are moved to. Never one that feeds the same function.",
    apply: |draft, value| {
        draft.settings.quarantine = Some(parse::queue_url("HOPGUARD_QUARANTINE", value)?);
        Ok(())
    },
};

const TRIP: Variable = Variable {
    name: "HOPGUARD_TRIP",
    default: "`on`",
    range: "`on`, `off`",
    doc: "Whether a block sets the function's reserved concurrency to 0.",
    apply: |draft, value| {
        let words = [("on", true), ("true", true), ("off", false), ("false", false)];
        draft.settings.trip = parse::word("HOPGUARD_TRIP", value, &words, "\"on\", \"off\"")?;
        Ok(())
    },
};

const COOLDOWN: Variable = Variable {
    name: "HOPGUARD_COOLDOWN",
    default: "none: a trip lasts until `hopguard resume`",
    range: "`1m` to `24h`",
    doc: "How long after a trip EventBridge Scheduler restores the reserved concurrency. It needs `HOPGUARD_COOLDOWN_ROLE`.",
    apply: |draft, value| {
        let range = (Duration::from_secs(60), Duration::from_secs(24 * 3600));
        draft.cooldown = Some(parse::duration("HOPGUARD_COOLDOWN", value, range, "from 1m to 24h", "30m")?);
        Ok(())
    },
};

const COOLDOWN_ROLE: Variable = Variable {
    name: "HOPGUARD_COOLDOWN_ROLE",
    default: "none",
    range: "ARN of an IAM role",
    doc: "The role by which EventBridge Scheduler does that; [what it may](permissions.md#a-trip-that-ends-by-itself).",
    apply: |draft, value| {
        draft.cooldown_role = Some(parse::role_arn("HOPGUARD_COOLDOWN_ROLE", value)?);
        Ok(())
    },
};

const SIGNING_KEY: Variable = Variable {
    name: "HOPGUARD_SIGNING_KEY",
    default: "none",
    range: "16 bytes or more; several separated by commas, the current one first",
    doc: "Signs every token, and lets only signed ones count. Without it tokens that come over HTTP are ignored and those from queues are believed.",
    apply: |draft, value| {
        let short = |error: crate::ShortKey| SettingError::ShortKey {
            name: "HOPGUARD_SIGNING_KEY",
            bytes: error.bytes,
        };
        draft.settings.signing_keys = Some(SigningKeys::parse(value).map_err(short)?);
        Ok(())
    },
};

const LOOKUP_TIMEOUT: Variable = Variable {
    name: "HOPGUARD_LOOKUP_TIMEOUT",
    default: "`1s`",
    range: "`10ms` to `30s`",
    doc: "How long an event waits for the HeadObject that looks up the lineage of an S3 object, and for the chain ledger. After that the record starts a new chain, or is let in uncounted.",
    apply: |draft, value| {
        let range = (Duration::from_millis(10), Duration::from_secs(30));
        draft.settings.lookup_timeout =
            parse::duration("HOPGUARD_LOOKUP_TIMEOUT", value, range, "from 10ms to 30s", "1s")?;
        Ok(())
    },
};

const NEXT_WRAPPER: Variable = Variable {
    name: "HOPGUARD_NEXT_WRAPPER",
    default: "none",
    range: "path of a program",
    doc: "Layer only: the wrapper that another layer wants in `AWS_LAMBDA_EXEC_WRAPPER`; hopguard's own calls it with the runtime's command.",
    // The wrapper reads it: a path is anybody's to choose.
    apply: |_, _| Ok(()),
};

const DYNAMODB_TABLES: Variable = Variable {
    name: "HOPGUARD_DYNAMODB_TABLES",
    default: "none",
    range: "names of tables, separated by commas",
    doc: "Layer only: tables whose items take an attribute `hopguard` along, so that lineage goes through their streams.",
    // The injectors read it.
    apply: |_, _| Ok(()),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn each_variable_takes_a_good_value_and_refuses_a_bad_one() {
        let cases = [
            ("HOPGUARD_MODE", "OBSERVE", "off"),
            ("HOPGUARD_MAX_VISITS", "1", "0"),
            ("HOPGUARD_MAX_HOPS", "1000000", "1000001"),
            ("HOPGUARD_BRANCH_CREDIT", "0", "-1"),
            ("HOPGUARD_LEDGER_TABLE", "hopguard-ledger", "my ledger"),
            ("HOPGUARD_ON_BLOCK", "drop", ""),
            ("HOPGUARD_QUARANTINE", "http://127.0.0.1:4566/000000000000/q", "q"),
            ("HOPGUARD_TRIP", "off", "no"),
            ("HOPGUARD_COOLDOWN_ROLE", "arn:aws:iam::123456789012:role/cooldown", "cooldown"),
            ("HOPGUARD_SIGNING_KEY", "0123456789abcdef", "short"),
            ("HOPGUARD_LOOKUP_TIMEOUT", "10ms", "1"),
            ("HOPGUARD_METRICS", "emf, cloudwatch", "prometheus"),
            ("HOPGUARD_OTLP_PORT", "0", "65536"),
            ("HOPGUARD_OTLP_FILE", "/tmp/otlp.jsonl", "otlp.jsonl"),
            ("HOPGUARD_FLUSH_INTERVAL", "0ms", "11m"),
            ("HOPGUARD_USD_PER_GB_SECOND", "0", "0.0011"),
            ("HOPGUARD_FINDINGS", "recursion.visits=3", "recursion.visits=1"),
        ];
        // What only the layer's other parts read can be nothing wrong.
        let free = ["HOPGUARD_NEXT_WRAPPER", "HOPGUARD_DYNAMODB_TABLES", "HOPGUARD_OTLP_ENDPOINT"];
        // What needs another variable is tested with it.
        let paired = ["HOPGUARD_CHAIN_BUDGET", "HOPGUARD_COOLDOWN"];
        let names: Vec<_> = VARIABLES
            .iter()
            .map(|v| v.name)
            .filter(|name| !free.contains(name) && !paired.contains(name))
            .collect();
        assert_eq!(cases.map(|(name, ..)| name).as_slice(), names);
        for (name, good, bad) in cases {
            assert!(Settings::read([(name, good)]).1.is_empty(), "{name}={good}");
            let errors = Settings::read([(name, bad)]).1;
            assert_eq!(errors.len(), 1, "{name}={bad}");
            assert!(errors[0].to_string().contains("write "), "{}", errors[0]);
        }
    }

    #[test]
    fn values_arrive() {
        let (settings, errors) = Settings::read([
            ("HOPGUARD_MODE", " observe "),
            ("HOPGUARD_MAX_VISITS", "5"),
            ("HOPGUARD_TRIP", "off"),
            ("HOPGUARD_LOOKUP_TIMEOUT", "2s"),
        ]);
        assert!(errors.is_empty());
        assert_eq!((settings.policy.mode, settings.policy.max_visits), (Mode::Observe, 5));
        assert_eq!((settings.trip, settings.lookup_timeout), (false, Duration::from_secs(2)));
    }
}
