use domain::{
    Error, Result, Timestamp,
    account::User,
    alert::Alert,
    invitation::Invitation,
    notification::{Notification, Reason},
    organization::Organization,
    platform::OperatorInvitation,
    policy::Role,
    removal::RemovalPlan,
    tenant::Suspension,
    text::{Email, Zone},
};
use mail_builder::MessageBuilder;

/// What a mail says, before it becomes text and HTML.
pub struct Letter {
    pub to: Email,
    pub subject: String,
    pub greeting: String,
    pub paragraphs: Vec<String>,
    /// What to click, and what it says.
    pub link: Option<(String, String)>,
    pub closing: String,
}

impl Letter {
    pub fn welcome(user: &User, organization: &Organization, link: String) -> Self {
        Self {
            to: user.email.clone(),
            subject: format!("Welcome to Office Copilot, {}", organization.name),
            greeting: format!("Hello {},", user.name),
            paragraphs: vec![
                format!("{} is set up, with its first departments and a channel for everybody.", organization.name),
                "Please confirm that this address is yours, with the password you signed up with. The link is good for a day.".to_owned(),
            ],
            link: Some((link, "Confirm this address".to_owned())),
            closing: "If you did not sign up, you need do nothing.".to_owned(),
        }
    }

    pub fn confirmation(user: &User, email: &Email, link: String) -> Self {
        let (subject, greeting, please, closing) = if *email == user.email {
            (
                "Confirm your address for Office Copilot",
                format!("Hello {},", user.name),
                "Please confirm that this address is yours, with the password you signed up with. The link is good for a day.",
                "If you have no account with this address, you need do nothing.",
            )
        } else {
            (
                "Confirm your new address for Office Copilot",
                // Whose the address is, is not known yet
                "Hello,".to_owned(),
                "Somebody, most likely you, asked to use this address for their account from now on. Please confirm that it is yours, \
                 with the password of the account. The link is good for a day. Until then the account keeps the address it has.",
                "If you did not ask, you need do nothing.",
            )
        };
        Self {
            to: email.clone(),
            subject: subject.to_owned(),
            greeting,
            paragraphs: vec![please.to_owned()],
            link: Some((link, "Confirm this address".to_owned())),
            closing: closing.to_owned(),
        }
    }

    /// To an address that somebody asked to use and that has an account already.
    pub fn taken(email: &Email) -> Self {
        Self {
            to: email.clone(),
            subject: "This address has an account on Office Copilot".to_owned(),
            greeting: "Hello,".to_owned(),
            paragraphs: vec![
                "Somebody asked to use this address for another account. It has an account already, so nothing was changed.".to_owned(),
                "If it was you, log in with this address; if you have forgotten its password, ask for a new one.".to_owned(),
            ],
            link: None,
            closing: "If it was not you, you need do nothing.".to_owned(),
        }
    }

    pub fn reset(user: &User, link: String) -> Self {
        Self {
            to: user.email.clone(),
            subject: "A new password for Office Copilot".to_owned(),
            greeting: format!("Hello {},", user.name),
            paragraphs: vec![
                "Somebody, most likely you, asked for a new password for your account.".to_owned(),
                "The link works once, within an hour. With the new password you are logged out on every device.".to_owned(),
            ],
            link: Some((link, "Choose a new password".to_owned())),
            closing: "If you did not ask, you need do nothing: your password stays as it is.".to_owned(),
        }
    }

    /// The zone of somebody who has no account is not known: times are the organisation's.
    pub fn invitation(invitation: &Invitation, zone: &Zone, link: String) -> Self {
        let until = invitation.expires_at.to_zoned(zone.time_zone()).strftime("%-d %B %Y, %H:%M %Z");
        let role = match invitation.role {
            Role::Owner => "an owner",
            Role::Admin => "an administrator",
            Role::Manager => "a manager",
            Role::Accountant => "an accountant",
            Role::Member => "a member",
            Role::Guest => "a guest, who sees what they are let into",
        };
        let (inviter, organization) = (&invitation.inviter, &invitation.organization_name);
        let (subject, about) = match invitation.invited_by {
            Some(_) => (
                format!("{inviter} invites you to {organization}"),
                format!("{inviter} invites you to {organization} on Office Copilot, as {role}."),
            ),
            None if invitation.is_to_own() => (
                format!("{organization} is ready for you"),
                format!("{organization} was set up on Office Copilot, and you are invited to own it."),
            ),
            None => (
                format!("Join {organization}"),
                format!("Somebody, most likely you, asked with this address to join {organization} on Office Copilot."),
            ),
        };
        Self {
            to: invitation.email.clone(),
            subject,
            greeting: "Hello,".to_owned(),
            paragraphs: vec![about, format!("The link works once, until {until}, for {}.", invitation.email)],
            link: Some((link, format!("Join {}", invitation.organization_name))),
            closing: "If you do not know the sender, you need do nothing.".to_owned(),
        }
    }

