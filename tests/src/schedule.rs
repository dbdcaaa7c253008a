//! Schedules of EventBridge Scheduler.

use std::time::SystemTime;

use anyhow::{Context as _, Result};
use aws_sdk_sqs::primitives::{DateTime, DateTimeFormat};
use serde_json::{Value, json};

use crate::http::Request;

/// A one-time schedule.
#[derive(Debug, Clone)]
pub struct Schedule {
    port: u16,
    path: String,
    /// As GetSchedule answers it.
    is: Value,
}

impl Schedule {
    /// Those of the default group.
    pub(crate) async fn all(port: u16) -> Result<Vec<Self>> {
        let listed = Request::get("/schedules").of_service("scheduler").send(port).await?;
        let mut schedules = Vec::new();
        for schedule in listed.get("Schedules").and_then(Value::as_array).into_iter().flatten() {
            let path = format!("/schedules/{}", text(schedule, "Name"));
            let answer = Request::get(&path).of_service("scheduler").reply(port).await?;
            // It may have ended since.
            if answer.status == 200 {
                schedules.push(Self { port, path, is: serde_json::from_str(&answer.body)? });
            }
        }
        Ok(schedules)
    }

    /// When it is due.
    ///
    /// # Errors
    /// Where it is no one-time schedule.
    pub fn at(&self) -> Result<SystemTime> {
        let expression = text(&self.is, "ScheduleExpression");
        let time = expression.strip_prefix("at(").and_then(|rest| rest.strip_suffix(')'));
        let time = time.with_context(|| format!("no one-time schedule: {expression}"))?;
        Ok(DateTime::from_str(&format!("{time}Z"), DateTimeFormat::DateTime)?.try_into()?)
    }

    /// What it calls, and by which role.
    #[must_use]
    pub fn target(&self) -> &Value {
        self.is.get("Target").unwrap_or(&Value::Null)
    }

    /// Makes it due now: nobody waits for its time.
    ///
    /// # Errors
    /// What Scheduler answers.
    pub async fn make_due(&self) -> Result<()> {
        let now = DateTime::from(SystemTime::now()).secs();
        let now = DateTime::from_secs(now).fmt(DateTimeFormat::DateTime)?;
        let mut due = self.is.clone();
        let expression = json!(format!("at({})", now.trim_end_matches('Z')));
        due.as_object_mut().context("no schedule")?.insert("ScheduleExpression".to_owned(), expression);
        Request::put(&self.path, &due).of_service("scheduler").send(self.port).await.map(drop)
    }
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}
