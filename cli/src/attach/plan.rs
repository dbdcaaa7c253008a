use std::collections::BTreeMap;

use hopguard_aws::operator::{Change, Function};
use hopguard_core::Settings;
use hopguard_core::settings::PREFIX;

use crate::attachment::{EXEC_WRAPPER, NEXT_WRAPPER, WRAPPER, is_layer, is_managed};

/// Layers that one function may have.
const MAX_LAYERS: usize = 5;
/// What Lambda lets all environment variables of a function take together.
const MAX_ENVIRONMENT_BYTES: usize = 4096;

/// How a function's configuration changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The configuration afterwards; `None` where it is so already.
    pub(crate) change: Option<Change>,
    /// What changes, a line each.
    pub(crate) steps: Vec<String>,
    /// What somebody should know.
    pub(crate) warnings: Vec<String>,
}

/// Why the layer cannot be attached.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(
        "it is a container image, which takes no layers: copy the layer's files into the image, docs/layer.md says how"
    )]
    Image,
    #[error("it has {MAX_LAYERS} layers already, which is Lambda's limit")]
    TooManyLayers,
    #[error("its architecture is {function}, the layer's is {layer}: attach a layer for {function}")]
    Architecture { function: String, layer: String },
    #[error("its environment variables cannot be read, so that they would be lost: {0}")]
    Unreadable(String),
    #[error("its environment variables would take {0} bytes, and Lambda allows {MAX_ENVIRONMENT_BYTES}")]
    EnvironmentTooLarge(usize),
    #[error("{0}")]
    Setting(String),
}

/// How the layer is attached to a function. `settings` are `HOPGUARD_` variables to set.
pub(crate) fn attach(
    function: &Function,
    layer: &str,
    architectures: &[String],
    settings: &BTreeMap<String, String>,
) -> Result<Plan, Refusal> {
    let Some(runtime) = &function.runtime else { return Err(Refusal::Image) };
    if !architectures.is_empty() && !architectures.contains(&function.architecture) {
        return Err(Refusal::Architecture {
            function: function.architecture.clone(),
            layer: architectures.join(", "),
        });
    }
    readable(function)?;
    let mut plan = Plan::default();
    let mut layers = function.layers.clone();
    let full = layers.len() >= MAX_LAYERS;
    match layers.iter_mut().find(|arn| is_layer(arn)) {
        Some(known) if known != layer => {
            plan.steps.push(format!("layer {known} becomes {layer}"));
            layer.clone_into(known);
        }
        Some(_) => {}
        None if full => return Err(Refusal::TooManyLayers),
        None => {
            plan.steps.push(format!("layer {layer} is added"));
            layers.push(layer.to_owned());
        }
    }
    let mut environment = function.environment.clone();
    if is_managed(runtime) {
        wrap(&mut environment);
    } else {
        plan.warnings.push(format!(
            "Lambda starts {runtime} without a wrapper: the layer observes and guards nothing by itself; wrap the handler with the crate hopguard"
        ));
    }
    environment.extend(settings.clone());
    plan.finish(function, layers, environment)
}

/// How the layer is taken off a function again.
pub(crate) fn detach(function: &Function) -> Result<Plan, Refusal> {
    readable(function)?;
    let mut plan = Plan::default();
    let (ours, layers): (Vec<_>, Vec<_>) = function.layers.iter().cloned().partition(|arn| is_layer(arn));
    plan.steps.extend(ours.iter().map(|arn| format!("layer {arn} is removed")));
    let mut environment = function.environment.clone();
    if environment.get(EXEC_WRAPPER).is_some_and(|wrapper| wrapper == WRAPPER) {
        match environment.get(NEXT_WRAPPER).cloned() {
            Some(next) => environment.insert(EXEC_WRAPPER.to_owned(), next),
            None => environment.remove(EXEC_WRAPPER),
        };
    }
    environment.retain(|name, _| !name.starts_with(PREFIX));
    plan.finish(function, layers, environment)
}

/// Puts our wrapper before one that is there.
fn wrap(environment: &mut BTreeMap<String, String>) {
    let before = environment.insert(EXEC_WRAPPER.to_owned(), WRAPPER.to_owned());
    if let Some(other) = before.filter(|other| other != WRAPPER && !other.is_empty()) {
        environment.insert(NEXT_WRAPPER.to_owned(), other);
    }
}

fn readable(function: &Function) -> Result<(), Refusal> {
    match &function.environment_error {
        Some(error) => Err(Refusal::Unreadable(error.clone())),
        None => Ok(()),
    }
}

impl Plan {
    fn finish(
        mut self,
        function: &Function,
        layers: Vec<String>,
        environment: BTreeMap<String, String>,
    ) -> Result<Self, Refusal> {
        let bytes = environment.iter().map(|(name, value)| name.len() + value.len()).sum();
        if bytes > MAX_ENVIRONMENT_BYTES {
            return Err(Refusal::EnvironmentTooLarge(bytes));
        }
        let (_, errors) = Settings::read(&environment);
        if !errors.is_empty() {
            let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
            return Err(Refusal::Setting(errors.join("; ")));
        }
        self.steps.extend(differences(&function.environment, &environment));
        if layers != function.layers || environment != function.environment {
            self.change = Some(Change::new(layers, environment));
        }
        Ok(self)
    }
}

