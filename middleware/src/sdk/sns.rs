use aws_sdk_sns::operation::publish::PublishInput;
use aws_sdk_sns::operation::publish_batch::PublishBatchInput;
use aws_smithy_runtime_api::client::interceptors::context::Input;
use hopguard_core::event::Source;
use hopguard_core::propagator::Injected;

use crate::scope::Scope;
use crate::sdk::attributes::{attribute, bytes_left, message_size, write, write_batch};

attribute!(aws_sdk_sns);

pub(super) fn is_carrier(input: &Input) -> bool {
    input.downcast_ref::<PublishInput>().is_some() || input.downcast_ref::<PublishBatchInput>().is_some()
}

pub(super) fn inject(input: &mut Input, scope: &Scope, mut count: impl FnMut(Injected)) {
    if let Some(message) = input.downcast_mut::<PublishInput>() {
        if message.phone_number.is_some() {
            // A text message to a phone: nothing behind it could loop, and its attributes are AWS's own.
            return count(Injected::Unsupported);
        }
        let body = message.message.as_deref().unwrap_or_default();
        let bytes = bytes_left(message_size(body, message.message_attributes.as_ref()));
        let topic = message.topic_arn.as_deref().or(message.target_arn.as_deref());
        let sending = scope.send(Source::Sns, topic);
        count(write(&mut message.message_attributes, bytes, &sending));
    } else if let Some(batch) = input.downcast_mut::<PublishBatchInput>() {
        let entries = batch.publish_batch_request_entries.as_deref_mut().unwrap_or_default();
        let sizes =
            entries.iter().map(|entry| message_size(&entry.message, entry.message_attributes.as_ref()));
        let total = sizes.sum();
        let sendings = scope.send_batch(Source::Sns, batch.topic_arn.as_deref(), entries.len());
        let entries = entries.iter_mut().map(|entry| (entry.message.as_str(), &mut entry.message_attributes));
        write_batch(entries, total, sendings, count);
    }
}
