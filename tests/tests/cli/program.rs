use std::fmt;
use std::process::{Command, Stdio};

use hopguard_tests::Cloud;
use serde_json::Value;
use tokio::task::spawn_blocking;

/// The program with the cloud's address, as a person's shell has an account's.
pub(crate) struct Program {
    variables: Vec<(&'static str, String)>,
}

/// What it said, and how it ended.
pub(crate) struct Said {
    pub(crate) exit: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Program {
    pub(crate) fn on(cloud: &Cloud) -> Self {
        Self {
            variables: vec![
                ("AWS_ENDPOINT_URL", cloud.endpoint()),
                ("AWS_REGION", Cloud::REGION.to_owned()),
                ("AWS_ACCESS_KEY_ID", "test".to_owned()),
                ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ],
        }
    }

    /// With credentials that somebody else gave.
    pub(crate) fn by(cloud: &Cloud, [key, secret, token]: [String; 3]) -> Self {
        Self {
            variables: vec![
                ("AWS_ENDPOINT_URL", cloud.endpoint()),
                ("AWS_REGION", Cloud::REGION.to_owned()),
                ("AWS_ACCESS_KEY_ID", key),
                ("AWS_SECRET_ACCESS_KEY", secret),
                ("AWS_SESSION_TOKEN", token),
            ],
        }
    }

    /// In a shell that knows of no account.
    pub(crate) fn signed_out() -> Self {
        Self { variables: vec![("AWS_EC2_METADATA_DISABLED", "true".to_owned())] }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    /// Runs it with nobody at the keyboard.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_command"));
        command.args(arguments).env_clear().stdin(Stdio::null());
        command.env("HOME", env!("CARGO_TARGET_TMPDIR"));
        command.envs(self.variables.iter().map(|(name, value)| (*name, value.as_str())));
        let output = spawn_blocking(move || command.output()).await.unwrap().unwrap();
        Said {
            exit: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs it for a machine, and reads its document.
    pub(crate) async fn json(&self, exit: i32, arguments: &[&str]) -> Value {
        let said = self.run(&[arguments, &["--output", "json"]].concat()).await;
        assert_eq!(said.exit, exit, "{said}");
        serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {said}"))
    }
}

impl Said {
    /// It ended so, and said all of these.
    #[track_caller]
    pub(crate) fn is(&self, exit: i32, words: &[&str]) {
        assert_eq!(self.exit, exit, "{self}");
        // Lines are broken where a terminal's end.
        let text = format!("{} {}", self.out, self.err);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for word in words {
            assert!(text.contains(word), "{word:?} is not in {self}");
        }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit {}\n{}\n{}", self.exit, self.out, self.err)
    }
}
