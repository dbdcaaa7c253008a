use hopguard_aws::operator::{
    Function, LayerVersion, Mapping, Need, Operator, OperatorError, Permission, Queue, Reserved, Tags,
    Trigger, needs,
};
use hopguard_core::settings::SettingError;
use hopguard_core::{Counter, Settings};

use crate::attachment::is_layer;

/// An answer, or why there is none.
pub(super) type Known<T> = Result<T, OperatorError>;

/// Sends that carried no lineage, by their counter.
pub(super) const UNCARRIED: [Counter; 4] =
    [Counter::NoRoom, Counter::Unsupported, Counter::NoScope, Counter::Lost];
/// How far back they are counted.
pub(super) const HOURS: u32 = 24;

/// Everything that is asked of AWS about a function. What to make of it is for the checks.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) function: Function,
    pub(super) settings: Settings,
    pub(super) setting_errors: Vec<SettingError>,
    pub(super) reserved: Known<Reserved>,
    pub(super) tags: Known<Tags>,
    /// The version of hopguard's layer that is attached.
    pub(super) layer: Option<(String, Known<LayerVersion>)>,
    pub(super) aws_stops_loops: Known<bool>,
    pub(super) mappings: Known<Vec<Mapping>>,
    /// The queues among the sources.
    pub(super) queues: Vec<Known<Queue>>,
    pub(super) triggers: Known<Vec<Trigger>>,
    pub(super) on_failure: Known<Option<String>>,
    pub(super) quarantine: Option<Known<Queue>>,
    pub(super) permissions: Vec<(Need, Known<Permission>)>,
    /// What was counted of sends without lineage; empty where metrics do not go to CloudWatch.
    pub(super) uncarried: Vec<(Counter, Known<u64>)>,
}

impl Facts {
    pub(super) async fn gather(operator: &Operator, function: Function) -> Self {
        let arn = function.arn.as_str();
        let (settings, setting_errors) = Settings::read(&function.environment);
        let layer = match function.layers.iter().find(|arn| is_layer(arn)) {
            Some(layer) => Some((layer.clone(), operator.layer(layer).await)),
            None => None,
        };
        let mappings = operator.mappings(arn).await;
        let mut queues = Vec::new();
        for mapping in mappings.iter().flatten().filter(|mapping| mapping.service() == "sqs") {
            queues.push(operator.queue_by_arn(&mapping.source).await);
        }
        let triggers = operator.triggers(arn).await;
        let quarantine = match &settings.quarantine {
            Some(url) => Some(operator.queue(url).await),
            None => None,
        };
        let buckets: Vec<String> = triggers
            .iter()
            .flatten()
            .filter(|trigger| trigger.service == "s3")
            .filter_map(|trigger| trigger.source.clone())
            .collect();
        let queue = quarantine.as_ref().and_then(|queue| queue.as_ref().ok()).map(|queue| queue.arn.as_str());
        let permissions = permissions(operator, &function, needs(arn, &settings, queue, &buckets)).await;
        let mut uncarried = Vec::new();
        if settings.telemetry.metrics.cloudwatch || settings.telemetry.metrics.emf {
            for counter in UNCARRIED {
                uncarried.push((counter, operator.counted(&function.name, counter, HOURS).await));
            }
        }
        Self {
            reserved: operator.reserved(arn).await,
            tags: operator.tags(arn).await,
            aws_stops_loops: operator.aws_stops_loops(arn).await,
            on_failure: operator.on_failure(arn).await,
            layer,
            mappings,
            queues,
            triggers,
            quarantine,
            permissions,
            uncarried,
            settings,
            setting_errors,
            function,
        }
    }
}

/// Asks IAM for each need, and no more once it refuses to say.
async fn permissions(
    operator: &Operator,
    function: &Function,
    needs: Vec<Need>,
) -> Vec<(Need, Known<Permission>)> {
    let mut known = Vec::new();
    for need in needs {
        let answer = operator.permission(&function.role, &need).await;
        let refused = answer.is_err();
        known.push((need, answer));
        if refused {
            break;
        }
    }
    known
}
