use serde::{Deserialize, Serialize};

/// The answer to a batch: the records that have to be delivered again. Empty, it acknowledges all of them.
///
/// Lambda reads it only where the event source mapping has `FunctionResponseTypes: [ReportBatchItemFailures]`; without that it
/// is ignored **and the failed messages are deleted**. Such a function returns [`BatchAnswer::into_result`] instead.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchAnswer {
    /// The records that failed, in the order of the batch.
    pub batch_item_failures: Vec<ItemFailure>,
}

/// One record that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemFailure {
    /// Its message id. Empty for a record that names none, which makes Lambda deliver the whole batch again.
    pub item_identifier: String,
}

/// Some records of a batch failed, so that all of it has to be delivered again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{failed} records of the batch failed")]
pub struct BatchError {
    /// How many.
    pub failed: usize,
}

impl BatchAnswer {
    /// For event source mappings without ReportBatchItemFailures: an error where any record failed.
    ///
    /// # Errors
    /// [`BatchError`] where any record failed.
    pub fn into_result(self) -> Result<(), BatchError> {
        match self.batch_item_failures.len() {
            0 => Ok(()),
            failed => Err(BatchError { failed }),
        }
    }
}
