use std::collections::HashMap;
use std::sync::Arc;

use aws_config::Region;
use hopguard_core::admission::Admission;
use hopguard_core::propagator::Inbound;
use hopguard_core::{ChainId, Counters, FunctionId, Lineage, Policy, Settings, Xray};
use serde_json::Value;

use super::*;
use crate::clients::Clients;
use crate::testing::{Answer, Call, Fake, denied, ok, silent};

const SECOND: Duration = Duration::from_secs(1);

fn edge(clients: Clients) -> (Edge, Arc<Counters>) {
    let variables = [("HOPGUARD_CHAIN_BUDGET", "10"), ("HOPGUARD_LEDGER_TABLE", "ledger")];
    let counters = Arc::new(Counters::default());
    (Edge::new(clients, Settings::read(variables).0, Arc::clone(&counters)), counters)
}

fn chain(bits: u128) -> ChainId {
    ChainId::new(bits).unwrap()
}

/// An invocation with a record of each of these chains, on its first delivery or on a later one.
fn counting(records: &[(u128, u32)]) -> Counting {
    let (policy, function) = (Policy::default(), FunctionId::from_bits(1));
    let admission = Admission { policy: &policy, function, request_id: "r", xray: Xray::default() };
    let mut counting = Counting::default();
    for (bits, attempt) in records {
        let lineage = Some(Lineage::root(chain(*bits), function, 9));
        counting.add(&admission.judge_call(Inbound { lineage, ..Inbound::default() }), *attempt);
    }
    counting
}

/// A table as DynamoDB keeps it, for this one request.
fn table() -> Fake {
    let mut items: HashMap<String, u64> = HashMap::new();
    Fake::new(move |call| {
        let input = call.json();
        assert_eq!((call.method.as_str(), &input["TableName"]), ("POST", &Value::from("ledger")));
        let item = items.entry(input["Key"]["chain"]["S"].as_str().unwrap().to_owned()).or_default();
        let more = input["ExpressionAttributeValues"][":more"]["N"].as_str().unwrap();
        *item += more.parse::<u64>().unwrap();
        ok(&json!({ "Attributes": { "invocations": { "N": item.to_string() }, "expires": { "N": "1" } } })
            .to_string())
    })
}

#[tokio::test(start_paused = true)]
async fn each_chain_of_an_invocation_is_counted_once_and_a_redelivery_is_not() {
    let fake = table();
    let (edge, counters) = edge(fake.clients.clone());
    assert!(edge.has_ledger());
    edge.spend(&counting(&[(1, 1), (2, 1), (1, 1)]), SECOND).await;
    assert_eq!(fake.calls().len(), 2);
    let spent = edge.spend(&counting(&[(1, 1), (2, 2)]), SECOND).await;
    assert_eq!((spent.of(chain(1)), spent.of(chain(2)), spent.of(chain(3))), (Some(2), Some(1), None));
    assert_eq!(counters.value(Counter::Uncounted), 0);
    let expires = |call: &Call| {
        let at = call.json()["ExpressionAttributeValues"][":expires"]["N"].as_str().unwrap().parse();
        Duration::from_secs(at.unwrap())
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let kept = expires(&fake.calls()[0]).abs_diff(now + KEPT);
    assert!(kept <= 5 * SECOND, "{kept:?}");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_counted_is_let_in_and_told() {
    let cases: [Answer; 6] = [
        denied("dynamodb:UpdateItem"),
        Answer::error(400, "ResourceNotFoundException", "Requested resource not found"),
        Answer::error(400, "ProvisionedThroughputExceededException", "too fast"),
        Answer::error(500, "InternalServerError", ""),
        ok("{}"),
        ok(r#"{"Attributes":{"invocations":{"N":"many"}}}"#),
    ];
    for answer in cases {
        let body = answer.body.clone();
        let fake = Fake::new(move |_| answer.clone());
        let (edge, counters) = edge(fake.clients.clone());
        let spent = edge.spend(&counting(&[(1, 1), (2, 1)]), SECOND).await;
        assert_eq!((spent, counters.value(Counter::Uncounted)), (Spent::default(), 2), "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_invocation_waits_longer_than_it_may() {
    let start = Instant::now();
    let (edge, counters) = edge(silent());
    let many: Vec<_> = (1..=150).map(|chain| (chain, 1)).collect();
    assert_eq!(edge.spend(&counting(&many), SECOND).await, Spent::default());
    assert_eq!((start.elapsed(), counters.value(Counter::Uncounted)), (SECOND, 150));
}

#[tokio::test(start_paused = true)]
async fn without_a_budget_nobody_is_asked() {
    let fake = table();
    let settings = Settings::read([("HOPGUARD_LEDGER_TABLE", "ledger")]).0;
    let edge = Edge::new(fake.clients.clone(), settings, Arc::default());
    assert!(!edge.has_ledger());
    assert_eq!(edge.spend(&counting(&[(1, 1)]), SECOND).await, Spent::default());
    assert!(fake.calls().is_empty());
}

/// As AWS's own rules have it (botocore 1.43.106); each Region that it knows was compared once.
#[tokio::test]
async fn the_table_is_where_the_rules_of_dynamodb_say() {
    let cases = [
        ("eu-central-1", false, false, "https://dynamodb.eu-central-1.amazonaws.com"),
        ("us-east-1", true, false, "https://dynamodb-fips.us-east-1.amazonaws.com"),
        ("us-gov-west-1", true, false, "https://dynamodb.us-gov-west-1.amazonaws.com"),
        ("us-gov-west-1", true, true, "https://dynamodb-fips.us-gov-west-1.api.aws"),
        ("cn-north-1", false, false, "https://dynamodb.cn-north-1.amazonaws.com.cn"),
    ];
    for (region, fips, dual_stack, expected) in cases {
        let config =
            SdkConfig::builder().region(Region::new(region)).use_fips(fips).use_dual_stack(dual_stack);
        assert_eq!(of_gov_cloud(endpoint(&config.build(), DYNAMODB).await.unwrap()), expected);
    }
}
