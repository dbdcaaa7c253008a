use hopguard_core::Reason;
use lambda_runtime::Diagnostic;

/// The `errorType` of an invocation that failed because records of it were blocked.
pub const BLOCKED: &str = "hopguard::Blocked";

/// Records were blocked and went back to their source, which takes no partial answer.
pub(crate) fn blocked(records: usize, reason: Reason) -> Diagnostic {
    let error_message = format!("hopguard blocked {records} of this invocation's records: {reason}");
    Diagnostic { error_type: BLOCKED.to_owned(), error_message }
}

/// The event is not what the handler takes: type and message are those of `lambda_runtime` without a guard.
pub(crate) fn payload(error: &serde_path_to_error::Error<serde_json::Error>) -> Diagnostic {
    let path = error.path().to_string();
    let at = if path == "." { String::new() } else { format!("[{path}] ") };
    Diagnostic {
        // As it is there: the name of a reference to the error.
        error_type: "&lambda_runtime::deserializer::DeserializeError".to_owned(),
        error_message: format!(
            "failed to deserialize the incoming data into the function's payload type: {at}{error}\n"
        ),
    }
}
