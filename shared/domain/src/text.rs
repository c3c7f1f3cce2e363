//! Text from outside, checked once where it enters.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
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
    /// A phone number as people write it.
    Phone(phone) { min_length = 5, max_length = 30, example = "+44 20 7946 0000" }
    /// A label of up to 40 characters.
    Label(label) { min_length = 1, max_length = 40, example = "garden" }
    /// The name of a file without any folder, up to 200 characters.
    FileName(file_name) { min_length = 1, max_length = 200, example = "plan.pdf" }
    /// An IANA time zone.
    Zone(zone) { max_length = 64, example = "Europe/London" }
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

fn at_most(text: String, most: usize) -> Result<String, String> {
    match text.chars().count() {
        count if count > most => Err(format!("has {count} characters; the most is {most}")),
        _ => Ok(text),
    }
}

fn not_empty(text: String) -> Result<String, String> {
    if text.is_empty() { Err("is empty".to_owned()) } else { Ok(text) }
}

/// Characters that change how the text around them is read: controls, invisible breaks and joints, and marks of its direction.
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn one_line(text: String, most: usize) -> Result<String, String> {
    if text.chars().any(is_deceptive) {
        return Err("has a control character or a line break".to_owned());
    }
    at_most(not_empty(text.trim().to_owned())?, most)
}

fn many_lines(text: String, most: usize) -> Result<String, String> {
    if text.chars().any(|c| is_deceptive(c) && !matches!(c, '\n' | '\r' | '\t')) {
        return Err("has a control character".to_owned());
    }
    at_most(text, most)
}

fn line(text: String) -> Result<String, String> {
    one_line(text, 200)
}

fn label(text: String) -> Result<String, String> {
    one_line(text, 40)
}

fn markdown(text: String) -> Result<String, String> {
    many_lines(text, 10_000)
}

fn utterance(text: String) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("is empty".to_owned());
    }
    many_lines(text, crate::limits::MESSAGE_CHARACTERS)
}

fn address(text: String) -> Result<String, String> {
    many_lines(not_empty(text.trim().to_owned())?, 500)
}

fn phone(text: String) -> Result<String, String> {
    let text = one_line(text, 30)?;
    let fine = text.chars().all(|c| c.is_ascii_digit() || "+-() ./".contains(c));
    if fine && text.chars().filter(char::is_ascii_digit).count() >= 5 { Ok(text) } else { Err("is not a phone number".to_owned()) }
}

fn email(text: String) -> Result<String, String> {
    let text = one_line(text, 254)?.to_lowercase();
    let fine = |part: &str, more: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && !part.ends_with('.')
            && !part.contains("..")
            && part.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    match text.split_once('@') {
        Some((name, host)) if name.len() <= 64 && fine(name, "!#$%&'*+/=?^_`{|}~.-") && fine(host, ".-") && host.contains('.') => Ok(text),
        _ => Err("is not an email address".to_owned()),
    }
}

fn file_name(text: String) -> Result<String, String> {
    let text = one_line(text, 200)?;
    if text.contains(['/', '\\', '"', '<', '>', '|', ':', '*', '?']) || text.starts_with('.') {
        return Err("is not the name of a file".to_owned());
    }
    Ok(text)
}

fn zone(text: String) -> Result<String, String> {
    let text = one_line(text, 64)?;
    match jiff::tz::TimeZone::get(&text) {
        Ok(_) => Ok(text),
        Err(_) => Err("is not an IANA time zone".to_owned()),
    }
}

