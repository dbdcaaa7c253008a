//! The order of scenes.

use anyhow::Result;

use crate::{
    event::Event,
    message_loop, object_loop, on_call,
    stage::{MAX_VISITS, Stage},
    teller::Teller,
    unguarded, waits,
};

/// Tells it all, and returns how many checks were not met.
pub(crate) async fn tell(teller: &mut Teller) -> Result<usize> {
    teller.tell(&Event::Opening { max_visits: MAX_VISITS })?;
    teller.wait_for("starting a Lambda cloud on this machine");
    let mut stage = Stage::set(teller).await?;
    let guarded = message_loop::play(&mut stage).await?;
    object_loop::play(&mut stage).await?;
    on_call::play(&mut stage).await?;
    // Nothing of the guarded loops is to run beside the unguarded one.
    stage.cloud.reset().await?;
    unguarded::play(&mut stage, &guarded).await?;
    stage.cloud.reset().await?;
    waits::play(&mut stage).await?;
    let (checks, unmet) = stage.checks();
    stage.teller.tell(&Event::Closing { checks, unmet })?;
    Ok(unmet)
}