    pub fn alert(user: &User, alert: Alert, house: &str, at: Timestamp, by: &str, address: &str, device: &str) -> Self {
        let (subject, what, closing) = match alert {
            Alert::PasswordChanged => (
                "Your password was changed",
                "The password of your account was changed, and your other sessions were ended.".to_owned(),
                "If it was not you, choose a new password at once by “forgotten password”.",
            ),
            Alert::EmailAsked => (
                "Another address was asked for",
                "Somebody, most likely you, asked with the password of your account to use another address for it. It changes when the link of the mail that went there is followed; until then you can take it back."
                    .to_owned(),
                "If it was not you, choose a new password at once by “forgotten password”. The link asks for the password, and leads nowhere then.",
            ),
            Alert::EmailChanged => (
                "Your address was changed",
                "Your account has another address now: that one logs you in, and mails go there. This one does not any more.".to_owned(),
                "If it was not you, tell the administrator of your organisation at once.",
            ),
            Alert::SecondFactorOn => (
                "Your second factor is on",
                "From now on a login asks for a code of your authenticator app. Keep the recovery codes where you find them without it."
                    .to_owned(),
                "If it was not you, choose a new password at once by “forgotten password”, and ask your administrator for help.",
            ),
            Alert::SecondFactorOff => (
                "Your second factor is off",
                "A login asks for your password only, and no code any more.".to_owned(),
                "If it was not you, choose a new password at once by “forgotten password”, and set the second factor up again.",
            ),
            Alert::SecondFactorLifted => (
                "Your second factor was taken away",
                format!(
                    "{by} took the second factor from your account, and you were logged out everywhere. Log in with your password, and set it up again."
                ),
                "If you did not ask for it, tell your administrator.",
            ),
            Alert::RecoveryCodeUsed => (
                "A recovery code was used",
                "Somebody, most likely you, logged in to your account with a recovery code. It is good no more.".to_owned(),
                "If it was not you, choose a new password at once by “forgotten password”, and get new recovery codes.",
            ),
            Alert::RecoveryCodesRenewed => (
                "You have new recovery codes",
                "New recovery codes were made for your account. Those before are good no more.".to_owned(),
                "If it was not you, choose a new password at once by “forgotten password”, and get new recovery codes.",
            ),
            Alert::PasskeyAdded => (
                "You have a new passkey",
                "A passkey was added to your account. It logs in without a password.".to_owned(),
                "If it was not you, remove it, and choose a new password at once by “forgotten password”.",
            ),
            Alert::PasskeyRemoved => (
                "A passkey was removed",
                "A passkey was removed from your account. It logs in no more.".to_owned(),
                "If it was not you, choose a new password at once by “forgotten password”.",
            ),
            Alert::NewDevice => (
                "A login from a new device",
                "Somebody, most likely you, logged in to your account from a device or a place that was not seen before.".to_owned(),
                "If it was not you, end the session, and choose a new password at once by “forgotten password”.",
            ),
            Alert::TokenCopied => (
                "A session was ended to protect you",
                "A token that keeps one of your sessions going came once more after it had been used. Somebody has a copy of it, so that session was ended. Your other sessions go on."
                    .to_owned(),
                "If you know of no copy, choose a new password at once by “forgotten password”. That ends every session.",
            ),
            Alert::SignInLinked => (
                "You sign in through your organisation",
                format!(
                    "{house} signed you in through its identity provider for the first time. That opens {house} and nothing else: not your account, and no other organisation."
                ),
                "If it was not you, tell the administrator of the organisation.",
            ),
            Alert::ProviderAdded => (
                "An identity provider was connected",
                format!(
                    "{by} connected an identity provider to {house}. Once it is switched on, whomever it names as a member is let in there."
                ),
                "You are told because you own the organisation. If this should not be, remove the provider.",
            ),
            Alert::ProviderEdited => (
                "An identity provider was changed",
                format!("{by} changed an identity provider of {house}. The trail says what it was before and after."),
                "You are told because you own the organisation. If this should not be, switch the provider off or remove it.",
            ),
            Alert::ProviderRemoved => (
                "An identity provider was removed",
                format!("{by} removed an identity provider of {house}. Nobody signs in through it any more, and its sessions have ended."),
                "You are told because you own the organisation.",
            ),
        };
        let when = at.to_zoned(user.zone.time_zone()).strftime("%-d %B %Y, %H:%M %Z").to_string();
        // Of somebody else's device nothing is told
        let from = [device, address].into_iter().filter(|part| !part.is_empty() && !alert.is_of_others());
        let facts = [when.as_str()].into_iter().chain(from).collect::<Vec<_>>().join(" · ");
        Self {
            to: user.email.clone(),
            subject: subject.to_owned(),
            greeting: format!("Hello {},", user.name),
            paragraphs: vec![what, facts],
            link: None,
            closing: closing.to_owned(),
        }
    }

