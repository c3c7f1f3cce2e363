//! Every kind of id, its prefix and its alphabet.
//!
//! An id is a prefix and 26 characters of Crockford's base 32: 48 bits of time in milliseconds and 80 random bits.
//! Ids of one kind sort by the time they were made. The alphabet has no `#`, the separator of keys.

use jiff::Timestamp;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const LENGTH: usize = 26;

/// The sortable part of an id.
pub fn sortable(at: Timestamp, random: u128) -> String {
    let millis = at.as_millisecond().max(0) as u128;
    let bits = (millis << 80) | (random & ((1 << 80) - 1));
    (0..LENGTH).rev().map(|place| ALPHABET[(bits >> (5 * place)) as usize & 31] as char).collect()
}

/// The time in the sortable part of an id.
fn time_of(sortable: &str) -> Timestamp {
    let digit = |byte: u8| ALPHABET.iter().position(|known| *known == byte).unwrap_or_default() as u128;
    let bits = sortable.bytes().fold(0u128, |bits, byte| (bits << 5) | digit(byte));
    Timestamp::from_millisecond((bits >> 80) as i64).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn is_sortable(text: &str) -> bool {
    text.len() == LENGTH && text.bytes().all(|b| ALPHABET.contains(&b))
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal, $what:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            pub const PREFIX: &'static str = $prefix;
            pub const WHAT: &'static str = $what;

            pub fn new(at: Timestamp, random: u128) -> Self {
                Self(format!("{}{}", $prefix, sortable(at, random)))
            }

            /// When the thing was made, to the millisecond.
            pub fn made_at(&self) -> Timestamp {
                time_of(&self.0[$prefix.len()..])
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                use utoipa::openapi::schema::{ObjectBuilder, Type};
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .description(Some(concat!("The id of ", $what)))
                    .pattern(Some(concat!("^", $prefix, "[0-9a-hjkmnp-tv-z]{26}$")))
                    .examples([concat!($prefix, "01k9zt3vw8fqj2m4x6c7b5n0ra")])
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}

        impl std::str::FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                match text.strip_prefix($prefix) {
                    Some(rest) if is_sortable(rest) => Ok(Self(text.to_owned())),
                    _ => Err(concat!("is not the id of ", $what, " (", $prefix, "…)").to_owned()),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*

        /// Every prefix with what it names.
        pub const KINDS: &[(&str, &str)] = &[$(($prefix, $what)),*];
    };
}

ids! {
    OrganizationId = "org_", "an organisation";
    UserId = "usr_", "a person";
    SessionId = "ses_", "a session";
    PasskeyId = "psk_", "a passkey";
    ProviderId = "idp_", "a provider of sign-in";
    InvitationId = "inv_", "an invitation";
    DepartmentId = "dep_", "a department";
    TeamId = "tem_", "a team";
    GoalId = "gol_", "a goal";
    RoleId = "rol_", "a role";
    GroupId = "grp_", "a group";
    ApiKeyId = "key_", "an API key";
    WebhookId = "whk_", "a webhook";
    DeliveryId = "dlv_", "a delivery";
    ProjectId = "prj_", "a project";
    TaskId = "tsk_", "a task";
    CommentId = "cmt_", "a comment";
    FileId = "fil_", "a file";
    PictureId = "pic_", "a picture";
    ConversationId = "cnv_", "a conversation";
    MessageId = "msg_", "a message";
    ClientId = "cli_", "a client";
    InvoiceId = "ivc_", "an invoice";
    NotificationId = "ntf_", "a notification";
    TimerId = "tmr_", "a timer";
    ChangeId = "chg_", "a change";
    OperatorId = "opr_", "an operator";
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_id_reads_back_as_itself_and_sorts_by_time(a in 0i64..4_000_000_000_000, b in 0i64..4_000_000_000_000, random: u128) {
            let make = |millis| TaskId::new(Timestamp::from_millisecond(millis).unwrap(), random);
            prop_assert_eq!(make(a).to_string().parse::<TaskId>().unwrap(), make(a));
            prop_assert_eq!(make(a).cmp(&make(b)), a.cmp(&b));
            prop_assert_eq!(make(a).made_at().as_millisecond(), a);
        }

        #[test]
        fn nothing_but_an_id_is_an_id(text in ".{0,40}") {
            let parsed = text.parse::<TaskId>();
            prop_assert!(parsed.is_err() || !text.contains('#'));
        }
    }

    #[test]
    fn no_two_kinds_share_a_prefix() {
        let mut prefixes: Vec<_> = KINDS.iter().map(|(prefix, _)| prefix).collect();
        prefixes.sort();
        prefixes.dedup();
        assert_eq!(prefixes.len(), KINDS.len());
    }
}
