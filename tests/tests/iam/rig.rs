//! A function on a cloud that authorises, whose role has the shipped policies and what its own work needs.

use anyhow::Result;
use hopguard_tests::{Cloud, Queue};
use serde_json::{Value, json};

use crate::bed::Bed;
use crate::policy::{self, BUCKET, filled};

/// Its own work: it takes messages from one queue and sends to the same, and writes objects. No part of `deploy/iam`.
fn own_work(queue: &Queue) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Resource": queue.arn(),
            "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:SendMessage"] },
        { "Effect": "Allow", "Resource": format!("arn:aws:s3:::{BUCKET}/*"), "Action": "s3:PutObject" },
    ]})
}

/// The bed, the queue that the function works on, and its role.
pub(crate) struct Rig {
    pub(crate) bed: Bed,
    pub(crate) queue: Queue,
    pub(crate) role: String,
}

impl Rig {
    /// The role has all of `files`, but for the actions of `missing`, each of which one of them must have.
    pub(crate) async fn start(files: &[&str], missing: &[&str]) -> Result<Self> {
        let bed = Bed::on(Cloud::builder().authorise(true).start().await?).await?;
        let queue = bed.cloud.queue("work").create().await?;
        let mut policies = vec![("own-work", own_work(&queue))];
        let mut taken = 0;
        for file in files {
            let mut left = Some(filled(file));
            for action in missing {
                if let Some(policy) = left.as_ref().filter(|policy| policy::actions(policy).contains(*action))
                {
                    left = policy::without(policy, action);
                    taken += 1;
                }
            }
            policies.extend(left.map(|policy| (*file, policy)));
        }
        assert_eq!(taken, missing.len(), "{missing:?} are actions of {files:?}");
        let role = bed.cloud.role_with("worker", &policies).await?;
        Ok(Self { bed, queue, role })
    }
}
