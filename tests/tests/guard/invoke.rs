//! Synchronous invocations. The emulator does not deliver a client context, so that no chain shows here; what shows is that
//! nothing breaks.

use anyhow::Result;
use hopguard_tests::{Plan, Send};
use serde_json::json;

use crate::bed::Bed;

#[tokio::test]
async fn a_synchronous_call_gets_its_payload_and_its_answer() -> Result<()> {
    let bed = Bed::start().await?;
    let calls = |function: &str| Send::Invoke { function: function.to_owned(), synchronous: true };
    let caller = Plan { sends: vec![calls("callee")], ..Plan::default() };
    let (caller, _) = tokio::try_join!(
        bed.function("caller", &caller).deploy(),
        bed.function("callee", &Plan::default()).deploy(),
    )?;
    let answer = caller.invoke(&json!({"order": 1})).await?;
    assert_eq!(answer.error, None, "{}", answer.payload);
    assert_eq!(bed.texts("callee"), [r#"{"order":1}"#], "the payload of a synchronous call is not touched");
    bed.ended(1, "caller").await?;
    assert_eq!(bed.counter("caller", "Written"), 1, "in the client context");
    Ok(())
}
