//! The least that an extension on the `lambda-extension` crate does: it registers, asks for events, and ends.

use std::convert::Infallible;

use lambda_extension::{Error, Extension, LambdaEvent, NextEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let events = service_fn(|event: LambdaEvent| async move {
        if let NextEvent::Shutdown(_) = event.next {
            // The crate's own loop never ends.
            std::process::exit(0);
        }
        Ok::<_, Infallible>(())
    });
    Extension::new().with_events_processor(events).run().await
}
