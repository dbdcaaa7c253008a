//! A bucket on the cloud, and whom its events reach.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context as _, Result};
use aws_sdk_s3::{
    primitives::ByteStream,
    types::{
        BucketVersioningStatus, Event, EventBridgeConfiguration, FilterRule, FilterRuleName,
        LambdaFunctionConfiguration, NotificationConfiguration, NotificationConfigurationFilter,
        QueueConfiguration, S3KeyFilter, TopicConfiguration, VersioningConfiguration,
    },
};

use crate::{cloud::Cloud, target::Target};

/// A bucket. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Bucket {
    s3: aws_sdk_s3::Client,
    name: String,
    // S3 replaces the whole configuration at each call, so the bucket has to remember it.
    wiring: Arc<Mutex<Wiring>>,
}

#[derive(Debug, Clone, Default)]
struct Wiring {
    notified: Vec<Notified>,
    event_bridge: bool,
}

#[derive(Debug, Clone)]
struct Notified {
    target: Target,
    event: Event,
    prefix: String,
}

impl Bucket {
    pub(crate) async fn create(cloud: &Cloud, name: &str) -> Result<Self> {
        let s3 = cloud.s3();
        s3.create_bucket()
            .bucket(name)
            .send()
            .await
            .with_context(|| format!("cannot create bucket {name}"))?;
        Ok(Self { s3: s3.clone(), name: name.to_owned(), wiring: Arc::default() })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Tells `target` of each object that is created with a key that starts with `prefix`, which may be empty. A queue
    /// and a topic get an `s3:TestEvent` at once, at this call and at each later one for the same bucket.
    ///
    /// # Errors
    /// What S3 answers.
    pub async fn notify(&self, target: impl Into<Target>, prefix: &str) -> Result<()> {
        self.notify_of(Event::S3ObjectCreated, target, prefix).await
    }

    /// As [`Bucket::notify`], for another event, for example [`Event::S3ObjectRemoved`].
    ///
    /// # Errors
    /// What S3 answers.
    pub async fn notify_of(&self, event: Event, target: impl Into<Target>, prefix: &str) -> Result<()> {
        let added = Notified { target: target.into(), event, prefix: prefix.to_owned() };
        self.wire(|wiring| wiring.notified.push(added)).await
    }

    /// Tells EventBridge of every event.
    ///
    /// # Errors
    /// What S3 answers.
    pub async fn notify_event_bridge(&self) -> Result<()> {
        self.wire(|wiring| wiring.event_bridge = true).await
    }

    /// Keeps the versions of its objects from now on.
    ///
    /// # Errors
    /// What S3 answers.
    pub async fn keep_versions(&self) -> Result<()> {
        let versions = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        let call = self.s3.put_bucket_versioning().bucket(&self.name).versioning_configuration(versions);
        call.send().await.with_context(|| format!("cannot keep versions in {}", self.name))?;
        Ok(())
    }

    /// Writes an object with user metadata.
    ///
    /// # Errors
    /// What S3 answers.
    pub async fn put(&self, key: &str, body: &[u8], metadata: &[(&str, &str)]) -> Result<()> {
        let metadata = metadata.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let call = self.s3.put_object().bucket(&self.name).key(key).body(ByteStream::from(body.to_vec()));
        call.set_metadata(Some(metadata.collect()))
            .send()
            .await
            .with_context(|| format!("cannot write {key} in {}", self.name))?;
        Ok(())
    }

    /// The user metadata of an object.
    ///
    /// # Errors
    /// What S3 answers.
    pub async fn metadata(&self, key: &str) -> Result<HashMap<String, String>> {
        let head = self.s3.head_object().bucket(&self.name).key(key).send().await;
        Ok(head
            .with_context(|| format!("cannot look at {key} in {}", self.name))?
            .metadata
            .unwrap_or_default())
    }

    /// The keys of up to 1,000 objects.
    ///
    /// # Errors
    /// What S3 answers.
    pub async fn keys(&self) -> Result<Vec<String>> {
        let listed = self.s3.list_objects_v2().bucket(&self.name).send().await;
        let listed = listed.with_context(|| format!("cannot list {}", self.name))?;
        Ok(listed.contents.unwrap_or_default().into_iter().filter_map(|object| object.key).collect())
    }

    async fn wire(&self, change: impl FnOnce(&mut Wiring)) -> Result<()> {
        let wiring = {
            let mut wiring = self.wiring.lock().unwrap_or_else(PoisonError::into_inner);
            change(&mut wiring);
            wiring.clone()
        };
        let call = self.s3.put_bucket_notification_configuration().bucket(&self.name);
        call.notification_configuration(wiring.configuration()?)
            .send()
            .await
            .with_context(|| format!("cannot set the notifications of {}", self.name))?;
        Ok(())
    }
}

impl Wiring {
    fn configuration(&self) -> Result<NotificationConfiguration> {
        let mut configuration = NotificationConfiguration::builder();
        if self.event_bridge {
            configuration =
                configuration.event_bridge_configuration(EventBridgeConfiguration::builder().build());
        }
        for Notified { target, event, prefix } in &self.notified {
            let rule = FilterRule::builder().name(FilterRuleName::Prefix).value(prefix).build();
            let filter = NotificationConfigurationFilter::builder()
                .key(S3KeyFilter::builder().filter_rules(rule).build())
                .build();
            let event = event.clone();
            configuration = match target {
                Target::Function(arn) => configuration.lambda_function_configurations(
                    LambdaFunctionConfiguration::builder()
                        .lambda_function_arn(arn)
                        .events(event)
                        .filter(filter)
                        .build()?,
                ),
                Target::Queue(arn) => configuration.queue_configurations(
                    QueueConfiguration::builder().queue_arn(arn).events(event).filter(filter).build()?,
                ),
                Target::Topic(arn) => configuration.topic_configurations(
                    TopicConfiguration::builder().topic_arn(arn).events(event).filter(filter).build()?,
                ),
            };
        }
        Ok(configuration.build())
    }
}
