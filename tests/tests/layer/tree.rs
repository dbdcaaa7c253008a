//! The layer as it is at /opt, made of this checkout: what `cargo xtask layer` packs, with an unoptimised binary.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use hopguard_tests::Layer;

/// The layer, in a folder of this test's own.
pub(crate) fn layer() -> Result<Layer> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("layer-{}", std::process::id()));
    if !folder.exists() {
        let draft = folder.with_extension("draft");
        assemble(&draft).context("the layer cannot be put together")?;
        fs::rename(draft, &folder)?;
    }
    Ok(Layer::at(&folder))
}

fn assemble(folder: &Path) -> Result<()> {
    let extensions = folder.join("extensions");
    fs::create_dir_all(&extensions)?;
    // A second name for the program, which takes no place on the disk.
    fs::hard_link(env!("CARGO_BIN_EXE_extension"), extensions.join("hopguard"))?;
    copy(&checkout("extension/layer"), &folder.join("hopguard"))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let name = path.file_name().context("a file without a name")?;
        match path.is_dir() {
            true if name == "tests" || name == "node_modules" => {}
            true => copy(&path, &to.join(name))?,
            false => {
                fs::copy(&path, to.join(name))?;
                fs::set_permissions(to.join(name), fs::Permissions::from_mode(0o755))?;
            }
        }
    }
    Ok(())
}

pub(crate) fn checkout(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}
