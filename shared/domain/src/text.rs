//! Text from outside, checked once where it enters.

mod check;
mod fold;

pub use fold::{folded, folded_words, words};

use check::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident($check:path) { $($schema:tt)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schema(value_type = String, $($schema)*)]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                $check(text).map(Self)
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                text.to_owned().try_into()
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> String {
                text.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

texts! {
    /// A name or a title: one line of up to 200 characters.
    Line(line) { min_length = 1, max_length = 200, example = "Spring campaign" }
    /// Markdown of up to 10,000 characters, possibly empty.
    Markdown(markdown) { max_length = 10_000, example = "Paint the **fence**." }
    /// What somebody says in a conversation: 1 to 8,000 characters.
    Utterance(utterance) { min_length = 1, max_length = 8_000, example = "Lunch?" }
    /// A postal address, one part a line, up to 500 characters.
    Address(address) { min_length = 1, max_length = 500, example = "1 Mill Lane\nOxford OX1 1AA\nUnited Kingdom" }
    /// An email address, kept in lower case.
    Email(email) { max_length = 254, format = "email", example = "mia@example.com" }
    /// What somebody or an organisation is called: one line that leads nowhere, because it stands in mails to people who know neither.
    Name(name) { min_length = 1, max_length = 200, example = "Mia Chen" }
    /// A phone number as people write it.
    Phone(phone) { min_length = 5, max_length = 30, example = "+44 20 7946 0000" }
    /// A label of up to 40 characters.
    Label(label) { min_length = 1, max_length = 40, example = "garden" }
    /// The name of a file without any folder, up to 200 characters.
    FileName(file_name) { min_length = 1, max_length = 200, example = "plan.pdf" }
    /// An address of the web, up to 2,000 characters.
    Url(url) { max_length = 2_000, format = "uri", example = "https://hooks.example.com/office" }
    /// What a webhook hears: one event, such as `task.moved`; all of a kind, such as `task.*`; or all, `*`. Events are client:
    /// created, edited; comment: written; department: created, edited, deleted; file: announced, stored; group: created, edited,
    /// deleted; invitation: requested, sent, accepted, revoked; invoice: drafted, issued, printed; member: joined, edited,
    /// deactivated, reactivated, removed, provisioned, accepted, followed; project: created, edited, status_changed; role: created,
    /// edited, deleted; task: created, edited, moved, deleted; team: created, edited, deleted.
    Event(event) { max_length = 80, example = "task.*" }
    /// An IANA time zone.
    Zone(zone) { max_length = 64, example = "Europe/London" }
    /// The part of an address after the `@`; in any script, and kept as it is looked up.
    Domain(domain) { max_length = 253, example = "example.com" }
    /// A colour that can be read on white, as `#` and six digits.
    Colour(colour) { pattern = "^#[0-9a-fA-F]{6}$", example = "#12505b" }
    /// A language and region as BCP 47 names them.
    Locale(locale) { max_length = 35, example = "en-GB" }
}

impl From<Name> for Line {
    fn from(name: Name) -> Self {
        Self(name.0)
    }
}

/// A password as it was typed; it is never printed, stored or sent.
#[derive(Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, format = Password, min_length = 10, max_length = 128, example = "correct horse battery")]
pub struct Password(String);

impl Password {
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

impl TryFrom<String> for Password {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let count = text.chars().count();
        if count < crate::limits::PASSWORD_LEAST {
            return Err(format!("has fewer than {} characters", crate::limits::PASSWORD_LEAST));
        }
        if count > crate::limits::PASSWORD_MOST {
            return Err(format!("has more than {} characters", crate::limits::PASSWORD_MOST));
        }
        Ok(Self(text))
    }
}

/// What a provider of sign-in knows us by; it is never printed, and stored only sealed.
#[derive(Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, format = Password, min_length = 1, max_length = 1_000)]
pub struct ClientSecret(String);

impl ClientSecret {
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientSecret(…)")
    }
}

impl TryFrom<String> for ClientSecret {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        one_line(text, 1_000).map(Self)
    }
}

impl Default for Locale {
    fn default() -> Self {
        Self("en".to_owned())
    }
}

impl Markdown {
    pub fn none() -> Self {
        Self(String::new())
    }
}

impl Event {
    /// What it is about, unless it is all that is told.
    pub fn kind(&self) -> Option<&str> {
        self.0.split_once('.').map(|(kind, _)| kind)
    }

    /// Whether this action is one of those it names.
    pub fn covers(&self, action: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(beginning) => action.starts_with(beginning) && crate::webhook::is_told(action),
            None => self.0 == action,
        }
    }
}

impl Zone {
    pub fn time_zone(&self) -> jiff::tz::TimeZone {
        jiff::tz::TimeZone::get(&self.0).unwrap_or(jiff::tz::TimeZone::UTC)
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self("Etc/UTC".to_owned())
    }
}

/// Tells `null` from absent.
pub(crate) fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(from: D) -> std::result::Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// What is absent stays, and what is there cannot be taken away: `null` is refused as nothing of its kind.
pub(crate) fn given<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(from: D) -> std::result::Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_kept_in_lower_case() {
        assert_eq!("Mia@Example.COM".parse::<Email>().unwrap().as_str(), "mia@example.com");
    }

    #[test]
    fn a_password_is_never_printed() {
        let password: Password = "correct horse".to_owned().try_into().unwrap();
        assert_eq!(format!("{password:?}"), "Password(…)");
    }
}
