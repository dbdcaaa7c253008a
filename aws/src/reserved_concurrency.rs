use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use hopguard_core::breaker::Outcome;
use hopguard_core::settings::Cooldown;
use hopguard_core::{Backoff, unqualified_arn};
use tokio::time::Instant;

use crate::async_events;
use crate::attempts::Attempts;
use crate::clients::Clients;
use crate::failure::{Failure, Kind, within};
use crate::schedule::{Restoration, Restored};
use crate::tags::{Cause, PRIOR, Prior, RESUMES_AT, TripTags, to_rfc3339};
use crate::trip_report::{TripReport, TripWarning};

pub(crate) const GET: &str = "lambda:GetFunctionConcurrency";
const PUT: &str = "lambda:PutFunctionConcurrency";
const TAG: &str = "lambda:TagResource";
const CREATE_SCHEDULE: &str = "scheduler:CreateSchedule";
const UPDATE_SCHEDULE: &str = "scheduler:UpdateSchedule";
const PASS_ROLE: &str = "iam:PassRole";
/// A schedule that fails this often is given up: somebody has to resume the function then.
const SCHEDULE_ATTEMPTS: u32 = 4;
/// A tag that is throttled this often is given up: the trip is what stops the loop.
const TAG_ATTEMPTS: u32 = 3;
/// Reads after the write that may still show the old value.
const CONFIRM_READS: u32 = 3;
/// The longest time for asking whether asynchronous events are at risk.
const RISK_LIMIT: Duration = Duration::from_secs(2);

/// Carries out what [`Breaker`](hopguard_core::breaker::Breaker) decides: sets a function's reserved concurrency to 0.
#[derive(Clone, Debug)]
pub struct ReservedConcurrency {
    clients: Clients,
    backoff: Backoff,
    cooldown: Option<Cooldown>,
}

impl ReservedConcurrency {
    /// A driver that waits between attempts as [`Backoff::default`] says.
    pub fn new(clients: Clients) -> Self {
        Self { clients, backoff: Backoff::default(), cooldown: None }
    }

    /// Trips that end by themselves.
    pub fn cooldown(self, cooldown: Option<Cooldown>) -> Self {
        Self { cooldown, ..self }
    }

    /// Sets the function's reserved concurrency to 0: reads it, tags the function with what it read and with the trip, writes,
    /// and reads again; where there is a cooldown, it has EventBridge Scheduler restore what it read. Never fails later than `deadline`,
    /// and never changes a function that is at 0 already.
    ///
    /// `function_arn` may be of a version or alias; reserved concurrency belongs to the whole function. `asynchronous` says that the
    /// function is invoked asynchronously: then the report warns where such events are lost from now on.
    ///
    /// The function's log gets a line of its own only where the prior value could not be tagged and the function may be at 0
    /// all the same; everything else is in the report.
    pub async fn trip(
        &self,
        function_arn: &str,
        cause: &Cause,
        asynchronous: bool,
        deadline: Instant,
    ) -> TripReport {
        let arn = unqualified_arn(function_arn);
        let mut run = Run {
            clients: &self.clients,
            arn,
            cause,
            attempts: Attempts::new(self.backoff, deadline),
            tagging: Tagging::default(),
            throttled: false,
            lost_put: false,
            warnings: Vec::new(),
        };
        let (outcome, prior, failed) = match run.run().await {
            Ok(Done::AlreadyTripped) => (Outcome::AlreadyTripped, Prior::Unknown, None),
            Ok(Done::Tripped(prior)) => (Outcome::Tripped { prior: prior.reserved() }, prior, None),
            Err(stop) => (stop.outcome(run.throttled), Prior::Unknown, Some(stop)),
        };
        let resumes_at = match &self.cooldown {
            Some(cooldown) if matches!(outcome, Outcome::Tripped { .. }) => run.schedule(cooldown).await,
            _ => None,
        };
        if asynchronous && matches!(outcome, Outcome::Tripped { .. }) {
            let qualifier = function_arn.get(arn.len()..).and_then(|rest| rest.strip_prefix(':'));
            let deadline = deadline.min(Instant::now() + RISK_LIMIT);
            run.warnings.extend(async_events::at_risk(&self.clients, arn, qualifier, deadline).await);
        }
        TripReport {
            outcome,
            prior,
            resumes_at,
            missing: failed.as_ref().and_then(|stop| stop.missing),
            detail: failed.map(|stop| stop.failure.detail),
            warnings: run.warnings,
        }
    }
}

/// One trip under way.
struct Run<'r> {
    clients: &'r Clients,
    arn: &'r str,
    cause: &'r Cause,
    attempts: Attempts,
    tagging: Tagging,
    /// Whether any call was throttled: what a deadline that is reached is put down to.
    throttled: bool,
    /// Whether a write may have been carried out although no answer came.
    lost_put: bool,
    warnings: Vec<TripWarning>,
}

