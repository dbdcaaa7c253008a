use aws_sdk_sqs::operation::send_message::SendMessageInput;
use aws_sdk_sqs::operation::send_message_batch::SendMessageBatchInput;
use aws_smithy_runtime_api::client::interceptors::context::Input;
use hopguard_core::event::Source;
use hopguard_core::propagator::Injected;

use crate::scope::Scope;
use crate::sdk::attributes::{attribute, bytes_left, message_size, write, write_batch};

attribute!(aws_sdk_sqs);

pub(super) fn is_carrier(input: &Input) -> bool {
    input.downcast_ref::<SendMessageInput>().is_some()
        || input.downcast_ref::<SendMessageBatchInput>().is_some()
}

pub(super) fn inject(input: &mut Input, scope: &Scope, mut count: impl FnMut(Injected)) {
    if let Some(message) = input.downcast_mut::<SendMessageInput>() {
        let body = message.message_body.as_deref().unwrap_or_default();
        let bytes = bytes_left(message_size(body, message.message_attributes.as_ref()));
        let sending = scope.send(Source::Sqs, message.queue_url.as_deref());
        count(write(&mut message.message_attributes, bytes, &sending));
    } else if let Some(batch) = input.downcast_mut::<SendMessageBatchInput>() {
        let entries = batch.entries.as_deref_mut().unwrap_or_default();
        let sizes =
            entries.iter().map(|entry| message_size(&entry.message_body, entry.message_attributes.as_ref()));
        let total = sizes.sum();
        let sendings = scope.send_batch(Source::Sqs, batch.queue_url.as_deref(), entries.len());
        let entries =
            entries.iter_mut().map(|entry| (entry.message_body.as_str(), &mut entry.message_attributes));
        write_batch(entries, total, sendings, count);
    }
}
