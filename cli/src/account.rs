use clap::{Args, ValueEnum};
use hopguard_aws::operator::Operator;

/// Which account and Region is asked, and in which form the answer is told.
#[derive(Clone, Debug, Default, Args)]
pub struct AccountArgs {
    /// The Region [default: as the AWS CLI finds it: AWS_REGION, AWS_DEFAULT_REGION, the profile]
    #[arg(long, value_name = "REGION", help_heading = "AWS")]
    pub region: Option<String>,

    /// The profile of ~/.aws/config [default: AWS_PROFILE, else what the environment has]
    #[arg(long, value_name = "NAME", help_heading = "AWS")]
    pub profile: Option<String>,

    /// The form of the answer
    #[arg(long, value_enum, value_name = "FORM", default_value_t)]
    pub output: Output,
}

/// The forms of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[non_exhaustive]
pub enum Output {
    /// For people
    #[default]
    Text,
    /// For machines: fields as docs/cli.md lists them
    Json,
}

impl AccountArgs {
    /// Finds credentials and Region.
    pub(crate) async fn connect(&self) -> Operator {
        Operator::connect(self.region.clone(), self.profile.clone()).await
    }

    pub(crate) fn is_json(&self) -> bool {
        self.output == Output::Json
    }
}
