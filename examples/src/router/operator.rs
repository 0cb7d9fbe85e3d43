//! Who counts as an operator: whoever has the token of `[operator]`, and nobody where there is none.

use axum::http::{HeaderMap, StatusCode, header};
use openfactory_sn::Secret;

use super::core::Core;
use super::refusal::Refusal;

/// Whether a request comes from an operator.
///
/// # Errors
/// 403 where nobody may, 401 where this one may not.
pub(super) fn check(core: &Core, headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(token) = &core.operator_token else {
        let reason = "this router has no [operator] token_file";
        return Err(Refusal::new(StatusCode::FORBIDDEN, reason));
    };
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer ")).map(Secret::new);
    // Secrets are compared in constant time.
    if given.as_ref() != Some(token) {
        let reason = "send the operator's token: Authorization: Bearer";
        return Err(Refusal::new(StatusCode::UNAUTHORIZED, reason));
    }
    Ok(())
}