#[derive(Default)]
struct Tagging {
    done: Option<Prior>,
    failures: u32,
    given_up: Option<Failure>,
    /// What is to be restored, as far as it is known: the tag's value where that may differ from the one that was read.
    restored: Option<Restored>,
}

enum Done {
    Tripped(Prior),
    AlreadyTripped,
}

/// The failure that ended a trip.
struct Stop {
    failure: Failure,
    missing: Option<&'static str>,
}

impl Stop {
    fn of(failure: Failure, action: &'static str) -> Self {
        Self { missing: (failure.kind == Kind::Denied).then_some(action), failure }
    }

    fn outcome(&self, throttled: bool) -> Outcome {
        match self.failure.kind {
            Kind::Denied => Outcome::Denied,
            Kind::Throttled => Outcome::Throttled,
            Kind::OutOfTime | Kind::Transient if throttled => Outcome::Throttled,
            _ => Outcome::Failed,
        }
    }
}

impl Run<'_> {
    async fn run(&mut self) -> Result<Done, Stop> {
        let mut last = Prior::Unknown;
        loop {
            // Read anew before every write: another environment may have tripped meanwhile.
            let prior = match self.read().await {
                Ok(Some(0)) if self.lost_put => return Ok(Done::Tripped(last)),
                Ok(Some(0)) => return Ok(Done::AlreadyTripped),
                Ok(reserved) => Prior::of(reserved),
                Err(failure) if failure.kind == Kind::Denied => self.prior_unknown(failure),
                Err(failure) => {
                    self.pause(failure, GET).await?;
                    continue;
                }
            };
            last = prior;
            if let Err(failure) = self.tag(prior).await {
                // Time has passed, and the value read may be out of date.
                self.pause(failure, TAG).await?;
                continue;
            }
            match self.put().await {
                Ok(()) => {
                    self.report_untagged(prior);
                    return self.confirm(prior).await;
                }
                Err(failure) => {
                    if matches!(failure.kind, Kind::Transient | Kind::OutOfTime) {
                        self.lost_put = true;
                        self.report_untagged(prior);
                    }
                    self.pause(failure, PUT).await?;
                }
            }
        }
    }

    /// Waits before the next attempt, where the failure may pass and time is left.
    async fn pause(&mut self, failure: Failure, action: &'static str) -> Result<(), Stop> {
        self.throttled |= failure.kind == Kind::Throttled;
        if failure.kind.is_passing() && self.attempts.wait().await {
            Ok(())
        } else {
            Err(Stop::of(failure, action))
        }
    }

    async fn read(&self) -> Result<Option<u32>, Failure> {
        let answer = within(self.attempts.deadline(), async {
            self.clients.lambda().await.get_function_concurrency().function_name(self.arn).send().await
        });
        // A negative number cannot come, and would not be 0.
        Ok(answer
            .await?
            .reserved_concurrent_executions
            .map(|reserved| u32::try_from(reserved).unwrap_or(u32::MAX)))
    }

    async fn put(&self) -> Result<(), Failure> {
        let answer = within(self.attempts.deadline(), async {
            let call = self.clients.lambda().await.put_function_concurrency();
            call.function_name(self.arn).reserved_concurrent_executions(0).send().await
        });
        answer.await.map(|_| ())
    }

    /// Tags the function, unless that is done or given up. An error is worth another attempt; the next read may show that
    /// none is needed.
    async fn tag(&mut self, prior: Prior) -> Result<(), Failure> {
        // 1 may be a probe of `hopguard resume`, whose function still has the tags of the trip before.
        let uncertain = matches!(prior, Prior::Unknown | Prior::Reserved(1));
        if !uncertain {
            self.tagging.restored = Restored::of(prior);
        }
        if self.tagging.done == Some(prior) || self.tagging.given_up.is_some() {
            return Ok(());
        }
        let prior_value = if uncertain { self.unless_tagged(prior).await } else { Some(prior) };
        let tags = TripTags::now(prior_value, self.cause.clone()).to_map();
        let answer = within(self.attempts.deadline(), async {
            self.clients.lambda().await.tag_resource().resource(self.arn).set_tags(Some(tags)).send().await
        });
        match answer.await {
            Ok(_) => self.tagging.done = Some(prior),
            Err(failure) => {
                self.tagging.failures += 1;
                if failure.kind.is_passing() && self.tagging.failures < TAG_ATTEMPTS {
                    return Err(failure);
                }
                self.tagging.given_up = Some(failure);
            }
        }
        Ok(())
    }

    /// What to write where the value read may not be the one to restore: nothing over a value that is there, or that may be.
    async fn unless_tagged(&mut self, prior: Prior) -> Option<Prior> {
        let answer = within(self.attempts.deadline(), async {
            self.clients.lambda().await.list_tags().resource(self.arn).send().await
        });
        let tags = answer.await.ok()?.tags.unwrap_or_default();
        let there = tags.get(PRIOR);
        let to_restore = there.map_or(Some(prior), |value| value.parse().ok());
        self.tagging.restored = to_restore.and_then(Restored::of);
        there.is_none().then_some(prior)
    }

    fn prior_unknown(&mut self, failure: Failure) -> Prior {
        if !self.warnings.iter().any(|warning| matches!(warning, TripWarning::PriorUnknown { .. })) {
            self.warnings.push(TripWarning::PriorUnknown { detail: failure.detail });
        }
        Prior::Unknown
    }

    /// Logs a prior value that no tag holds, at once: this invocation may not live to return its report.
    fn report_untagged(&mut self, prior: Prior) {
        let Some(failure) = self.tagging.given_up.as_ref() else { return };
        if self.warnings.iter().any(|warning| matches!(warning, TripWarning::Untagged { .. })) {
            return;
        }
        let missing = (failure.kind == Kind::Denied).then_some(TAG);
        let detail = failure.detail.clone();
        tracing::warn!(function = self.arn, %prior, missing, detail, "prior concurrency not tagged");
        self.warnings.push(TripWarning::Untagged { prior, missing, detail });
    }

    /// Has the reserved concurrency restored after the cooldown, and says when that will be.
    async fn schedule(&mut self, cooldown: &Cooldown) -> Option<SystemTime> {
        let Some(to) = self.tagging.restored else {
            let detail = "what to restore is not known".to_owned();
            self.warnings.push(TripWarning::NotScheduled { missing: None, detail });
            return None;
        };
        let at = SystemTime::now() + cooldown.time;
        let restoration = Restoration { arn: self.arn, to, at, role: &cooldown.role };
        if let Err(stop) = self.put_schedule(&restoration).await {
            let missing = stop.missing.map(|action| {
                // Whoever makes a schedule passes its role on, and is denied by the same code.
                if stop.failure.detail.contains(PASS_ROLE) { PASS_ROLE } else { action }
            });
            self.warnings.push(TripWarning::NotScheduled { missing, detail: stop.failure.detail });
            return None;
        }
        let tags = HashMap::from([(RESUMES_AT.to_owned(), to_rfc3339(at))]);
        let tagged = within(self.attempts.deadline(), async {
            self.clients.lambda().await.tag_resource().resource(self.arn).set_tags(Some(tags)).send().await
        });
        if let Err(failure) = tagged.await {
            let missing = (failure.kind == Kind::Denied).then_some(TAG);
            self.warnings.push(TripWarning::CooldownUntagged { missing, detail: failure.detail });
        }
        Some(at)
    }

    /// Makes the function's schedule, or puts it in the place of one that an earlier trip left.
    async fn put_schedule(&mut self, restoration: &Restoration<'_>) -> Result<(), Stop> {
        let mut exists = false;
        let mut attempts = 0;
        loop {
            let answer = within(self.attempts.deadline(), async {
                let schedules = self.clients.schedules().await;
                if exists { schedules.update(restoration).await } else { schedules.create(restoration).await }
            });
            let Err(failure) = answer.await else { return Ok(()) };
            attempts += 1;
            let action = if exists { UPDATE_SCHEDULE } else { CREATE_SCHEDULE };
            let conflict = !exists && failure.is_code(&["ConflictException"]);
            let gone = exists && failure.kind == Kind::NotFound;
            if attempts >= SCHEDULE_ATTEMPTS {
                return Err(Stop::of(failure, action));
            }
            if conflict || gone {
                exists = conflict;
            } else {
                self.pause(failure, action).await?;
            }
        }
    }

    async fn confirm(&mut self, prior: Prior) -> Result<Done, Stop> {
        let mut found = None;
        let mut unread = None;
        for _ in 0..CONFIRM_READS {
            match self.read().await {
                Ok(Some(0)) => return Ok(Done::Tripped(prior)),
                Ok(reserved) => found = Some(Prior::of(reserved)),
                // Lambda has said 0 in its answer to the write.
                Err(failure) if failure.kind == Kind::Denied => return Ok(Done::Tripped(prior)),
                Err(failure) => unread = Some(failure),
            }
            if !self.attempts.wait().await {
                break;
            }
        }
        if let Some(found) = found {
            let detail =
                format!("the reserved concurrency is {found} after it was set to 0: something else sets it");
            return Err(Stop::of(Failure { kind: Kind::Refused, code: None, status: None, detail }, GET));
        }
        self.warnings.push(TripWarning::Unconfirmed {
            detail: unread.map(|failure| failure.detail).unwrap_or_default(),
        });
        Ok(Done::Tripped(prior))
    }
}

#[cfg(test)]
mod tests;
