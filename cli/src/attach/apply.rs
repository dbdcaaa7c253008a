use std::collections::BTreeMap;

use hopguard_aws::operator::{
    Function, LayerVersion, Mapping, Operator, OperatorError, buckets_of, needs, policy,
};
use hopguard_core::Settings;

use super::outcome::Applied;
use super::plan::{self, Plan};
use crate::attachment::is_layer;

/// What is wished for every function.
#[derive(Debug)]
pub(super) struct Wishes {
    /// `None` keeps the one that a function has.
    pub(super) layer: Option<LayerVersion>,
    pub(super) settings: BTreeMap<String, String>,
    pub(super) quarantine: Option<String>,
    pub(super) buckets: Vec<String>,
    pub(super) permissions: bool,
    pub(super) batch_failures: bool,
}

/// One function, and everything that attaching the layer to it changes.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) function: Function,
    pub(super) plan: Plan,
    /// The ARN of the layer's version in the plan.
    layer: String,
    /// The queue to create first.
    create: Option<String>,
    /// The policy that its role gets.
    policy: Option<String>,
    /// The mappings whose batches are to fail in parts.
    mappings: Vec<Mapping>,
}

/// The name of the inline policy. A role may be that of several functions.
pub(super) fn policy_name(function: &str) -> String {
    format!("hopguard-{function}").chars().take(128).collect()
}

impl Planned {
    /// Asks what is there, and works out what changes. The inner error is a refusal.
    pub(super) async fn new(
        operator: &Operator,
        function: Function,
        wishes: &Wishes,
    ) -> Result<Result<Self, (Function, String)>, OperatorError> {
        let Some(layer) = wishes.layer.clone().or_else(|| attached(&function)) else {
            let refusal =
                "the layer is not attached yet: write --zip target/layer/hopguard-x86_64.zip, or --layer ARN";
            return Ok(Err((function, refusal.to_owned())));
        };
        let mappings = operator.mappings(&function.arn).await?;
        let mut settings = wishes.settings.clone();
        let mut create = None;
        let mut quarantine_arn = None;
        if let Some(queue) = &wishes.quarantine {
            let found = find(operator, queue, &function).await?;
            settings.insert("HOPGUARD_QUARANTINE".to_owned(), found.url);
            create = (!found.exists).then(|| queue.clone());
            if mappings.iter().any(|mapping| mapping.source == found.arn) {
                let refusal =
                    format!("{queue} is an event source of it: as its quarantine it would be a new loop");
                return Ok(Err((function, refusal)));
            }
            quarantine_arn = Some(found.arn);
        }
        let mut plan = match plan::attach(&function, &layer.arn, &layer.architectures, &settings) {
            Ok(plan) => plan,
            Err(refusal) => return Ok(Err((function, refusal.to_string()))),
        };
        if let Some(name) = &create {
            plan.steps.push(format!("queue {name} is created, with messages kept for 14 days"));
        }
        if let Ok(tags) = operator.tags(&function.arn).await
            && let Some(stack) = tags.stack
        {
            plan.warnings.push(format!(
                "it belongs to the stack {stack}, whose next deployment takes this off again: put it into the template too, see deploy/"
            ));
        }
        let environment = plan.change.as_ref().map_or(&function.environment, |change| &change.environment);
        let read = Settings::read(environment).0;
        if read.quarantine.is_none() {
            plan.warnings.push(
                "no quarantine queue: a blocked record goes back to its source, and an asynchronous event to its destination or nowhere; see --quarantine".to_owned(),
            );
        }
        let mut planned =
            Self { layer: layer.arn, policy: None, mappings: Vec::new(), function, plan, create };
        if wishes.permissions {
            planned.permissions(operator, &read, quarantine_arn, &wishes.buckets).await?;
        }
        planned.batches(mappings, wishes.batch_failures);
        Ok(Ok(planned))
    }

    async fn permissions(
        &mut self,
        operator: &Operator,
        settings: &Settings,
        quarantine: Option<String>,
        buckets: &[String],
    ) -> Result<(), OperatorError> {
        let quarantine = match (quarantine, &settings.quarantine) {
            (None, Some(url)) => Some(operator.queue(url).await?.arn),
            (known, _) => known,
        };
        let partition = self.function.arn.split(':').nth(1).unwrap_or("aws");
        let mut buckets: Vec<String> =
            buckets.iter().map(|name| format!("arn:{partition}:s3:::{name}")).collect();
        let triggers = operator.triggers(&self.function.arn).await?;
        buckets.extend(
            triggers
                .into_iter()
                .filter(|trigger| trigger.service == "s3")
                .filter_map(|trigger| trigger.source),
        );
        let name = policy_name(&self.function.name);
        let known = operator.role_policy(&self.function.role, &name).await?;
        let known = known.and_then(|known| serde_json::from_str::<serde_json::Value>(&known).ok());
        // Those that were named once stay.
        buckets.extend(known.iter().flat_map(buckets_of));
        buckets.sort();
        buckets.dedup();
        let needs = needs(&self.function.arn, settings, quarantine.as_deref(), &buckets);
        let role = self.function.role.rsplit('/').next().unwrap_or_default();
        let document = policy(&needs);
        if known.as_ref() != Some(&document) {
            self.plan.steps.push(format!("role {role} gets the inline policy {name}: {}", allowed(&needs)));
            self.policy = Some(document.to_string());
        }
        Ok(())
    }

