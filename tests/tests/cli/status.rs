use anyhow::Result;
use hopguard_tests::{Plan, Send};

use crate::bed::Bed;
use crate::program::Program;

#[tokio::test]
async fn the_guarded_functions_of_a_region_and_every_one() -> Result<()> {
    let bed = Bed::start().await?;
    let hopguard = Program::on(&bed.cloud);
    hopguard.run(&["status"]).await.is(3, &["0 functions in us-east-1"]);
    let plan = Plan::forward(Send::queue(bed.quarantine.url()));
    let guarded = bed.function("guarded", &plan).deploy().await?;
    let bootstrap = std::path::Path::new(env!("CARGO_BIN_EXE_function"));
    bed.cloud.function("plain").bootstrap(bootstrap).deploy().await?.reserve_concurrency(Some(0)).await?;
    guarded.reserve_concurrency(Some(7)).await?;

    let status = hopguard.json(0, &["status"]).await;
    let names = |status: &serde_json::Value| {
        let functions = status["functions"].as_array().unwrap();
        functions.iter().map(|one| format!("{} {}", one["function"], one["state"])).collect::<Vec<_>>()
    };
    assert_eq!(names(&status), [r#""guarded" "admitting""#], "{status}");
    assert_eq!(status["functions"][0]["reserved_concurrency"], 7);
    assert_eq!(status["listed"], 2);
    hopguard.run(&["status"]).await.is(0, &["guarded admitting 7 5", "2 functions in us-east-1: 1 with"]);

    let all = hopguard.json(4, &["status", "--all"]).await;
    assert_eq!(
        names(&all),
        [r#""plain" "throttled""#, r#""guarded" "admitting""#],
        "what is stopped comes first"
    );
    hopguard.run(&["status", "plain", "nobody"]).await.is(
        4,
        &[
            "plain at 0, and not by hopguard",
            "refuses until you say",
            "nobody is not in this account and Region",
        ],
    );
    Ok(())
}
