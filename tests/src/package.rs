//! The deployment package of a function: a zip with a `bootstrap`.

use std::{
    fs::{self, File},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::{Cursor, Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use anyhow::{Context as _, Result};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::{environment::spec::Spec, lock::exclusively};

/// Packs `bootstrap` with its executable bit, or takes what an earlier call packed from the same path, time and length.
/// Blocks; a debug build of 20 MB takes a second.
pub(crate) fn pack(bootstrap: &Path, cache: &Path) -> Result<Vec<u8>> {
    let file = packed("bootstrap", &[("bootstrap".to_owned(), bootstrap.to_owned())], cache)
        .with_context(|| format!("cannot pack the program {}; is it built?", bootstrap.display()))?;
    fs::read(file).context("cannot read the package")
}

/// The same for several files, each with its place in the package and the mode that it has, as a zip file of this `name`.
pub(crate) fn packed(name: &str, files: &[(String, PathBuf)], cache: &Path) -> Result<PathBuf> {
    let (mut paths, mut contents) = (DefaultHasher::new(), DefaultHasher::new());
    for (place, path) in files {
        (place, path).hash(&mut paths);
        let metadata = fs::metadata(path).with_context(|| format!("there is no {}", path.display()))?;
        let modified =
            metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        (modified, metadata.len()).hash(&mut contents);
    }
    let stem = format!("{name}-{:016x}", paths.finish());
    let file = cache.join(format!("{stem}-{:016x}.zip", contents.finish()));
    if file.exists() {
        return Ok(file);
    }
    // Without the lock, each of the tests that start at once would deflate the same program.
    exclusively(&cache.join(format!("{stem}.lock")), || {
        if !file.exists() {
            discard_others(cache, &stem);
            let partial = file.with_extension("partial");
            write(files, &partial)?;
            fs::rename(&partial, &file).context("cannot name the package")?;
        }
        Ok(file)
    })
}

/// Packs a bootstrap that starts `launcher` with the description of an environment, which is packed too. It works on this machine
/// alone, since it names files in it.
pub(crate) fn layered(launcher: &Path, spec: &Spec) -> Result<Vec<u8>> {
    let launcher = launcher.to_str().context("the path of the program `environment` is no UTF-8")?;
    let quoted = launcher.replace('\'', r"'\''");
    let bootstrap = format!("#!/bin/sh\nexec '{quoted}' \"$(dirname \"$0\")/environment.json\"\n");
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    zip.start_file("bootstrap", options.unix_permissions(0o755))?;
    zip.write_all(bootstrap.as_bytes())?;
    zip.start_file("environment.json", options.unix_permissions(0o644))?;
    zip.write_all(spec.text()?.as_bytes())?;
    Ok(zip.finish()?.into_inner())
}

fn write(files: &[(String, PathBuf)], package: &Path) -> Result<()> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(1));
    let mut zip = ZipWriter::new(File::create(package)?);
    for (place, path) in files {
        let mut content = Vec::new();
        let mut file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        file.read_to_end(&mut content)?;
        let mode = if file.metadata()?.permissions().mode() & 0o111 == 0 { 0o644 } else { 0o755 };
        zip.start_file(place.as_str(), options.unix_permissions(mode))?;
        zip.write_all(&content)?;
    }
    zip.finish()?;
    Ok(())
}

/// Removes the packages of earlier builds of the same program.
fn discard_others(cache: &Path, stem: &str) {
    let Ok(entries) = fs::read_dir(cache) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(stem) && name.ends_with(".zip") {
            // A package that stays costs room only.
            let _ = fs::remove_file(entry.path());
        }
    }
}
