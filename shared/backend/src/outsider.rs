//! The door of those who are to be operators, or to sign in as one. Only the platform function takes it.

use crate::{
    Backend,
    door::{App, Refusal},
    guesses::{Guesses, OPERATOR_PASSWORDS},
    keys, password,
    platform::room,
    room::Room,
    secrets::sha256,
    table::Table,
    tokens,
    visitor::{Visitor, count_in_hour},
    web::Answer,
};
use axum::extract::FromRequestParts;
use domain::{
    Error, Result, Timestamp,
    commit::{Actor, Commit, Origin},
    id::OperatorId,
    limits,
    password::NewPassword,
    platform::{OperatorAccount, OperatorCredentials, OperatorSession, Roster},
    second_factor::OperatorFactor,
    text::Email,
};
use http::request::Parts;

/// Somebody without an operator's token: a visitor, for whom there is nothing of any organisation.
pub struct Outsider(Visitor);

impl FromRequestParts<App> for Outsider {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        Visitor::from_request_parts(parts, app).await.map(Self)
    }
}

impl Outsider {
    pub fn now(&self) -> Timestamp {
        self.0.now
    }

    pub fn random(&self) -> u128 {
        self.0.random()
    }

    pub fn origin(&self) -> &Origin {
        self.0.origin()
    }

    pub(crate) fn backend(&self) -> &Backend {
        &self.0.backend
    }

    pub(crate) fn table(&self) -> &Table {
        &self.backend().0.own.table
    }

    /// Everybody who runs the platform; none before the first was made.
    pub async fn roster(&self) -> Result<Option<Roster>> {
        self.table().get(keys::roster()).await
    }

    pub async fn credentials(&self, operator: &OperatorId) -> Result<Option<OperatorCredentials>> {
        self.table().get(keys::operator_credentials(operator)).await
    }

    pub async fn second_factor(&self, operator: &OperatorId) -> Result<Option<OperatorFactor>> {
        self.table().get(keys::operator_factor(operator)).await
    }

    /// Whether this is the setup token of the secrets; refuses whoever has tried too often in this hour.
    pub async fn is_setup_token(&self, token: &str) -> Result<bool> {
        count_in_hour(self.backend(), self.now(), "SETUP", &self.origin().address, limits::SETUPS).await?;
        Ok(self.backend().0.secrets().await?.is_setup_token(token))
    }

    /// Whether this is the operator's password; refuses whoever has guessed too often in this minute, by account or by address.
    pub async fn is_password(&self, email: &Email, guess: &str, kept: Option<&OperatorCredentials>) -> Result<bool> {
        let (table, address) = (self.table(), self.origin().address.as_str());
        let (who, hash) = (sha256(email.as_str().as_bytes()), kept.map(|kept| kept.password_hash.as_str()));
        let guesses = Guesses { table, of: &OPERATOR_PASSWORDS, who, address, now: self.now() };
        Ok(guesses.check(async { Ok(password::verify(guess, hash).await?.then_some(())) }).await?.is_some())
    }

    /// A password that was just found right, hashed as passwords are now, if it was hashed at a lower cost.
    pub async fn hash_anew(&self, right: &str, kept: &OperatorCredentials) -> Result<Option<String>> {
        password::hash_anew(right, &kept.password_hash, &self.backend().0.entropy).await
    }

    pub async fn hash(&self, password: &NewPassword) -> Result<String> {
        password::hash(password, &self.backend().0.entropy).await
    }

    pub async fn access_token(&self, session: &OperatorSession) -> Result<String> {
        tokens::issue_to_operator(&*self.backend().0.secrets().await?, session)
    }

    /// The invitation a link stands for: `None` for anything that is not a link of ours.
    pub async fn read_operator_link(&self, link: &str) -> Result<Option<(OperatorId, Email)>> {
        let Some([operator, email]) = self.backend().read_link("operator", link).await? else { return Ok(None) };
        Ok(operator.parse().ok().zip(email.parse().ok()))
    }

    fn room(&self, operator: &OperatorAccount) -> Room {
        room(self.backend(), Actor::operator(&operator.id, &operator.name), self.origin().clone(), self.0.claim.clone())
    }

    /// Stores in the name of the operator who just became one, or proved to be.
    pub async fn commit(&self, operator: &OperatorAccount, commit: Commit) -> Result<()> {
        self.room(operator).execute(commit, None).await.map(drop)
    }

    pub async fn answer(&self, operator: &OperatorAccount, commit: Commit, answer: Answer) -> Result<Answer> {
        self.room(operator).execute(commit, Some(answer)).await?.ok_or_else(|| Error::internal("an answer was lost on its way"))
    }
}
