use aws_sdk_lambda::types::RecursiveLoop;

use super::{Operator, OperatorError};

const GET: &str = "lambda:GetFunctionRecursionConfig";

impl Operator {
    /// Whether AWS's own detection stops loops of the function, at about 16 visits.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn aws_stops_loops(&self, arn: &str) -> Result<bool, OperatorError> {
        let lambda = self.clients.lambda().await;
        let call = || lambda.get_function_recursion_config().function_name(arn).send();
        let answer = self.ask(GET, hopguard_core::function_name(arn), call).await?;
        // It is the default where nothing was chosen.
        Ok(answer.recursive_loop != Some(RecursiveLoop::Allow))
    }
}
