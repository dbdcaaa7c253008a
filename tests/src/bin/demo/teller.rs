//! Where the story goes: text for people, JSON for machines.

use std::io::{self, IsTerminal as _, Write as _};

use anyhow::Result;

use crate::{event::Event, paint::Paint, text};

/// Takes the current line off a terminal.
const CLEAR: &str = "\r\x1b[K";

/// Writes events to standard output, and what is under way to a terminal on standard error.
#[derive(Debug)]
pub(crate) struct Teller {
    form: Form,
    /// Whether somebody sees what is under way.
    watched: bool,
    /// Whether a line of that stands on the terminal now.
    under_way: bool,
}

#[derive(Debug, Clone, Copy)]
enum Form {
    Text(Paint),
    Json,
}

impl Teller {
    /// Text of up to 80 columns.
    pub(crate) fn text() -> Self {
        Self::new(Form::Text(Paint::of(&io::stdout())))
    }

    /// One JSON object a line.
    pub(crate) fn json() -> Self {
        Self::new(Form::Json)
    }

    fn new(form: Form) -> Self {
        Self { form, watched: io::stderr().is_terminal(), under_way: false }
    }

    /// Tells an event.
    pub(crate) fn tell(&mut self, event: &Event) -> Result<()> {
        self.clear();
        let mut output = io::stdout().lock();
        match self.form {
            Form::Text(paint) => {
                text::lines(event, paint).iter().try_for_each(|line| writeln!(output, "{line}"))?;
            }
            Form::Json => writeln!(output, "{}", serde_json::to_string(event)?)?,
        }
        // A pipe is buffered, and its reader wants to see hops as they happen.
        output.flush()?;
        Ok(())
    }

    /// Shows what takes a moment, until the next event.
    pub(crate) fn wait_for(&mut self, what: &str) {
        if self.watched {
            self.clear();
            eprint!("   {what} …");
            self.under_way = true;
        }
    }

    /// Tells what is installed the first time, whatever the form: it is no part of the story.
    pub(crate) fn progress(&self) -> impl Fn(&str) + Send + Sync + use<> {
        let clear = if self.watched { CLEAR } else { "" };
        move |line| eprintln!("{clear}   {line}")
    }

    /// Takes that off the terminal again.
    fn clear(&mut self) {
        if std::mem::take(&mut self.under_way) {
            eprint!("{CLEAR}");
        }
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        self.clear();
    }
}
