//! `cargo xtask layer`: the layer as Lambda takes it, `target/layer/hopguard-ARCHITECTURE.zip`.

mod elf;
mod zig;

use std::{
    env, fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context as _, Result, bail};

use crate::{process, workspace::Workspace};

/// Amazon Linux 2, on which Lambda's older runtimes run, has this glibc.
const NEWEST_GLIBC: (u32, u32) = (2, 26);
/// What the linker is asked for: older still, so that nothing new slips in.
const LINKED_GLIBC: &str = "2.17";
/// The profile in the workspace's manifest.
pub(crate) const PROFILE: &str = "layer";
/// The binary of one architecture, stripped. It is 5.64 MiB on x86-64.
const MAX_BINARY_BYTES: u64 = 6 * 1024 * 1024;
/// What only a binary of the tests reads: it panics where it is told to (`extension/src/fault.rs`).
const OF_TESTS: &[u8] = b"PANIC_IN_HOPGUARD";

/// A Lambda architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Architecture {
    /// As Lambda names it.
    name: &'static str,
    /// As rustc names it.
    target: &'static str,
}

const ARCHITECTURES: [Architecture; 2] = [
    Architecture { name: "x86_64", target: "x86_64-unknown-linux-gnu" },
    Architecture { name: "arm64", target: "aarch64-unknown-linux-gnu" },
];

/// What stands beside the parts of the layer in the checkout, and is no part of it.
const BESIDE: [&str; 4] = ["tests", "README.md", "__pycache__", "node_modules"];

/// Builds it for each architecture that this machine can build for.
pub(crate) fn run(workspace: &Workspace) -> Result<ExitCode> {
    build(workspace)?;
    Ok(ExitCode::SUCCESS)
}

/// The same, as a step of another command.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    zig::install(workspace)?;
    for architecture in ARCHITECTURES {
        if !has_target(architecture)? {
            println!(
                "    left out: {} (this toolchain has no standard library for {})",
                architecture.name, architecture.target
            );
            continue;
        }
        println!("    building for {} (optimised: takes minutes)", architecture.name);
        let binary = compile(workspace, architecture)?;
        check(&binary)?;
        let zip = pack(workspace, architecture, &binary)?;
        let (binary, packed) = (fs::metadata(&binary)?.len(), fs::metadata(&zip)?.len());
        println!("    {}: binary {}, zip {}", shown(workspace, &zip), mebibytes(binary), mebibytes(packed));
    }
    Ok(())
}

fn has_target(architecture: Architecture) -> Result<bool> {
    let mut rustc = Command::new("rustc");
    let folder = process::output(rustc.args(["--print", "target-libdir", "--target", architecture.target]))?;
    Ok(Path::new(folder.trim()).is_dir())
}

fn compile(workspace: &Workspace, architecture: Architecture) -> Result<PathBuf> {
    let target = format!("{}.{LINKED_GLIBC}", architecture.target);
    let mut cargo = zig::cargo(workspace);
    cargo.args(["zigbuild", "--quiet", "--profile", PROFILE, "--locked", "--package", "hopguard-extension"]);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", short_paths()?);
    process::run(cargo.args(["--target", &target])).context("the extension cannot be built")?;
    let programs = workspace.programs()?;
    let target_folder = programs.parent().context("the target folder has no parent")?;
    Ok(target_folder.join(architecture.target).join(PROFILE).join("hopguard-extension"))
}

/// Flags that leave out of the binary where this machine keeps the sources of dependencies: each of their files is named in it, for
/// messages of panics.
fn short_paths() -> Result<String> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home =
        home.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo"))).context("no HOME")?;
    let mut flags: Vec<String> =
        env::var("RUSTFLAGS").iter().flat_map(|own| own.split_whitespace()).map(str::to_owned).collect();
    // Not there where everything is vendored.
    for registry in fs::read_dir(home.join("registry/src")).into_iter().flatten() {
        let folder = registry.context("cannot read cargo's registry")?.path();
        flags.push(format!("--remap-path-prefix={}/=", folder.display()));
    }
    Ok(flags.join("\u{1f}"))
}

/// That the binary starts on every system that Lambda runs, is no larger than its users were promised, and has nothing of the tests.
fn check(binary: &Path) -> Result<()> {
    let bytes = fs::read(binary).with_context(|| format!("cannot read {}", binary.display()))?;
    if let Some(newest) = elf::newest_glibc(&bytes).filter(|newest| *newest > NEWEST_GLIBC) {
        let (major, minor) = newest;
        bail!(
            "the binary needs glibc {major}.{minor}, Amazon Linux 2 has {}.{}",
            NEWEST_GLIBC.0,
            NEWEST_GLIBC.1
        );
    }
    if bytes.windows(OF_TESTS.len()).any(|window| window == OF_TESTS) {
        bail!("the binary was built with the feature `fault-injection`, which is for tests");
    }
    if bytes.len() as u64 > MAX_BINARY_BYTES {
        bail!("the binary has {}, more than {}", mebibytes(bytes.len() as u64), mebibytes(MAX_BINARY_BYTES));
    }
    Ok(())
}

fn pack(workspace: &Workspace, architecture: Architecture, binary: &Path) -> Result<PathBuf> {
    let layer = workspace.path("target/layer");
    let tree = layer.join(architecture.name);
    if tree.exists() {
        fs::remove_dir_all(&tree).context("cannot clear the layer's folder")?;
    }
    copy(binary, &tree.join("extensions/hopguard"), 0o755)?;
    copy_tree(&workspace.path("extension/layer"), &tree.join("hopguard"))?;
    let zip = layer.join(format!("hopguard-{}.zip", architecture.name));
    let mut python = Command::new("python3");
    python.args(["-c", include_str!("pack.py")]).args([&tree, &zip]);
    process::run(&mut python).context("the layer cannot be packed")?;
    Ok(zip)
}

/// Copies a folder of the checkout, without what only stands beside it.
fn copy_tree(source: &Path, place: &Path) -> Result<()> {
    let entries = fs::read_dir(source).with_context(|| format!("cannot read {}", source.display()))?;
    for entry in entries {
        let path = entry.context("cannot read a folder of the layer")?.path();
        let name = path.file_name().context("a file without a name")?;
        if BESIDE.iter().any(|beside| name == *beside) {
            continue;
        }
        let place = place.join(name);
        if path.is_dir() {
            copy_tree(&path, &place)?;
        } else {
            copy(&path, &place, if name == "wrap" { 0o755 } else { 0o644 })?;
        }
    }
    Ok(())
}

fn copy(source: &Path, place: &Path, mode: u32) -> Result<()> {
    let folder = place.parent().context("a file of the layer is in no folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    fs::copy(source, place).with_context(|| format!("cannot copy {}", source.display()))?;
    fs::set_permissions(place, fs::Permissions::from_mode(mode)).context("cannot set a file's mode")
}

fn shown(workspace: &Workspace, path: &Path) -> String {
    path.strip_prefix(workspace.path("")).unwrap_or(path).display().to_string()
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.2} MiB", bytes as f64 / f64::from(1 << 20))
}
