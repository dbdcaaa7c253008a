//! The deployment package of a function: a zip with a `bootstrap`.

use std::{
    fs::{self, File},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::{Cursor, Read as _, Write as _},
    path::Path,
    time::UNIX_EPOCH,
};

use anyhow::{Context as _, Result};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::{environment::spec::Spec, lock::exclusively};

/// Packs `bootstrap` with its executable bit, or takes what an earlier call packed from the same path, time and length.
/// Blocks; a debug build of 20 MB takes a second.
pub(crate) fn pack(bootstrap: &Path, cache: &Path) -> Result<Vec<u8>> {
    let metadata = fs::metadata(bootstrap).with_context(|| {
        format!("there is no function program at {}: build it first", bootstrap.display())
    })?;
    let mut path = DefaultHasher::new();
    bootstrap.hash(&mut path);
    let modified =
        metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    let stem = format!("{:016x}", path.finish());
    let file = cache.join(format!("{stem}-{}-{}.zip", modified.as_nanos(), metadata.len()));
    if let Ok(bytes) = fs::read(&file) {
        return Ok(bytes);
    }
    // Without the lock, each of the tests that start at once would deflate the same program.
    exclusively(&cache.join(format!("{stem}.lock")), || {
        if let Ok(bytes) = fs::read(&file) {
            return Ok(bytes);
        }
        discard_others(cache, &stem);
        let partial = file.with_extension("partial");
        write(bootstrap, &partial).with_context(|| format!("cannot pack {}", bootstrap.display()))?;
        fs::rename(&partial, &file).context("cannot name the package")?;
        fs::read(&file).context("cannot read the package")
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

fn write(bootstrap: &Path, file: &Path) -> Result<()> {
    let mut program = Vec::new();
    File::open(bootstrap)?.read_to_end(&mut program)?;
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(1))
        .unix_permissions(0o755);
    let mut zip = ZipWriter::new(File::create(file)?);
    zip.start_file("bootstrap", options)?;
    zip.write_all(&program)?;
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
