//! A file system and process ids of its own.

use std::{
    fs,
    os::unix::{fs::symlink, process::CommandExt as _},
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};
use hopguard_tests::{Mount, Spec, unshare};

/// Where /var is put together, beside the description.
const STAGE: &str = "stage";
/// The same of /tmp.
const STAGE_OF_TMP: &str = "stage-tmp";

/// Starts this program again, with these arguments, as the first process of namespaces of its own: when it ends, or when this
/// process is killed, so is everything in there. Returns only where that fails.
pub(crate) fn enter(arguments: &[&str]) -> Result<()> {
    let own = std::env::current_exe().context("this program does not know where it is")?;
    Err(unshare().arg(own).args(arguments).exec()).context("cannot start unshare")
}

/// Puts layer, code and runtime where Lambda has them: all of it read-only, and a /tmp that is empty.
///
/// /var is put together elsewhere and moved over at the end, as is /tmp, since what is mounted may come from below either.
pub(crate) fn furnish(spec: &Spec) -> Result<()> {
    fs::create_dir_all(STAGE).context("cannot create the folder of /var")?;
    mount(&["-t", "tmpfs", "-o", "mode=755", "tmpfs", STAGE])?;
    let stage = Path::new(STAGE);
    for folder in ["lang", "opt", "rapid", "runtime", "task"] {
        fs::create_dir(stage.join(folder)).with_context(|| format!("cannot create /var/{folder}"))?;
    }
    // Where Node.js looks for the modules that /var/task imports: Lambda's own runtime has a loader for that.
    symlink("runtime/node_modules", stage.join("node_modules"))
        .context("cannot link the modules of Node.js")?;
    for entry in &spec.mounts {
        bind(entry, stage)?;
    }
    mount(&["--rbind", &format!("{STAGE}/opt"), "/opt"])?;
    mount(&["--rbind", STAGE, "/var"])?;
    empty_tmp()
}

/// A /tmp with nothing in it, but what was built of a checkout that lies below /tmp itself: what tests read later is written there.
fn empty_tmp() -> Result<()> {
    let own = std::env::current_exe().context("this program does not know where it is")?;
    let built = own.parent().and_then(Path::parent);
    let Some((built, below)) = built.and_then(|built| Some((built, built.strip_prefix("/tmp").ok()?))) else {
        return mount(&["-t", "tmpfs", "-o", "mode=1777", "tmpfs", "/tmp"]);
    };
    fs::create_dir_all(STAGE_OF_TMP).context("cannot create the folder of /tmp")?;
    mount(&["-t", "tmpfs", "-o", "mode=1777", "tmpfs", STAGE_OF_TMP])?;
    let kept = Path::new(STAGE_OF_TMP).join(below);
    fs::create_dir_all(&kept).context("cannot create the checkout's place in /tmp")?;
    mount(&["--bind", &built.to_string_lossy(), &kept.to_string_lossy()])?;
    mount(&["--rbind", STAGE_OF_TMP, "/tmp"])
}

/// Something can be mounted only over what is there already.
fn bind(entry: &Mount, stage: &Path) -> Result<()> {
    let place = stage.join(&entry.place);
    let folder = if entry.folder { Some(place.as_path()) } else { place.parent() };
    let made = folder.map_or(Ok(()), fs::create_dir_all);
    let made = made.and_then(|()| if entry.folder { Ok(()) } else { fs::write(&place, "") });
    made.with_context(|| format!("cannot create the place of {}", entry.source.display()))?;
    mount(&["-o", "bind,ro", &entry.source.to_string_lossy(), &place.to_string_lossy()])
}

fn mount(arguments: &[&str]) -> Result<()> {
    let output =
        Command::new("mount").args(arguments).stdin(Stdio::null()).output().context("cannot start mount")?;
    if !output.status.success() {
        bail!("`mount {}` failed: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
