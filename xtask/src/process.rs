//! Running a command to its end.

use std::{
    io::{BufRead as _, BufReader, Read},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

/// How often a command with a time limit is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Runs it with this terminal, and fails where it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", shown(command)))?;
    if !status.success() {
        bail!("`{}` failed ({status})", shown(command));
    }
    Ok(())
}

/// Whether it starts and succeeds, without a word.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// Runs it, and returns what it wrote to its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot start {}", shown(command)))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`{}` failed ({}): {}", shown(command), output.status, said.trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{}` did not write text", shown(command)))
}

/// Runs it with this terminal until it ends, or ends it after `limit`.
pub(crate) fn run_within(command: &mut Command, limit: Duration) -> Result<()> {
    let mut child = command.spawn().with_context(|| format!("cannot start {}", shown(command)))?;
    let deadline = Instant::now() + limit;
    loop {
        match child.try_wait().context("cannot wait for a command")? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => bail!("`{}` failed ({status})", shown(command)),
            None if Instant::now() >= deadline => {
                child.kill().context("cannot end a command")?;
                child.wait().context("cannot wait for a command")?;
                bail!("`{}` took longer than {limit:?}", shown(command));
            }
            None => thread::sleep(LOOK),
        }
    }
}

/// Runs it, hands each line of both its outputs to `hear`, and fails where it fails.
pub(crate) fn listen(command: &mut Command, hear: impl Fn(Output, &str) + Sync) -> Result<()> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot start {}", shown(command)))?;
    let (output, errors) = (child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        scope.spawn(|| lines(output, |line| hear(Output::Standard, line)));
        lines(errors, |line| hear(Output::Error, line));
    });
    let status = child.wait().context("cannot wait for a command")?;
    if !status.success() {
        bail!("`{}` failed ({status})", shown(command));
    }
    Ok(())
}

/// Which of a command's outputs a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    Standard,
    Error,
}

fn lines(source: Option<impl Read>, hear: impl Fn(&str)) {
    let Some(source) = source else { return };
    let mut source = BufReader::new(source);
    let mut line = Vec::new();
    // What a test prints need not be UTF-8.
    while source.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
        hear(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']));
        line.clear();
    }
}

/// The command as one would type it.
fn shown(command: &Command) -> String {
    let program = command.get_program().to_string_lossy();
    let program = program.rsplit('/').next().unwrap_or_default().to_owned();
    let arguments = command.get_args().map(|argument| argument.to_string_lossy().into_owned());
    [program].into_iter().chain(arguments).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn shell(script: &str) -> Command {
        let mut shell = Command::new("sh");
        shell.args(["-c", script]);
        shell
    }

    #[test]
    fn a_failure_names_the_command() {
        let error = run(&mut shell("exit 3")).unwrap_err().to_string();
        assert_eq!(error, "`sh -c exit 3` failed (exit status: 3)");
    }

    #[test]
    fn both_outputs_are_heard() {
        let heard = Mutex::new(Vec::new());
        let hear = |output, line: &str| heard.lock().unwrap().push((output, line.to_owned()));
        listen(&mut shell("echo out; echo err >&2"), hear).unwrap();
        let mut heard = heard.into_inner().unwrap();
        heard.sort_by_key(|(_, line)| line.clone());
        assert_eq!(heard, [(Output::Error, "err".to_owned()), (Output::Standard, "out".to_owned())]);
    }

    #[test]
    fn a_limit_ends_a_command() {
        let error = run_within(&mut shell("exec sleep 60"), Duration::from_millis(100)).unwrap_err();
        assert_eq!(error.to_string(), "`sh -c exec sleep 60` took longer than 100ms");
    }
}
