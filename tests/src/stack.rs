//! A CloudFormation stack on the cloud.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, Result, bail};

use crate::{cloud::Cloud, eventually::eventually, http};

/// How long a stack may take; ministack takes a second or two.
const WAIT: Duration = Duration::from_secs(60);

/// A stack that was created, from [`Cloud::stack`].
#[derive(Debug)]
pub struct Stack {
    port: u16,
    name: String,
    outputs: BTreeMap<String, String>,
}

impl Stack {
    pub(crate) async fn create(
        cloud: &Cloud,
        name: &str,
        template: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Self> {
        let port = cloud.port();
        let mut form = vec![
            ("Action".to_owned(), "CreateStack".to_owned()),
            ("StackName".to_owned(), name.to_owned()),
            ("TemplateBody".to_owned(), template.to_owned()),
            ("Capabilities.member.1".to_owned(), "CAPABILITY_NAMED_IAM".to_owned()),
        ];
        for (nth, (key, value)) in parameters.iter().enumerate() {
            let member = format!("Parameters.member.{}", nth + 1);
            form.push((format!("{member}.ParameterKey"), (*key).to_owned()));
            form.push((format!("{member}.ParameterValue"), (*value).to_owned()));
        }
        ask(port, &form).await.with_context(|| format!("cannot create stack {name}"))?;
        let what = format!("stack {name}");
        let described = eventually(&what, WAIT, async || {
            let answer = of_stack(port, "DescribeStacks", name).await?;
            let status = texts(&answer, "StackStatus").into_iter().next().unwrap_or_default();
            Ok((!status.ends_with("_IN_PROGRESS")).then_some((status, answer)))
        });
        let (status, answer) = described.await?;
        if status != "CREATE_COMPLETE" {
            let events = of_stack(port, "DescribeStackEvents", name).await?;
            bail!("stack {name} is {status}: {}", texts(&events, "ResourceStatusReason").join("; "));
        }
        let outputs = texts(&answer, "OutputKey").into_iter().zip(texts(&answer, "OutputValue")).collect();
        Ok(Self { port, name: name.to_owned(), outputs })
    }

    /// The value of an output.
    ///
    /// # Errors
    /// Where the template has no such output.
    pub fn output(&self, name: &str) -> Result<&str> {
        let value = self.outputs.get(name).map(String::as_str);
        value.with_context(|| format!("stack {} has no output {name}: {:?}", self.name, self.outputs))
    }

    /// The types of its resources, sorted.
    ///
    /// # Errors
    /// What CloudFormation answers.
    pub async fn resource_types(&self) -> Result<Vec<String>> {
        let answer = of_stack(self.port, "DescribeStackResources", &self.name).await?;
        let mut types = texts(&answer, "ResourceType");
        types.sort_unstable();
        Ok(types)
    }
}

async fn of_stack(port: u16, action: &str, name: &str) -> Result<String> {
    let form =
        [("Action", action), ("StackName", name)].map(|(key, value)| (key.to_owned(), value.to_owned()));
    ask(port, &form).await
}

async fn ask(port: u16, form: &[(String, String)]) -> Result<String> {
    http::query(port, "cloudformation", "2010-05-15", form).await
}

/// The texts of all elements with this name, in their order.
fn texts(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let element = |rest: &str| rest.split_once(&close).map(|(text, _)| unescaped(text));
    xml.split(&open).skip(1).filter_map(element).collect()
}

fn unescaped(text: &str) -> String {
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    entities.iter().fold(text.to_owned(), |text, (entity, character)| text.replace(entity, character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_elements_are_found_in_their_order() {
        let xml = "<a><k>one</k><v>1 &amp; 2</v></a><a><k>two</k><v>&lt;b&gt;</v></a><k/>";
        assert_eq!(texts(xml, "k"), ["one", "two"]);
        assert_eq!(texts(xml, "v"), ["1 & 2", "<b>"]);
    }
}