    pub fn operator(invited: &OperatorInvitation, link: String) -> Self {
        let until = invited.expires_at.to_zoned(jiff::tz::TimeZone::UTC).strftime("%-d %B %Y, %H:%M UTC");
        Self {
            to: invited.email.clone(),
            subject: format!("{} invites you to run Office Copilot", invited.inviter),
            greeting: "Hello,".to_owned(),
            paragraphs: vec![
                format!("{} invites you to be an operator of this installation of Office Copilot.", invited.inviter),
                "Operators see every organisation on it, and can suspend and remove each.".to_owned(),
                format!("The link works once, until {until}."),
            ],
            link: Some((link, "Become an operator".to_owned())),
            closing: "If you do not know the sender, you need do nothing.".to_owned(),
        }
    }

    /// `link` is for somebody who has no password yet.
    pub fn provisioned(user: &User, organization: &Organization, link: Option<String>) -> Self {
        let how = match &link {
            Some(_) => "Choose a password to begin. The link works once, within a week; later, ask for a new password where you log in.",
            None => {
                "Log in as you always do, and switch to it. Your account stays as it is until you open it there, and you can leave at any time."
            }
        };
        Self {
            to: user.email.clone(),
            subject: format!("You are a member of {} now", organization.name),
            // An account is called otherwise elsewhere, and what it is called here is the directory's
            greeting: "Hello,".to_owned(),
            paragraphs: vec![
                format!("{} has made you a member on Office Copilot, by its own directory of people.", organization.name),
                how.to_owned(),
            ],
            link: link.map(|link| (link, "Choose a password".to_owned())),
            closing: "If you do not know the organisation, you need do nothing, or leave it.".to_owned(),
        }
    }

    /// To an owner of an organisation that will be removed.
    pub fn removal(user: &User, organization: &Organization, plan: &RemovalPlan) -> Self {
        let (name, at) = (&organization.name, moment(plan.at, user));
        let (who, how) = match plan.owner {
            Some(_) => {
                ("An owner of it asked for that.", "Any owner can keep it until then: log in, and keep the organisation in its settings.")
            }
            None => ("Those who run this installation decided that.", "Turn to them if it should be kept."),
        };
        let reason = plan.reason.iter().map(|reason| format!("Their reason: {reason}"));
        let rest = [
            "From now on it can be read, and nothing in it can be changed. What you want to keep, download before.".to_owned(),
            how.to_owned(),
        ];
        Self {
            to: user.email.clone(),
            subject: format!("{name} will be removed"),
            greeting: format!("Hello {},", user.name),
            paragraphs: [format!("{name} will be removed on {at}, with all it has. {who}")].into_iter().chain(reason).chain(rest).collect(),
            link: None,
            closing: format!("You get this mail because you own {name}."),
        }
    }

    pub fn kept(user: &User, organization: &Organization) -> Self {
        let name = &organization.name;
        Self {
            to: user.email.clone(),
            subject: format!("{name} is kept"),
            greeting: format!("Hello {},", user.name),
            paragraphs: vec![format!("{name} was to be removed, and is kept after all. Nothing of it was lost.")],
            link: None,
            closing: format!("You get this mail because you own {name}."),
        }
    }

    /// To an owner of an organisation that the platform suspended.
    pub fn suspended(user: &User, organization: &Organization, why: &Suspension) -> Self {
        let name = &organization.name;
        Self {
            to: user.email.clone(),
            subject: format!("{name} is suspended"),
            greeting: format!("Hello {},", user.name),
            paragraphs: vec![
                format!("Those who run this installation suspended {name} on {}.", moment(why.since, user)),
                format!("Their reason: {}", why.reason),
                "It can be read as before, and nothing in it can be changed. People can still make their accounts safe, and members and keys can be cut off.".to_owned(),
            ],
            link: None,
            closing: format!("You get this mail because you own {name}. Turn to those who run the installation."),
        }
    }

    pub fn resumed(user: &User, organization: &Organization) -> Self {
        let name = &organization.name;
        Self {
            to: user.email.clone(),
            subject: format!("{name} goes on"),
            greeting: format!("Hello {},", user.name),
            paragraphs: vec![format!("{name} is suspended no more. Everything is as it was.")],
            link: None,
            closing: format!("You get this mail because you own {name}."),
        }
    }

