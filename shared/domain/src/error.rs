//! What can go wrong, in the words of the product; transport and status codes are decided elsewhere.

use crate::{Timestamp, policy::Grant};
use std::error::Error as StdError;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// One field that is wrong, by JSON pointer.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Fault {
    /// JSON pointer into the request's body, or the name of a query parameter.
    #[schema(example = "/title")]
    pub field: String,
    #[schema(example = "is empty")]
    pub message: String,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("a valid token is needed")]
    Unauthenticated,
    #[error("email or password is wrong")]
    WrongCredentials,
    /// The password is right, and a code is asked for; the challenge goes with it.
    #[error("a code is needed: send it with the challenge to /api/v1/auth/login/second-factor")]
    SecondFactorRequired { challenge: String, ends_at: Timestamp },
    #[error("the code is wrong or was used, or the login took too long and has to begin anew")]
    WrongCode,
    #[error("the passkey is none of ours, or the login took too long and has to begin anew")]
    WrongPasskey,
    #[error("a second factor is asked for: set one up, or log in with it")]
    SecondFactorNeeded,
    /// Of an operator, who gives it with the password.
    #[error("a code is needed: send it with email and password")]
    CodeRequired,
    #[error("your organisation asks you to sign in through its identity provider")]
    SingleSignOnNeeded,
    /// A session that an organisation's provider opened is for that organisation alone.
    #[error("this is about your account, and your organisation signed you in: log in yourself")]
    OwnLoginNeeded,
    /// A sign-in through a provider; no more is told than helps whoever tries.
    #[error("{0}")]
    SignInFailed(&'static str),
    /// Why not, in words that tell nothing the caller may not see.
    #[error("{0}")]
    Forbidden(String),
    #[error("a key cannot do this; log in")]
    PeopleOnly,
    #[error("only a key can do this")]
    KeysOnly,
    /// The platform's operators hold the organisation, for this reason.
    #[error("the organisation is suspended and can change nothing: {0}")]
    Suspended(String),
    #[error("{0}")]
    QuotaExceeded(String),
    #[error("there is no such {0}")]
    NotFound(&'static str),
    #[error("the request is not valid")]
    Invalid(Vec<Fault>),
    #[error("{0}")]
    Malformed(String),
    #[error("the cursor is not one of this list")]
    BadCursor,
    #[error("the body has more than {0} bytes")]
    TooLarge(usize),
    #[error("the body must be {0}")]
    UnsupportedMedia(&'static str),
    #[error("this path does not take that method")]
    MethodNotAllowed,
    /// Somebody changed the record in between; it now has this version.
    #[error("the record has changed since it was read")]
    Stale { kind: &'static str, present: u64 },
    #[error("{0}")]
    Conflict(String),
    /// What is wrong with a request of SCIM, in its own words.
    #[error("{detail}")]
    Scim { kind: crate::scim::FaultKind, detail: String },
    #[error("a task cannot go from {from} to {to}")]
    IllegalMove { from: String, to: String, allowed: Vec<String> },
    #[error("this Idempotency-Key was used with another request")]
    KeyReused,
    #[error("too many requests; try again in {seconds} s")]
    TooMany { seconds: u32 },
    #[error("the service is busy; try again")]
    Busy(#[source] Box<dyn StdError + Send + Sync>),
    #[error("something went wrong here")]
    Internal(#[source] Box<dyn StdError + Send + Sync>),
}

impl Error {
    pub fn internal(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }

    pub fn forbidden(why: impl Into<String>) -> Self {
        Self::Forbidden(why.into())
    }

    /// What is asked for needs a permission that the caller has not.
    pub fn needs(grant: Grant) -> Self {
        Self::Forbidden(format!("this needs the permission {grant}, which you do not have"))
    }

    pub fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![Fault { field: field.to_owned(), message: message.into() }])
    }
}
