use crate::failure::{Failure, Kind};

/// A question that AWS did not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OperatorError {
    /// Whoever runs this lacks a permission.
    #[error(
        "you may not {action} on {subject}; allow {action} to yourself, see docs/permissions.md ({detail})"
    )]
    Denied {
        /// The IAM action.
        action: &'static str,
        /// What it was about.
        subject: String,
        /// What AWS answered.
        detail: String,
    },
    /// There is no such thing in this account and Region.
    #[error("{subject} is not in this account and Region; check its name, --region and --profile ({detail})")]
    NotFound {
        /// The IAM action.
        action: &'static str,
        /// What it was about.
        subject: String,
        /// What AWS answered.
        detail: String,
    },
    /// No credentials, or no Region.
    #[error(
        "AWS was not asked: {detail}; name a profile by --profile or AWS_PROFILE and a Region by --region or AWS_REGION, and sign in"
    )]
    NotSignedIn {
        /// What is missing.
        detail: String,
    },
    /// Another error.
    #[error("{action} on {subject} failed: {detail}")]
    Other {
        /// The IAM action.
        action: &'static str,
        /// What it was about.
        subject: String,
        /// What AWS answered.
        detail: String,
    },
}

impl OperatorError {
    pub(super) fn of(action: &'static str, subject: &str, failure: Failure) -> Self {
        let Failure { kind, detail, .. } = failure;
        let subject = subject.to_owned();
        match kind {
            Kind::Denied => Self::Denied { action, subject, detail },
            Kind::NotFound => Self::NotFound { action, subject, detail },
            // The SDK refuses to send what it cannot sign or address.
            _ if failure.status.is_none() && names_sign_in(&detail) => Self::NotSignedIn { detail },
            _ => Self::Other { action, subject, detail },
        }
    }

    /// Whether there is no such thing.
    pub const fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// The permission that is missing, where that is why.
    pub const fn missing(&self) -> Option<&'static str> {
        match self {
            Self::Denied { action, .. } => Some(action),
            _ => None,
        }
    }
}

fn names_sign_in(detail: &str) -> bool {
    let detail = detail.to_ascii_lowercase();
    ["credential", "region", "sso", "profile"].iter().any(|word| detail.contains(word))
}
