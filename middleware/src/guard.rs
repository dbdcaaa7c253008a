use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use hopguard_core::settings::SettingError;
use hopguard_core::{Counters, Settings};

use crate::guarded::Guarded;
use crate::handover::Handover;
use crate::reports::ADDRESSES;
use crate::shared::{Layer, Shared};

/// The guard of one function: wraps its handler, gives its SDK clients their propagator, runs its batches record by record.
///
/// Cheap to clone; all clones are one guard. Make it once, at init: it opens no connection and calls nobody until a record
/// is blocked or an object has to be looked up.
#[derive(Clone)]
pub struct Guard(Arc<Shared>);

impl Guard {
    /// A guard with the settings of the environment (`HOPGUARD_…`).
    ///
    /// A wrong setting is logged at the first invocation as an error that says what to write, and its default is used: a typo must not take
    /// production down. [`Guard::builder`] is strict.
    ///
    /// ```no_run
    /// use lambda_runtime::{Error, LambdaEvent, service_fn};
    /// use serde_json::Value;
    ///
    /// #[tokio::main]
    /// async fn main() -> Result<(), Error> {
    ///     let guard = hopguard::Guard::from_env();
    ///     guard.run(service_fn(handler)).await
    /// }
    ///
    /// async fn handler(event: LambdaEvent<Value>) -> Result<(), Error> {
    ///     Ok(())
    /// }
    /// ```
    pub fn from_env() -> Self {
        // Not `vars()`, which panics where a variable that is not even ours is no Unicode.
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            name.starts_with(hopguard_core::settings::PREFIX)
                .then(|| (name, value.to_string_lossy().into_owned()))
        });
        let (settings, errors) = Settings::read(variables);
        let layer = Layer::Announced(ADDRESSES);
        Builder { wrong: errors, layer, ..Builder::default().settings(settings) }.build()
    }

    /// A guard with chosen settings.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Guards a handler: any that `lambda_runtime::run` takes, with any event and response type, buffered or streaming.
    ///
    /// Each invocation's event is read for lineage before the handler gets it. The handler gets the event unchanged, without the
    /// records that are blocked. While it runs, every send of a client with [`Guard::propagator`] takes the lineage along.
    ///
    /// For handlers that something else runs or wraps once more; [`Guard::run`] does the same faster.
    pub fn wrap<H, T, R, B, S>(&self, handler: H) -> Guarded<H, T, R, B, S> {
        self.0.wrapped();
        Guarded::new(Arc::clone(&self.0), handler)
    }

    /// The interceptor for an SDK client: it writes lineage into its calls, and makes a span of each.
    pub fn propagator(&self) -> crate::Propagator {
        crate::Propagator::new(Arc::clone(&self.0))
    }

    /// Where events wait between the runtime's edge and the wrapped handler.
    pub(crate) fn handover(&self) -> &Arc<Handover> {
        &self.0.handover
    }

    /// Exports by this from now on; `false` where it does already.
    #[cfg(feature = "otlp")]
    pub(crate) fn export(&self, exporting: Arc<crate::otlp::Exporting>) -> bool {
        self.0.exporting.set(exporting).is_ok()
    }

    #[cfg(feature = "otlp")]
    pub(crate) fn shared_counters(&self) -> Arc<Counters> {
        Arc::clone(&self.0.counters)
    }

    /// Whether the layer's extension is there, and told of all that is counted.
    #[cfg(feature = "otlp")]
    pub(crate) fn tells_the_layer(&self) -> bool {
        self.0.reports().is_some()
    }

    /// What this guard has counted since it was made.
    pub fn counters(&self) -> &Counters {
        &self.0.counters
    }

    /// The settings in force.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }
}

impl Default for Guard {
    /// A guard with the default settings, whatever the environment says.
    fn default() -> Self {
        Builder::default().build()
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}

/// Makes a [`Guard`] with chosen settings.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    settings: Settings,
    wrong: Vec<SettingError>,
    layer: Layer,
    #[cfg(feature = "aws")]
    config: Option<aws_types::SdkConfig>,
}

impl Builder {
    /// Takes settings as they are.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Reads settings from `HOPGUARD_…` variables.
    ///
    /// # Errors
    /// All that is wrong with them, together.
    pub fn variables<N: AsRef<str>, V: AsRef<str>>(
        mut self,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, Vec<SettingError>> {
        let (settings, errors) = Settings::read(variables);
        if !errors.is_empty() {
            return Err(errors);
        }
        self.settings = settings;
        Ok(self)
    }

    /// Tells the layer's extension, which listens here (UDP), of invocations and calls. [`Guard::from_env`] looks for it by itself.
    #[must_use]
    pub fn reports_to(mut self, address: SocketAddr) -> Self {
        self.layer = Layer::At(address);
        self
    }

    /// The configuration of the calls that the guard itself makes. Without it, the environment's is loaded at the first call.
    #[cfg(feature = "aws")]
    #[must_use]
    pub fn sdk_config(mut self, config: aws_types::SdkConfig) -> Self {
        self.config = Some(config);
        self
    }

    /// The guard.
    pub fn build(self) -> Guard {
        #[cfg(feature = "aws")]
        let clients = self.config.map_or_else(hopguard_aws::Clients::new, hopguard_aws::Clients::from_config);
        Guard(Arc::new(Shared::new(
            self.settings,
            self.wrong,
            self.layer,
            #[cfg(feature = "aws")]
            clients,
        )))
    }
}
