//! A trip that ends by itself.

use std::time::{Duration, SystemTime};

use anyhow::Result;
use hopguard_tests::{Function, Plan, Schedule, Send, eventually};

use crate::bed::{Bed, SOON, alone, assert_tripped, bodies, logged};

/// The schedule of a function that has just tripped, which is to end in a minute.
async fn scheduled(bed: &Bed, function: &Function) -> Result<Schedule> {
    let of_function = |schedule: &Schedule| schedule.target()["Input"].to_string().contains(function.arn());
    let made = async || Ok(bed.cloud.schedules().await?.into_iter().find(of_function));
    let schedule = eventually("a schedule", SOON, made).await?;
    let in_a_minute = SystemTime::now() + Duration::from_secs(60);
    // The cloud is asked some seconds later, and a schedule knows no milliseconds.
    let time = schedule.at()?;
    assert!((in_a_minute - SOON..=in_a_minute).contains(&time), "{time:?} is not in a minute");
    Ok(schedule)
}

#[tokio::test]
async fn what_was_reserved_comes_back_after_the_cooldown() -> Result<()> {
    let bed = Bed::start().await?;
    let role = bed.cloud.role("cooldown", &["lambda:*"]).await?;
    for (name, reserved, prior) in [("free", None, "unreserved"), ("bound", Some(7), "7")] {
        let queue = bed.cloud.queue(name).create().await?;
        let function = bed
            .function(name, &Plan::forward(Send::queue(queue.url())))
            .env("HOPGUARD_COOLDOWN", "1m")
            .env("HOPGUARD_COOLDOWN_ROLE", &role)
            .deploy()
            .await?;
        if reserved.is_some() {
            function.reserve_concurrency(reserved).await?;
        }
        function.consume(&queue).partial().create().await?;
        queue.send(name).await?;
        assert_tripped(&function, prior).await?;

        let schedule = scheduled(&bed, &function).await?;
        assert_eq!(schedule.target()["RoleArn"], role);
        let lines = logged(&function, "function tripped: reserved concurrency is 0").await?;
        let told = lines[0]["resumes_at"].as_str().unwrap_or_default().to_owned();
        let tagged = async || Ok(function.tags().await?.remove("hopguard:resumes-at"));
        assert_eq!(eventually("the tag", SOON, tagged).await?, told);
        assert_eq!(function.reserved_concurrency().await?, Some(0), "until then it is at 0");

        schedule.make_due().await?;
        let restored = async || Ok((function.reserved_concurrency().await? == reserved).then_some(()));
        eventually("what was reserved", SOON, restored).await?;
    }
    bed.settled().await?;
    assert!(bed.cloud.schedules().await?.is_empty(), "a schedule that has done its work is gone");
    for name in ["free", "bound"] {
        assert_eq!(bed.path(name), alone(5), "what was blocked does not run again");
    }
    assert_eq!(bodies(&bed.quarantine.holds(2, SOON).await?), ["bound", "free"]);
    Ok(())
}
