//! The generated parts of README.md.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result};

use crate::workspace::Workspace;

/// README.md, whose generated parts stand between `<!-- name -->` and `<!-- /name -->`.
#[derive(Debug)]
pub(crate) struct Readme {
    path: PathBuf,
    text: String,
}

impl Readme {
    pub(crate) fn read(workspace: &Workspace) -> Result<Self> {
        let path = workspace.path("README.md");
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self { path, text })
    }

    /// Puts `content` between the markers of `name`. Returns whether that changes anything.
    pub(crate) fn set(&mut self, name: &str, content: &str) -> Result<bool> {
        let text = replaced(&self.text, name, content)?;
        let changed = text != self.text;
        self.text = text;
        Ok(changed)
    }

    pub(crate) fn write(&self) -> Result<()> {
        fs::write(&self.path, &self.text).with_context(|| format!("cannot write {}", self.path.display()))
    }
}

fn replaced(text: &str, name: &str, content: &str) -> Result<String> {
    let (open, close) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
    let missing = || {
        format!("README.md lacks the lines {open} and {close}, in this order: write them where it belongs")
    };
    let (before, rest) = text.split_once(&open).with_context(missing)?;
    let (_, after) = rest.split_once(&close).with_context(missing)?;
    Ok(format!("{before}{open}\n{}\n{close}{after}", content.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_what_stands_between_the_markers() {
        let text = "# a\n<!-- settings -->\nold\n<!-- /settings -->\nend\n";
        let new = replaced(text, "settings", "| new |\n").unwrap();
        assert_eq!(new, "# a\n<!-- settings -->\n| new |\n<!-- /settings -->\nend\n");
        assert_eq!(replaced(&new, "settings", "| new |\n").unwrap(), new, "a second time changes nothing");
    }

    #[test]
    fn says_which_markers_are_missing() {
        for text in ["", "<!-- settings -->", "<!-- /settings --> <!-- settings -->"] {
            let error = replaced(text, "settings", "").unwrap_err().to_string();
            assert!(error.starts_with("README.md lacks the lines <!-- settings -->"), "{error}");
        }
    }
}
