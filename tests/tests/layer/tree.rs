//! The layer as it is at /opt, made of this checkout: what `cargo xtask layer` packs, with an unoptimised binary.

use std::path::{Path, PathBuf};

use hopguard_tests::Layer;

pub(crate) fn layer() -> Layer {
    Layer::none()
        .with("extensions/hopguard", Path::new(env!("CARGO_BIN_EXE_extension")))
        .with("hopguard", &checkout("extension/layer"))
}

/// A file of this checkout.
pub(crate) fn checkout(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}