    fn batches(&mut self, mappings: Vec<Mapping>, wanted: bool) {
        let whole = mappings.into_iter().filter(|one| one.can_report_failures() && !one.reports_failures);
        for mapping in whole {
            let source = mapping.source.rsplit(':').next().unwrap_or_default();
            if wanted {
                self.plan
                    .steps
                    .push(format!("batches of {source} can fail in parts (ReportBatchItemFailures)"));
                self.mappings.push(mapping);
            } else {
                self.plan.warnings.push(format!(
                    "batches of {source} fail whole: a blocked record that cannot go into quarantine takes its batch along; see --batch-failures"
                ));
            }
        }
    }

    pub(super) fn changes(&self) -> bool {
        self.plan.change.is_some()
            || self.policy.is_some()
            || !self.mappings.is_empty()
            || self.create.is_some()
    }

    pub(super) fn describe(&self) -> String {
        let mut text = format!("{}:", self.function.name);
        for step in &self.plan.steps {
            text.push_str(&format!("\n  {step}"));
        }
        for warning in &self.plan.warnings {
            text.push_str(&format!("\n  warning: {warning}"));
        }
        text
    }

    /// Makes the changes, the configuration last: from then on the guard needs the others.
    pub(super) async fn apply(mut self, operator: &Operator, published: Option<&str>) -> Applied {
        if let Some(arn) = published {
            let (old, new) = (self.layer.clone(), arn.to_owned());
            for step in &mut self.plan.steps {
                *step = step.replace(&old, &new);
            }
            if let Some(change) = &mut self.plan.change {
                for layer in change.layers.iter_mut().filter(|layer| **layer == old) {
                    layer.clone_from(&new);
                }
            }
        }
        match self.write(operator).await {
            Ok(()) => Applied { function: self.function, plan: self.plan, error: None },
            Err(error) => {
                Applied { function: self.function, plan: self.plan, error: Some(error.to_string()) }
            }
        }
    }

    async fn write(&mut self, operator: &Operator) -> Result<(), OperatorError> {
        if let Some(name) = &self.create {
            let url = operator.create_quarantine(name).await?;
            if let Some(change) = &mut self.plan.change {
                // Before there was a queue, its URL was guessed.
                let guessed = change.environment.insert("HOPGUARD_QUARANTINE".to_owned(), url.clone());
                for step in &mut self.plan.steps {
                    *step = step.replace(guessed.as_deref().unwrap_or(&url), &url);
                }
            }
        }
        if let Some(document) = &self.policy {
            let name = policy_name(&self.function.name);
            operator.put_role_policy(&self.function.role, &name, document).await?;
        }
        for mapping in &self.mappings {
            operator.report_failures(mapping).await?;
        }
        if let Some(change) = &self.plan.change {
            operator.update(&self.function, change).await?;
        }
        Ok(())
    }
}

fn allowed(needs: &[hopguard_aws::operator::Need]) -> String {
    let actions: Vec<&str> = needs.iter().map(|need| need.action).collect();
    actions.join(", ")
}

/// The version that a function has; it runs with it, whatever it says of architectures.
fn attached(function: &Function) -> Option<LayerVersion> {
    let arn = function.layers.iter().find(|arn| is_layer(arn))?;
    let mut version = LayerVersion::default();
    version.arn.clone_from(arn);
    Some(version)
}

/// A queue that is wished for.
struct Wished {
    url: String,
    arn: String,
    exists: bool,
}

/// Finds a queue by its URL or name; one that is named and not there has the URL and ARN that it will get.
async fn find(operator: &Operator, queue: &str, function: &Function) -> Result<Wished, OperatorError> {
    if queue.contains("://") {
        let found = operator.queue(queue).await?;
        return Ok(Wished { url: found.url, arn: found.arn, exists: true });
    }
    match operator.queue_url(queue, None).await {
        Ok(url) => {
            let found = operator.queue(&url).await?;
            Ok(Wished { url: found.url, arn: found.arn, exists: true })
        }
        Err(error) if error.is_not_found() => {
            let mut parts = function.arn.split(':').skip(1);
            let mut part = || parts.next().unwrap_or_default();
            let (partition, _, region, account) = (part(), part(), part(), part());
            Ok(Wished {
                url: format!("https://sqs.{region}.amazonaws.com/{account}/{queue}"),
                arn: format!("arn:{partition}:sqs:{region}:{account}:{queue}"),
                exists: false,
            })
        }
        Err(error) => Err(error),
    }
}
