//! Coming in, staying, leaving ([`SessionApi`]), and what somebody does with their own secrets ([`CredentialsApi`]). What
//! is true and what is refused is decided in [`crate::auth`]; here it is read from requests and written into answers.

pub(crate) mod credentials;
mod documents;
pub(crate) mod forgotten;
pub(crate) mod operations;
#[cfg(test)]
mod tests;

use poem::Request;
use poem::http::header;

pub use self::credentials::CredentialsApi;
pub use self::forgotten::ForgottenPasswordsApi;
pub use self::operations::SessionApi;
use accounts::account_events::Origin;
use accounts::sessions::ClientPlace;
use frame::client_address::ClientAddress;
use frame::request_id::RequestId;

/// Where a request comes from.
pub(super) fn origin(request: &Request) -> Origin {
    let user_agent = request.headers().get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    Origin {
        client: ClientPlace { address: ClientAddress::of(request), user_agent: user_agent.map(str::to_owned) },
        request_id: RequestId::of_request(request).map(str::to_owned),
    }
}