    pub fn notification(notification: &Notification, user: &User) -> Self {
        let at = moment(notification.at, user);
        Self {
            to: user.email.clone(),
            subject: notification.text.clone(),
            greeting: format!("Hello {},", user.name),
            paragraphs: vec![format!("{}.", notification.text), at],
            link: None,
            closing: match notification.reason {
                Reason::WebhookPaused => "What happens until you let it go on is not told. What failed can be replayed.".to_owned(),
                Reason::KeysOrphaned => {
                    "Whoever rotates a key answers for it from then on. You get this mail because you own the organisation.".to_owned()
                }
                Reason::JoinRequested => "You get this mail because you may invite people to the organisation.".to_owned(),
                _ => "You get this mail because it is about your work. Your profile says which mails you want, and when.".to_owned(),
            },
        }
    }

    fn text(&self) -> String {
        let link = self.link.as_ref().map(|(url, says)| format!("{says}:\n{url}"));
        let parts = [self.greeting.clone()].into_iter().chain(self.paragraphs.clone()).chain(link).chain([self.closing.clone()]);
        parts.collect::<Vec<_>>().join("\n\n") + "\n"
    }

    fn html(&self) -> String {
        let paragraphs: String = self.paragraphs.iter().map(|text| format!("<p style=\"margin:0 0 16px\">{}</p>", escape(text))).collect();
        let link = self.link.as_ref().map_or_else(String::new, |(url, says)| {
            format!(
                "<p style=\"margin:24px 0\"><a href=\"{}\" style=\"background:#1d4ed8;color:#ffffff;text-decoration:none;padding:12px 20px;border-radius:8px;display:inline-block;font-weight:600\">{}</a></p>",
                escape(url),
                escape(says)
            )
        });
        format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{subject}</title></head>\
             <body style=\"margin:0;background:#f4f5f7;font:16px/1.5 -apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;color:#1f2937\">\
             <div style=\"max-width:560px;margin:0 auto;padding:32px 16px\">\
             <div style=\"font-weight:700;color:#1d4ed8;margin:0 0 16px\">Office Copilot</div>\
             <div style=\"background:#ffffff;border-radius:12px;padding:32px\">\
             <p style=\"margin:0 0 16px\">{greeting}</p>{paragraphs}{link}\
             <p style=\"margin:24px 0 0;color:#6b7280;font-size:14px\">{closing}</p></div></div></body></html>",
            subject = escape(&self.subject),
            greeting = escape(&self.greeting),
            closing = escape(&self.closing),
        )
    }
}

/// A moment in somebody's own zone, written as they are used to read English.
fn moment(at: Timestamp, user: &User) -> String {
    let pattern = if user.locale.as_str().ends_with("-US") { "%B %-d, %Y, %-I:%M %p %Z" } else { "%-d %B %Y, %H:%M %Z" };
    at.to_zoned(user.zone.time_zone()).strftime(pattern).to_string()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A MIME message with text and HTML; its id follows from what it is, so that a double is known as one.
pub fn render(letter: &Letter, from: &str, name: &str, now: Timestamp) -> Result<Vec<u8>> {
    let host = from.rsplit('@').next().unwrap_or("localhost");
    MessageBuilder::new()
        .from(("Office Copilot", from))
        .to(letter.to.as_str())
        // A line break here would begin a header of somebody else's choice
        .subject(letter.subject.replace(char::is_control, " "))
        .date(now.as_second())
        .message_id(format!("{name}@{host}"))
        .text_body(letter.text())
        .html_body(letter.html())
        .write_to_vec()
        .map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::id::*;

    #[test]
    fn a_name_cannot_break_out_of_a_mail() {
        let now = Timestamp::UNIX_EPOCH;
        let user = User::new(
            UserId::new(now, 1),
            "<b>Mia</b> & \"Co\"".parse().unwrap(),
            "mia@example.com".parse().unwrap(),
            "Etc/UTC".parse().unwrap(),
            OrganizationId::new(now, 2),
            now,
        );
        let letter = Letter {
            to: user.email.clone(),
            subject: "Hi\r\nBcc: eve@example.com".into(),
            greeting: format!("Hello {},", user.name),
            paragraphs: vec![],
            link: None,
            closing: String::new(),
        };
        let mail = String::from_utf8(render(&letter, "office@example.com", "x", now).unwrap()).unwrap();
        let (head, _) = mail.split_once("\r\n\r\n").unwrap();
        assert!(!head.contains("\r\nBcc:"), "a header was smuggled in:\n{head}");
        assert!(letter.html().contains("&lt;b&gt;Mia&lt;/b&gt; &amp; &quot;Co&quot;"));
    }
}