/// What changes among the variables; the values of hopguard's own and of the wrapper are shown, and a signing key's is not.
fn differences(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    let shown = |name: &str, value: &str| {
        if name.contains("KEY") { format!("{name}=…") } else { format!("{name}={value}") }
    };
    let mut lines: Vec<String> = after
        .iter()
        .filter_map(|(name, value)| match before.get(name) {
            None => Some(format!("{} is set", shown(name, value))),
            Some(old) if old != value => {
                Some(format!("{} is set; it was {}", shown(name, value), shown(name, old)))
            }
            Some(_) => None,
        })
        .collect();
    lines.extend(
        before.keys().filter(|name| !after.contains_key(*name)).map(|name| format!("{name} is removed")),
    );
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "arn:aws:lambda:us-east-1:123456789012:layer:hopguard:2";

    fn function(layers: &[&str], variables: &[(&str, &str)]) -> Function {
        let mut function = Function::default();
        function.name = "orders".to_owned();
        function.runtime = Some("python3.13".to_owned());
        function.architecture = "x86_64".to_owned();
        function.layers = layers.iter().map(ToString::to_string).collect();
        function.environment =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        function
    }

    fn attached(function: &Function, settings: &[(&str, &str)]) -> Result<Plan, Refusal> {
        let settings =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        attach(function, OURS, &["x86_64".to_owned()], &settings)
    }

    fn after(function: &Function, change: &Change) -> Function {
        let mut after = function.clone();
        after.layers.clone_from(&change.layers);
        after.environment.clone_from(&change.environment);
        after
    }

    #[test]
    fn what_was_there_stays_and_comes_back() {
        let cases: [(&str, Function); 4] = [
            ("nothing", function(&[], &[])),
            ("variables", function(&[], &[("TABLE", "orders")])),
            ("layers", function(&["arn:aws:lambda:us-east-1:1:layer:numpy:1"], &[("TABLE", "orders")])),
            ("another wrapper", function(&[], &[(EXEC_WRAPPER, "/opt/other/wrap")])),
        ];
        for (name, before) in cases {
            let plan = attached(&before, &[("HOPGUARD_MAX_VISITS", "5")]).unwrap();
            let change = plan.change.unwrap();
            assert_eq!(change.layers.last().unwrap(), OURS, "{name}");
            assert_eq!(change.environment[EXEC_WRAPPER], WRAPPER, "{name}");
            for (variable, value) in
                before.environment.iter().filter(|(variable, _)| *variable != EXEC_WRAPPER)
            {
                assert_eq!(&change.environment[variable], value, "{name}");
            }
            let attached_now = after(&before, &change);
            let again = attached(&attached_now, &[]).unwrap();
            assert_eq!((again.change, again.steps), (None, vec![]), "{name}: again");
            let back = detach(&attached_now).unwrap().change.unwrap();
            assert_eq!(after(&attached_now, &back), before, "{name}: there and back");
            assert_eq!(detach(&before).unwrap(), Plan::default(), "{name}: nothing to take off");
        }
    }

    #[test]
    fn each_change_is_said_and_no_key_is_shown() {
        let before = function(
            &["arn:aws:lambda:us-east-1:123456789012:layer:hopguard:1"],
            &[("HOPGUARD_MAX_VISITS", "10"), (EXEC_WRAPPER, WRAPPER)],
        );
        let plan =
            attached(&before, &[("HOPGUARD_MAX_VISITS", "5"), ("HOPGUARD_SIGNING_KEY", "0123456789abcdef")])
                .unwrap();
        assert_eq!(
            plan.steps,
            [
                format!("layer arn:aws:lambda:us-east-1:123456789012:layer:hopguard:1 becomes {OURS}"),
                "HOPGUARD_MAX_VISITS=5 is set; it was HOPGUARD_MAX_VISITS=10".to_owned(),
                "HOPGUARD_SIGNING_KEY=… is set".to_owned(),
            ]
        );
    }

    #[test]
    fn what_cannot_be_attached_is_refused_with_a_reason() {
        let with = |change: fn(&mut Function)| {
            let mut function = function(&[], &[]);
            change(&mut function);
            function
        };
        let image = with(|function| function.runtime = None);
        let full = function(&["a"; 5], &[]);
        let arm = with(|function| "arm64".clone_into(&mut function.architecture));
        let locked = with(|function| function.environment_error = Some("KMS".to_owned()));
        let large = function(&[], &[("A", &"x".repeat(4090))]);
        type Case<'c> = (Function, &'c [(&'c str, &'c str)], &'c str);
        let cases: [Case<'_>; 6] = [
            (image, &[], "container image"),
            (full, &[], "5 layers"),
            (arm, &[], "arm64"),
            (locked, &[], "KMS"),
            (large, &[], "4096"),
            (function(&[], &[]), &[("HOPGUARD_MAX_VISITS", "ten")], "write for example"),
        ];
        for (function, settings, expected) in cases {
            let refusal = attached(&function, settings).unwrap_err().to_string();
            assert!(refusal.contains(expected), "{refusal}");
        }
        let provided = with(|function| function.runtime = Some("provided.al2023".to_owned()));
        let plan = attached(&provided, &[]).unwrap();
        assert!(
            plan.warnings[0].contains("crate")
                && !plan.change.unwrap().environment.contains_key(EXEC_WRAPPER)
        );
    }
}
