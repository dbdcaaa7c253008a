use std::fs;
use std::io::{Cursor, Read as _};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use sha2::{Digest as _, Sha256};

use crate::attachment::{LAYER, LAYER_ARM};

/// The program in it, by whose machine its architecture is told.
const EXTENSION: &str = "extensions/hopguard";
const ARM: &str = "arm64";
/// What Lambda takes by upload.
const MAX_BYTES: u64 = 50 * 1024 * 1024;

/// The layer as `cargo xtask layer` packs it.
#[derive(Debug)]
pub(crate) struct LayerZip {
    pub(crate) bytes: Vec<u8>,
    /// `x86_64` or `arm64`.
    pub(crate) architecture: &'static str,
    /// As Lambda has it: SHA-256 in base64.
    pub(crate) sha256: String,
}

impl LayerZip {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let size = fs::metadata(path)
            .with_context(|| {
                format!("{shown} cannot be read; cargo xtask layer makes target/layer/hopguard-x86_64.zip")
            })?
            .len();
        if size > MAX_BYTES {
            bail!("{shown} has {size} bytes, and Lambda takes {MAX_BYTES}: is it hopguard's layer?");
        }
        let bytes = fs::read(path).with_context(|| format!("{shown} cannot be read"))?;
        let architecture = architecture(&bytes).with_context(|| {
            format!("{shown} is not hopguard's layer; name the zip file that cargo xtask layer makes")
        })?;
        let sha256 = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(&bytes));
        Ok(Self { bytes, architecture, sha256 })
    }

    /// The name of the layer that it is a version of: one for each architecture, as the templates in deploy/ have it.
    pub(crate) fn layer(&self) -> &'static str {
        if self.architecture == ARM { LAYER_ARM } else { LAYER }
    }
}

/// The machine that the extension is for, from its ELF header.
fn architecture(zip: &[u8]) -> Result<&'static str> {
    let mut archive = zip::ZipArchive::new(Cursor::new(zip)).context("it is no zip file")?;
    let mut program = archive.by_name(EXTENSION).with_context(|| format!("{EXTENSION} is not in it"))?;
    let mut header = [0_u8; 20];
    program.read_exact(&mut header).with_context(|| format!("{EXTENSION} is too short"))?;
    match header {
        [0x7f, b'E', b'L', b'F', .., 0x3e, 0] => Ok("x86_64"),
        [0x7f, b'E', b'L', b'F', .., 0xb7, 0] => Ok(ARM),
        _ => bail!("{EXTENSION} is no program for x86_64 or arm64"),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn zip_with(name: &str, content: &[u8]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn each_architecture_has_a_layer() {
        let zip = |architecture| LayerZip { bytes: Vec::new(), architecture, sha256: String::new() };
        assert_eq!((zip("x86_64").layer(), zip("arm64").layer()), ("hopguard", "hopguard-arm64"));
        for architecture in ["x86_64", "arm64"] {
            let arn =
                format!("arn:aws:lambda:eu-central-1:123456789012:layer:{}:1", zip(architecture).layer());
            assert!(crate::attachment::is_layer(&arn), "{arn}");
        }
    }

    #[test]
    fn the_architecture_is_in_the_program() {
        let elf = |machine: u8| {
            let mut header = vec![0_u8; 64];
            header[..4].copy_from_slice(b"\x7fELF");
            header[18] = machine;
            zip_with(EXTENSION, &header)
        };
        assert_eq!(architecture(&elf(0x3e)).unwrap(), "x86_64");
        assert_eq!(architecture(&elf(0xb7)).unwrap(), "arm64");
        for (zip, expected) in [
            (elf(3), "no program for"),
            (zip_with(EXTENSION, b"short"), "too short"),
            (zip_with("index.js", b"x"), "is not in it"),
            (b"hello".to_vec(), "no zip file"),
        ] {
            let error = architecture(&zip).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
