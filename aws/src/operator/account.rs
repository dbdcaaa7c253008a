use super::{Operator, OperatorError};

const GET: &str = "lambda:GetAccountSettings";
/// What Lambda keeps unreserved in every account.
pub(super) const UNRESERVED: u32 = 100;

impl Operator {
    /// How much concurrency may still be reserved in this account and Region.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn reservable(&self) -> Result<u32, OperatorError> {
        let lambda = self.clients.lambda().await;
        let call = || lambda.get_account_settings().send();
        let answer = self.ask(GET, "the account", call).await?;
        let left = answer.account_limit.and_then(|limit| limit.unreserved_concurrent_executions);
        Ok(left.and_then(|left| u32::try_from(left).ok()).unwrap_or_default().saturating_sub(UNRESERVED))
    }
}
