//! What runs a function's code in an execution environment.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::{
    environment::spec::{Mount, Spec},
    kit::{Kit, Missing},
    toolbox::{Progress, Toolbox},
};

/// A function's code, with the runtime that it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runtime {
    /// A Python source file with a function `handler`; its folder is the function's code. The runtime is AWS's own client.
    Python {
        /// The file.
        source: PathBuf,
    },
    /// A Node.js module that exports `handler`; its folder is the function's code. The runtime is AWS's own client.
    Node {
        /// The file, an `.mjs` or a `.cjs`.
        source: PathBuf,
    },
    /// A program that polls the Runtime API itself, as on `provided.al2023`. It is not started through a wrapper.
    Provided {
        /// The program.
        bootstrap: PathBuf,
    },
}

impl Runtime {
    /// What has to be installed for it.
    #[must_use]
    pub fn kit(&self) -> Kit {
        match self {
            Self::Python { .. } => Kit::Python,
            Self::Node { .. } => Kit::Node,
            Self::Provided { .. } => Kit::Emulator,
        }
    }

    /// Installs what it needs, and describes its part of an environment. Blocks.
    pub(crate) fn prepare(&self, toolbox: &Toolbox, progress: &Progress) -> Result<Spec, Missing> {
        toolbox.equip(self.kit(), progress)?;
        let mut spec = Spec::new(&toolbox.emulator())?;
        let installed = match self {
            Self::Python { .. } => {
                spec.path("PYTHONPATH", "/opt/python:/var/runtime");
                toolbox.python_runtime(progress)?
            }
            Self::Node { .. } => {
                let modules = "/opt/nodejs/node_modules:/var/runtime/node_modules";
                spec.path("NODE_PATH", modules);
                toolbox.node_runtime(progress)?
            }
            Self::Provided { bootstrap } => {
                spec.variable("_HANDLER", "bootstrap");
                spec.mounts.push(Mount::new(bootstrap, "task/bootstrap")?);
                spec.command = "/var/task/bootstrap".to_owned();
                return Ok(spec);
            }
        };
        let (Self::Python { source } | Self::Node { source } | Self::Provided { bootstrap: source }) = self;
        let code = source.parent().unwrap_or(Path::new("."));
        let module = source.file_stem().with_context(|| format!("{} names no file", source.display()))?;
        spec.variable("_HANDLER", format!("{}.handler", module.to_string_lossy()));
        spec.variable("AWS_EXECUTION_ENV", format!("AWS_Lambda_{}", installed.language.name));
        spec.mounts.push(Mount::new(code, "task")?);
        spec.mounts.push(Mount::new(&installed.runtime, "runtime")?);
        spec.mounts.push(Mount::new(&installed.language.folder, "lang")?);
        spec.command = "/var/runtime/bootstrap".to_owned();
        Ok(spec)
    }
}