impl Markdown {
    pub fn none() -> Self {
        Self(String::new())
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

/// Letters of their own that people without them on their keyboard write otherwise.
fn spelled(c: char) -> Option<&'static str> {
    Some(match c {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'þ' => "th",
        'ı' => "i",
        'ς' => "σ",
        _ => return None,
    })
}

/// A text as a search compares it: without case, without marks on letters, and without other ways of writing the same.
pub fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // Lower case first: a capital may come apart into a letter and a mark
    let plain = text.to_lowercase().nfkd().filter(|c| !matches!(c, '\u{300}'..='\u{36f}')).nfc().collect::<String>().to_lowercase();
    let mut folded = String::with_capacity(plain.len());
    for c in plain.chars() {
        match spelled(c) {
            Some(spelled) => folded.push_str(spelled),
            None => folded.push(c),
        }
    }
    folded
}

/// Letters and digits, folded, in their order.
pub fn folded_words(text: &str) -> impl Iterator<Item = String> {
    let folded = folded(text);
    let words: Vec<_> =
        folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(|word| word.chars().take(40).collect()).collect();
    words.into_iter()
}

/// The words of some texts as a search compares them: folded, each once, the first so many.
pub fn words<'a>(texts: impl IntoIterator<Item = &'a str>) -> std::collections::BTreeSet<String> {
    let mut words = std::collections::BTreeSet::new();
    for word in texts.into_iter().flat_map(folded_words) {
        if words.len() == crate::limits::SEARCH_WORDS {
            break;
        }
        words.insert(word);
    }
    words
}

/// Tells `null` from absent.
pub(crate) fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(from: D) -> std::result::Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_not_meant_is_refused() {
        let refused = [
            line("".into()),
            line("  ".into()),
            line("a\nb".into()),
            line("a\u{0}b".into()),
            line("a\u{202e}b".into()),
            line("a\u{2028}b".into()),
            line("a\u{61c}b".into()),
            line("x".repeat(201)),
            markdown("a\u{7}b".into()),
            utterance(" \n ".into()),
            email("mia".into()),
            email("mia@home".into()),
            email("mia@@example.com".into()),
            email("mia@example..com".into()),
            email("mia example@example.com".into()),
            email("mia@example.com\r\nBcc: eve@example.com".into()),
            phone("call me".into()),
            file_name("../passwd".into()),
            file_name(".profile".into()),
            zone("Europe/Atlantis".into()),
        ];
        for (place, result) in refused.into_iter().enumerate() {
            assert!(result.is_err(), "case {place} was taken: {result:?}");
        }
    }

    #[test]
    fn a_word_that_comes_often_takes_one_place() {
        let text = format!("{}needle", "The ".repeat(100));
        assert_eq!(words([text.as_str()]).into_iter().collect::<Vec<_>>(), ["needle", "the"]);
    }

    #[test]
    fn words_are_the_same_however_they_are_written() {
        for (one, other) in
            [("Zoë", "zoe"), ("ŻÓŁĆ", "zolc"), ("Straße", "STRASSE"), ("İstanbul", "istanbul"), ("Ｔｏｋｙｏ", "tokyo"), ("é", "e\u{301}")]
        {
            assert_eq!(words([one]), words([other]), "{one} and {other}");
        }
        // Marks that make another letter of a letter stay
        assert_ne!(words(["が"]), words(["か"]));
        assert_eq!(words(["김민준"]).len(), 1);
    }

    #[test]
    fn an_address_is_kept_in_lower_case() {
        assert_eq!("Mia@Example.COM".parse::<Email>().unwrap().as_str(), "mia@example.com");
    }

    #[test]
    fn a_password_is_never_printed() {
        let password: Password = "correct horse".to_owned().try_into().unwrap();
        assert_eq!(format!("{password:?}"), "Password(…)");
    }

    proptest! {
        #[test]
        fn what_is_folded_folds_to_itself(text in "\\PC{0,40}") {
            let once = words([text.as_str()]);
            for word in &once {
                prop_assert_eq!(words([word.as_str()]), [word.clone()].into());
            }
        }

        #[test]
        fn a_checked_text_passes_the_check_again(text in ".{0,300}") {
            if let Ok(once) = line(text) {
                prop_assert_eq!(line(once.clone()), Ok(once));
            }
        }
    }
}
