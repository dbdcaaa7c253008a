//! The templates as they are shipped, and what they are deployed from.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use hopguard_tests::{Bucket, Cloud, Runtime, package_of};
use tokio::task::spawn_blocking;

use crate::tree::{checkout, layer};

/// Where CloudFormation takes a template as it is; a larger one has to be in a bucket.
const MAX_BYTES: usize = 51_200;

/// The keys of what is uploaded.
pub(crate) const LAYER: &str = "hopguard.zip";
pub(crate) const CODE: &str = "code.zip";

/// A template of `deploy/cloudformation`.
pub(crate) fn template(name: &str) -> String {
    let path = checkout(&format!("deploy/cloudformation/{name}.yaml"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The code that a template has in itself, as a file `index.py` below `folder`.
pub(crate) fn code_in(template: &str, folder: &Path) -> Result<Runtime> {
    let (_, rest) = template.split_once("ZipFile: |\n").context("the template has no code")?;
    let margin = rest.len() - rest.trim_start_matches(' ').len();
    let own = |line: &&str| line.trim().is_empty() || line.starts_with(&" ".repeat(margin));
    let lines = rest.lines().take_while(own).map(|line| line.get(margin..).unwrap_or_default());
    let source = folder.join("index.py");
    fs::write(&source, lines.collect::<Vec<_>>().join("\n"))?;
    Ok(Runtime::Python { source })
}

/// A bucket with the layer in it, and with a package of code where there is one.
pub(crate) async fn artefacts(cloud: &Cloud, code: Option<Runtime>) -> Result<Bucket> {
    let bucket = cloud.bucket("artefacts").await?;
    let packed = spawn_blocking(move || {
        let code = code.map(|code| package_of(&code, Duration::from_secs(20))).transpose()?;
        anyhow::Ok((fs::read(layer().zip()?)?, code))
    });
    let (layer, code) = packed.await??;
    bucket.put(LAYER, &layer, &[]).await?;
    if let Some(code) = code {
        bucket.put(CODE, &code, &[]).await?;
    }
    Ok(bucket)
}

#[test]
fn each_template_can_be_deployed_from_a_file() {
    for name in ["guard", "example", "ledger"] {
        assert!(template(name).len() <= MAX_BYTES, "{name}: {} bytes", template(name).len());
    }
}
