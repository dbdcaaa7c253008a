//! AWS's Runtime Interface Emulator: the supervisor of an execution environment, as AWS publishes it for local tests.

use std::{
    fs::{self, File},
    io::Read as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};
use zip::ZipArchive;

use crate::{
    cloud::Cloud,
    lock::exclusively,
    toolbox::{self, Progress, Toolbox},
};

/// The package that carries it.
const REQUIREMENT: &str = "aws-sam-cli==1.170.0";
/// The account that is compiled into it, in front of a function's name.
const OWN_ARN: &[u8] = b"arn:aws:lambda:us-east-1:012345678912:function:";

pub(crate) fn program(toolbox: &Toolbox) -> PathBuf {
    toolbox.root().join("rie").join("aws-lambda-rie")
}

pub(crate) fn install(toolbox: &Toolbox, progress: &Progress) -> Result<()> {
    let program = program(toolbox);
    let marker = program.with_extension("installed");
    let installed = || fs::read_to_string(&marker).is_ok_and(|pin| pin == REQUIREMENT);
    if installed() {
        return Ok(());
    }
    let folder = toolbox.root().join("rie");
    exclusively(&folder.with_extension("lock"), || {
        if installed() {
            return Ok(());
        }
        let python = toolbox.prepare_venv(progress)?;
        progress("fetching AWS's Runtime Interface Emulator to target/testbed/rie (once)");
        let download = folder.join("download");
        fs::create_dir_all(&download).with_context(|| format!("cannot create {}", download.display()))?;
        toolbox::run(
            Command::new(python)
                .args([
                    "-m",
                    "pip",
                    "download",
                    "--quiet",
                    "--disable-pip-version-check",
                    "--no-deps",
                    "--dest",
                ])
                .arg(&download)
                .arg(REQUIREMENT),
        )
        .with_context(|| format!("cannot fetch {REQUIREMENT}; is a Python package index reachable?"))?;
        let mut bytes = unpack(&wheel(&download)?)?;
        adopt(&mut bytes)?;
        // Never written in place: another process may be about to execute it.
        let partial = program.with_extension("partial");
        fs::write(&partial, bytes).context("cannot write the emulator")?;
        fs::set_permissions(&partial, fs::Permissions::from_mode(0o755))
            .context("cannot allow to run the emulator")?;
        fs::rename(&partial, &program).context("cannot name the emulator")?;
        fs::write(&marker, REQUIREMENT).context("cannot write the marker of the emulator")?;
        fs::remove_dir_all(&download).context("cannot remove the emulator's package")
    })
}

fn wheel(folder: &Path) -> Result<PathBuf> {
    let mut files = fs::read_dir(folder).context("cannot list what pip fetched")?.flatten();
    let wheel = files.find(|file| file.path().extension().is_some_and(|ending| ending == "whl"));
    Ok(wheel.context("pip fetched no wheel")?.path())
}

fn unpack(wheel: &Path) -> Result<Vec<u8>> {
    let machine = match std::env::consts::ARCH {
        "aarch64" => "arm64",
        "x86_64" => "x86_64",
        other => bail!("AWS has no Runtime Interface Emulator for {other}"),
    };
    let mut archive = ZipArchive::new(File::open(wheel).context("cannot open the emulator's package")?)?;
    let mut member = archive
        .by_name(&format!("samcli/local/rapid/aws-lambda-rie-{machine}"))
        .context("the emulator is not in its package")?;
    let mut bytes = Vec::new();
    member.read_to_end(&mut bytes).context("cannot unpack the emulator")?;
    Ok(bytes)
}

/// Puts the cloud's account in the place of the emulator's, which no option changes: a function is to have one ARN, in what the
/// cloud says and in what its invocations carry.
fn adopt(program: &mut [u8]) -> Result<()> {
    let own = format!("arn:aws:lambda:{}:{}:function:", Cloud::REGION, Cloud::ACCOUNT);
    let places: Vec<_> =
        program.windows(OWN_ARN.len()).enumerate().filter(|(_, bytes)| *bytes == OWN_ARN).collect();
    let [(place, _)] = *places.as_slice() else {
        bail!("the emulator has its account in {} places, and not in one", places.len());
    };
    let text = program.get_mut(place..place + OWN_ARN.len()).context("a place is out of the program")?;
    if text.len() != own.len() {
        bail!("the cloud's ARNs are not as long as the emulator's");
    }
    text.copy_from_slice(own.as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_is_replaced_where_it_stands_once() {
        let mut program = [b"code %s".as_slice(), OWN_ARN, b"%s more"].concat();
        let length = program.len();
        adopt(&mut program).unwrap();
        assert_eq!(program.len(), length);
        assert!(String::from_utf8(program.clone()).unwrap().contains(":000000000000:function:%s more"));
        assert!(adopt(&mut program).is_err(), "none is left");
        assert!(adopt(&mut [OWN_ARN, OWN_ARN].concat()).is_err(), "which of two it is, nobody knows");
    }
}
