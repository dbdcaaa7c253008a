//! `hopguard attach` and `hopguard detach`: the layer on functions that exist, without a template.

mod apply;
mod detach;
mod layer_zip;
mod outcome;
mod plan;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use hopguard_aws::operator::{Function, LayerVersion, Operator};
use hopguard_core::settings::PREFIX;

use crate::Exit;
use crate::account::AccountArgs;
use crate::attachment::is_layer;
use crate::confirm::confirm;
use crate::failure::Failure;
use crate::terminal::Terminal;
use apply::{Planned, Wishes};
pub(crate) use detach::ABOUT as ABOUT_DETACH;
pub use detach::DetachArgs;
pub(crate) use detach::run as run_detach;
use layer_zip::LayerZip;
use outcome::Answer;

/// What `hopguard attach --help` begins with.
pub(crate) const ABOUT: &str = "\
Attach hopguard's layer to functions that exist.

Adds the layer, the wrapper and the settings, keeps every other layer and variable, and gives the function's role an inline policy \
for what the guard does. Says what it will change and asks first. hopguard detach takes all of it off again.

  hopguard attach orders --zip target/layer/hopguard-x86_64.zip --quarantine hopguard-quarantine --dry-run
  hopguard attach orders --max-visits 50                        another limit, where the layer is attached already
  hopguard attach orders invoices --layer arn:aws:lambda:eu-central-1:123456789012:layer:hopguard:3 --set HOPGUARD_MODE=observe

A function that belongs to CloudFormation, SAM, CDK or Terraform loses it with the next deployment: put it into the template then, \
see deploy/.";

/// What `hopguard attach` is told.
#[derive(Clone, Debug, Args)]
pub struct AttachArgs {
    /// Names or ARNs of functions
    #[arg(value_name = "FUNCTION", required = true)]
    pub functions: Vec<String>,

    /// The layer's version [default: the one that the function has already]
    #[arg(long, value_name = "ARN")]
    pub layer: Option<String>,

    /// Publish this zip file as the layer hopguard (for arm64: hopguard-arm64), unless its newest version has the same content
    #[arg(long, value_name = "FILE", conflicts_with = "layer")]
    pub zip: Option<PathBuf>,

    /// The queue for blocked records: its URL, or its name; one that is not there is created
    #[arg(long, value_name = "URL|NAME")]
    pub quarantine: Option<String>,

    /// How often one function may stand on one path (HOPGUARD_MAX_VISITS, 1 to 10000)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub max_visits: Option<u16>,

    /// Another setting, as docs/settings.md lists them; may be given again
    #[arg(long, value_name = "HOPGUARD_NAME=VALUE", value_parser = setting)]
    pub set: Vec<(String, String)>,

    /// A bucket whose events reach the function by a topic, a queue or EventBridge, so that its role may look objects up; may be given again
    #[arg(long, value_name = "NAME")]
    pub bucket: Vec<String>,

    /// Let batches fail in parts (ReportBatchItemFailures), for handlers whose answer is made for it or that answer nothing
    #[arg(long)]
    pub batch_failures: bool,

    /// How to go about it.
    #[command(flatten)]
    pub manner: MannerArgs,

    /// Which account, and in which form.
    #[command(flatten)]
    pub account: AccountArgs,
}

/// How a function is changed.
#[derive(Clone, Debug, Args)]
pub struct MannerArgs {
    /// Leave the role as it is
    #[arg(long)]
    pub no_permissions: bool,

    /// Say what would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}

fn setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if name.starts_with(PREFIX) => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("write a setting as {PREFIX}MAX_VISITS=5")),
    }
}

impl AttachArgs {
    fn settings(&self) -> BTreeMap<String, String> {
        let mut settings: BTreeMap<String, String> = self.set.iter().cloned().collect();
        if let Some(visits) = self.max_visits {
            settings.insert("HOPGUARD_MAX_VISITS".to_owned(), visits.to_string());
        }
        settings
    }
}

pub(crate) async fn run(args: &AttachArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let zip = args.zip.as_deref().map(LayerZip::read).transpose()?;
    let operator = args.account.connect().await;
    let mut functions = Vec::new();
    for name in &args.functions {
        functions.push(operator.function(name).await?);
    }
    let (layer, publish) = layer(&operator, args, zip, &functions).await?;
    let wishes = Wishes {
        layer,
        settings: args.settings(),
        quarantine: args.quarantine.clone(),
        buckets: args.bucket.iter().map(|name| name.trim_start_matches("arn:aws:s3:::").to_owned()).collect(),
        permissions: !args.manner.no_permissions,
        batch_failures: args.batch_failures,
    };
    let mut answer = Answer::new("hopguard.attach/1", args.manner.dry_run);
    let mut planned = Vec::new();
    for function in functions {
        match Planned::new(&operator, function, &wishes).await? {
            Ok(plan) => planned.push(plan),
            Err((function, refusal)) => answer.refused(&function, &refusal),
        }
    }
    let steps = planned.iter().any(Planned::changes);
    if steps && !args.manner.dry_run && !args.manner.yes {
        for plan in &planned {
            terminal.note(&plan.describe());
        }
        if !confirm("Change that?", args.manner.yes)? {
            terminal.note("Nothing was changed.");
            return Ok(Exit::Done);
        }
    }
    let publish = if args.manner.dry_run || !steps { None } else { publish };
    let mut published = None;
    if let Some(zip) = publish {
        published = Some(operator.publish_layer(zip.layer(), zip.bytes, zip.architecture).await?.arn);
    }
    for plan in planned {
        if args.manner.dry_run || !plan.changes() {
            answer.planned(plan);
        } else {
            answer.done(plan.apply(&operator, published.as_deref()).await);
        }
    }
    answer.tell(args.account.is_json(), terminal)
}

/// What stands for the ARN of a version that is not published yet.
const UNPUBLISHED: &str = "arn:aws:lambda:REGION:ACCOUNT:layer:hopguard:NEW";

/// The layer's version where one is named, and the zip file where it has to be published first.
async fn layer(
    operator: &Operator,
    args: &AttachArgs,
    zip: Option<LayerZip>,
    functions: &[Function],
) -> Result<(Option<LayerVersion>, Option<LayerZip>), Failure> {
    if let Some(arn) = &args.layer {
        if !is_layer(arn) {
            return Err(Failure::usage(format!(
                "--layer {arn} is not a version of a layer with the name hopguard, or hopguard- and more: detach and doctor know it by that; write for example {UNPUBLISHED}"
            )));
        }
        return Ok((Some(operator.layer(arn).await?), None));
    }
    let Some(zip) = zip else { return Ok((None, None)) };
    if let Some(other) = functions.iter().find(|function| function.architecture != zip.architecture) {
        return Err(Failure::usage(format!(
            "{} is {}, and the zip file is for {}: attach functions of one architecture at a time",
            other.name, other.architecture, zip.architecture
        )));
    }
    if let Some(known) = operator.newest_layer(zip.layer(), &zip.sha256).await? {
        return Ok((Some(known), None));
    }
    let mut version = LayerVersion::default();
    version.arn = functions
        .first()
        .map_or_else(|| UNPUBLISHED.to_owned(), |function| unpublished(&function.arn, zip.layer()));
    version.architectures = vec![zip.architecture.to_owned()];
    Ok((Some(version), Some(zip)))
}

/// The ARN that is shown before there is one.
fn unpublished(function_arn: &str, layer: &str) -> String {
    let place: Vec<&str> = function_arn.split(':').take(5).collect();
    format!("{}:layer:{layer}:NEW", place.join(":"))
}
