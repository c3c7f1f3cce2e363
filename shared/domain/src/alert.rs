//! What a person is told by mail because it touches how they sign in.

use crate::{account::Session, commit::Change};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alert {
    PasswordChanged,
    /// Told to the address that the account has, if it was proved.
    EmailAsked,
    /// Told to the address that the account had before, if it was proved.
    EmailChanged,
    SecondFactorOn,
    SecondFactorOff,
    /// Somebody who manages members took it away.
    SecondFactorLifted,
    RecoveryCodeUsed,
    RecoveryCodesRenewed,
    PasskeyAdded,
    PasskeyRemoved,
    NewDevice,
    /// Somebody has a copy of what keeps a session going, and it was ended.
    TokenCopied,
    /// An organisation's provider signs a person in from now on.
    SignInLinked,
    /// For the owners: whom a provider of their organisation names is let in there.
    ProviderAdded,
    ProviderEdited,
    ProviderRemoved,
}

impl Alert {
    /// What a change may ask to be told; whether a sign-in was from a new device is seen from the sessions.
    pub fn of(change: &Change) -> Option<Self> {
        Some(match change.action.as_str() {
            "profile.password_changed" | "profile.password_reset" => Self::PasswordChanged,
            "profile.email_asked" => Self::EmailAsked,
            "profile.email_changed" => Self::EmailChanged,
            "second_factor.switched_on" => Self::SecondFactorOn,
            "second_factor.switched_off" => Self::SecondFactorOff,
            "second_factor.lifted" => Self::SecondFactorLifted,
            "second_factor.recovery_code_used" => Self::RecoveryCodeUsed,
            "second_factor.recovery_codes_renewed" => Self::RecoveryCodesRenewed,
            "passkey.added" => Self::PasskeyAdded,
            "passkey.removed" => Self::PasskeyRemoved,
            "session.opened" => Self::NewDevice,
            "session.reused_token" => Self::TokenCopied,
            "sign_in_link.made" => Self::SignInLinked,
            "provider.added" => Self::ProviderAdded,
            "provider.edited" => Self::ProviderEdited,
            "provider.removed" => Self::ProviderRemoved,
            _ => return None,
        })
    }

    /// Whether it is about how an organisation's members sign in, and not about one person.
    pub fn is_for_owners(self) -> bool {
        matches!(self, Self::ProviderAdded | Self::ProviderEdited | Self::ProviderRemoved)
    }

    /// Whether somebody else may have done it, of whose device the person is told nothing.
    pub fn is_of_others(self) -> bool {
        self == Self::SecondFactorLifted || self.is_for_owners()
    }
}

/// Whether a session comes from a device or a network that none of those before it came from. The first of all is no news.
pub fn is_from_new_device(session: &Session, sessions: &[Session]) -> bool {
    let earlier = || sessions.iter().filter(|other| other.id < session.id);
    let device = device(&session.device);
    let network = network(&session.address);
    let known =
        earlier().any(|other| self::device(&other.device) == device) && earlier().any(|other| self::network(&other.address) == network);
    earlier().next().is_some() && !known
}

/// A device by what it calls itself, without the numbers: an update makes no new device.
fn device(name: &str) -> String {
    name.chars().filter(|c| !c.is_ascii_digit() && !matches!(c, '.' | '_')).collect()
}

/// The neighbourhood of an address: providers give their customers another one of it now and then.
fn network(address: &str) -> String {
    match address.parse() {
        Ok(std::net::IpAddr::V4(v4)) => format!("{:?}", &v4.octets()[..2]),
        Ok(std::net::IpAddr::V6(v6)) => format!("{:?}", &v6.segments()[..2]),
        Err(_) => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Timestamp,
        account::{Login, somebody},
        id::*,
    };

    fn session(number: i64, device: &str, address: &str) -> Session {
        let at = Timestamp::from_second(1_000_000 + number).unwrap();
        let login = Login {
            id: SessionId::new(at, 1),
            place: &somebody(at),
            device: device.to_owned(),
            address: address.to_owned(),
            refresh_hash: String::new(),
            credentials: 1,
            second_factor: false,
            through: None,
        };
        Session::open(login, at).0
    }

    #[test]
    fn only_what_is_new_is_news() {
        let known = [session(1, "Firefox/150.0 (Linux)", "203.0.113.7"), session(2, "Safari/26 (Mac)", "2001:db8:1::1")];
        for (device, address, new) in [
            ("Firefox/151.2 (Linux)", "203.0.9.9", false),
            ("Safari/26 (Mac)", "203.0.113.7", false),
            ("Safari/26 (Mac)", "2001:db8:2::9", false),
            ("Chrome/140 (Windows)", "203.0.113.7", true),
            ("Firefox/150.0 (Linux)", "198.51.100.1", true),
        ] {
            assert_eq!(is_from_new_device(&session(3, device, address), &known), new, "{device} {address}");
        }
        assert!(!is_from_new_device(&known[0], &known), "the first of all");
    }
}
