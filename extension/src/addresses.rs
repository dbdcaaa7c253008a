use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Where the wrapper looks.
const FOLDER: &str = "/tmp/hopguard";

/// Where the parts of the layer listen, as the wrapper reads it before the runtime starts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Addresses {
    /// The Runtime API proxy.
    pub proxy: Option<SocketAddr>,
    /// Where injectors send their reports, UDP.
    pub reports: Option<SocketAddr>,
    /// The OTLP receiver.
    pub otlp: Option<SocketAddr>,
}

impl Addresses {
    /// Writes them to `/tmp/hopguard/addresses`, whole or not at all.
    ///
    /// # Errors
    /// Where the file cannot be written: the function then runs without the proxy.
    pub fn publish(&self) -> io::Result<PathBuf> {
        self.publish_in(Path::new(FOLDER))
    }

    fn publish_in(&self, folder: &Path) -> io::Result<PathBuf> {
        let mut text = String::new();
        for (name, address) in [("proxy", self.proxy), ("reports", self.reports), ("otlp", self.otlp)] {
            if let Some(address) = address {
                let _ = writeln!(text, "{name} {address}");
            }
        }
        fs::create_dir_all(folder)?;
        let (draft, file) = (folder.join("addresses.new"), folder.join("addresses"));
        fs::write(&draft, text)?;
        fs::rename(draft, &file)?;
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_listens_has_a_line() {
        let folder = std::env::temp_dir().join(format!("hopguard-addresses-{}", std::process::id()));
        let proxy = SocketAddr::from(([127, 0, 0, 1], 4000));
        let addresses = Addresses { proxy: Some(proxy), ..Addresses::default() };
        let file = addresses.publish_in(&folder).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "proxy 127.0.0.1:4000\n");
        fs::remove_dir_all(folder).unwrap();
    }
}
