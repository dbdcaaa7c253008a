//! A slice of a processor, as Lambda gives it to a function by its memory.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// 128 MB of 1,769 MB, which have one core: 1.44 ms in 20 ms.
const FILES: [(&str, &[(&str, &str)]); 2] = [
    ("/sys/fs/cgroup/cpu", &[("cpu.cfs_period_us", "20000"), ("cpu.cfs_quota_us", "1440")]),
    ("/sys/fs/cgroup", &[("cpu.max", "1440 20000")]),
];

/// A shell's rounds of counting down that take about as long as one period's share.
const ROUNDS: u32 = 6_000;

/// A control group of 72 thousandths of a core. It has to be empty when this value goes.
#[derive(Debug)]
pub(crate) struct Quota {
    folder: PathBuf,
    /// How many starts took part.
    taken: Cell<u32>,
    /// Over how many starts the work before them is spread.
    starts: u32,
}

impl Quota {
    /// `None` where this machine has no such groups, or not for us.
    pub(crate) fn new(name: &str, starts: u32) -> Option<Self> {
        FILES.into_iter().find_map(|(root, files)| {
            let folder = Path::new(root).join(format!("hopguard-bench-{name}-{}", std::process::id()));
            fs::create_dir(&folder).ok()?;
            let this = Self { folder, taken: Cell::new(0), starts };
            files.iter().all(|(file, value)| fs::write(this.folder.join(file), value).is_ok()).then_some(this)
        })
    }

    /// Takes a process in, and says how much it is to work before it starts: between nothing and a period's share, so that where in
    /// a period it starts is spread evenly. What fits into one share would else seem to take no time at all.
    pub(crate) fn take(&self, process: u32) -> Result<u32> {
        let procs = self.folder.join("cgroup.procs");
        fs::write(procs, process.to_string()).context("no place in the control group")?;
        let nth = self.taken.replace(self.taken.get() + 1);
        Ok(nth % self.starts * ROUNDS / self.starts)
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.folder);
    }
}
