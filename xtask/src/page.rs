//! The generated parts of README.md and of pages in `docs/`.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result};

use crate::workspace::Workspace;

/// A page whose generated parts stand between `<!-- name -->` and `<!-- /name -->`.
#[derive(Debug)]
pub(crate) struct Page {
    name: &'static str,
    path: PathBuf,
    text: String,
}

impl Page {
    /// Reads the page of that name, from the root of the workspace.
    pub(crate) fn read(workspace: &Workspace, name: &'static str) -> Result<Self> {
        let path = workspace.path(name);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self { name, path, text })
    }

    /// Puts `content` between the markers of `name`. Returns whether that changes anything.
    pub(crate) fn set(&mut self, name: &str, content: &str) -> Result<bool> {
        let text = replaced(&self.text, self.name, name, content)?;
        let changed = text != self.text;
        self.text = text;
        Ok(changed)
    }

    pub(crate) fn write(&self) -> Result<()> {
        fs::write(&self.path, &self.text).with_context(|| format!("cannot write {}", self.path.display()))
    }
}

fn replaced(text: &str, page: &str, name: &str, content: &str) -> Result<String> {
    let (open, close) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
    let missing =
        || format!("{page} lacks the lines {open} and {close}, in this order: write them where it belongs");
    let (before, rest) = text.split_once(&open).with_context(missing)?;
    let (old, after) = rest.split_once(&close).with_context(missing)?;
    // In a language whose comments begin with #, the marker stands in one.
    let margin = old.rsplit('\n').next().filter(|margin| margin.trim_matches([' ', '#']).is_empty());
    let margin = margin.unwrap_or_default();
    Ok(format!("{before}{open}\n{}\n{margin}{close}{after}", content.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_what_stands_between_the_markers() {
        let text = "# a\n<!-- settings -->\nold\n<!-- /settings -->\nend\n";
        let new = replaced(text, "README.md", "settings", "| new |\n").unwrap();
        assert_eq!(new, "# a\n<!-- settings -->\n| new |\n<!-- /settings -->\nend\n");
        assert_eq!(
            replaced(&new, "README.md", "settings", "| new |\n").unwrap(),
            new,
            "a second time changes nothing"
        );
        let yaml = "a:\n  # <!-- made -->\n  # <!-- /made -->\nend:\n";
        let new = replaced(yaml, "a.yaml", "made", "  b: 1").unwrap();
        assert_eq!(new, "a:\n  # <!-- made -->\n  b: 1\n  # <!-- /made -->\nend:\n");
    }

    #[test]
    fn says_which_markers_are_missing() {
        for text in ["", "<!-- settings -->", "<!-- /settings --> <!-- settings -->"] {
            let error = replaced(text, "README.md", "settings", "").unwrap_err().to_string();
            assert!(error.starts_with("README.md lacks the lines <!-- settings -->"), "{error}");
        }
    }
}
