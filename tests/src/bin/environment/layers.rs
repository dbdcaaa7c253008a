//! The layers that a function's configuration names on the cloud, unpacked as Lambda unpacks them.

use std::{
    env, fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::Cursor,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use hopguard_tests::{Cloud, Mount, exclusively};
use serde_json::Value;
use zip::ZipArchive;

use crate::http;

/// How long the cloud may take to answer.
const WAIT: Duration = Duration::from_secs(20);

/// Asks Lambda for the layers of the function that this is an environment of, and unpacks them one over the other, in their order.
/// `None`: it has none.
pub(crate) fn configured() -> Result<Option<Mount>> {
    let name = variable("AWS_LAMBDA_FUNCTION_NAME")?;
    let mut path = format!("/2015-03-31/functions/{name}/configuration");
    let version = variable("AWS_LAMBDA_FUNCTION_VERSION")?;
    if version != "$LATEST" {
        path.push_str(&format!("?Qualifier={version}"));
    }
    let mut packages = Vec::new();
    let configuration = described(&path)?;
    for layer in configuration.get("Layers").and_then(Value::as_array).into_iter().flatten() {
        let arn = layer.get("Arn").and_then(Value::as_str).context("a layer has no ARN")?;
        let version = described(&format!("/2018-10-31/layers?find=LayerVersion&Arn={arn}"))?;
        let part = |name: &str| version.get("Content")?.get(name)?.as_str().map(str::to_owned);
        let found = part("Location").zip(part("CodeSha256"));
        packages.push(found.with_context(|| format!("{arn} has no content"))?);
    }
    if packages.is_empty() {
        return Ok(None);
    }
    // One tree for all environments of the cloud with these layers. It goes when the cloud goes, as does all else in this folder.
    let mut named = DefaultHasher::new();
    packages.iter().for_each(|(_, digest)| digest.hash(&mut named));
    let folder = PathBuf::from(variable("TMPDIR")?).join("layers");
    let tree = folder.join(format!("{:016x}", named.finish()));
    exclusively(&tree.with_extension("lock"), || {
        if tree.exists() {
            return Ok(());
        }
        let partial = tree.with_extension("partial");
        for (location, _) in &packages {
            unpack(location, &partial).with_context(|| format!("cannot unpack {location}"))?;
        }
        fs::rename(&partial, &tree).context("cannot name the layers' folder")
    })?;
    Mount::new(&tree, "opt").map(Some)
}

/// What Lambda answers to a GET by whoever owns the cloud: its own fetching of layers asks for no permission of the function's.
fn described(path: &str) -> Result<Value> {
    let endpoint = variable("AWS_ENDPOINT_URL")?;
    let scope = format!("test/20260101/{}/lambda/aws4_request", Cloud::REGION);
    let signature = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
    let body = get(&format!("{endpoint}{path}"), &[("Authorization", &signature)])?;
    serde_json::from_slice(&body).with_context(|| format!("{path}: the answer is not JSON"))
}

fn get(url: &str, headers: &[(&str, &str)]) -> Result<Vec<u8>> {
    let rest = url.strip_prefix("http://").with_context(|| format!("{url} is no address of plain HTTP"))?;
    let (address, path) = rest.split_once('/').with_context(|| format!("{url} has no path"))?;
    let answer = http::send(address, "GET", &format!("/{path}"), headers, &[], Some(WAIT))
        .with_context(|| format!("{url} cannot be asked"))?;
    if answer.status != 200 {
        bail!("{url}: status {}: {}", answer.status, String::from_utf8_lossy(&answer.body));
    }
    Ok(answer.body)
}

fn unpack(location: &str, folder: &Path) -> Result<()> {
    let mut archive = ZipArchive::new(Cursor::new(get(location, &[])?))?;
    fs::create_dir_all(folder)?;
    archive.extract(folder)?;
    Ok(())
}

fn variable(name: &str) -> Result<String> {
    env::var(name).with_context(|| format!("{name} is not set: layers are for functions on a cloud"))
}
