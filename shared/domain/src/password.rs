//! A password as it is chosen: not one of those that whoever guesses tries first.

use crate::{Error, Result, limits, text::Password};
use serde::Deserialize;
use utoipa::ToSchema;

/// What the usual passwords consist of, in lower case, without the digits and signs that people put around it.
const COMMON: &str = include_str!("passwords.txt");

/// Keys and letters as they follow each other; behind the last comes the first.
const ROWS: [&str; 12] = [
    "1234567890",
    "123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiop",
    "qwertzuiop",
    "azertyuiop",
    "asdfghjkl",
    "asdfghjkl;'",
    "zxcvbnm",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "!@#$%^&*()",
];

/// The fewest characters that are a run.
const RUN: usize = 4;

/// How many digits and signs around what everybody guesses do not make it harder to guess.
const AROUND: usize = 6;

/// A password that somebody chooses, with at least five different characters: none of those that everybody guesses, with whatever
/// digits around them, and no run such as `abcdefghij`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, format = Password, min_length = 10, max_length = 128, example = "correct horse battery")]
pub struct NewPassword(Password);

impl TryFrom<String> for NewPassword {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let password = Password::try_from(text)?;
        match weakness(password.reveal()) {
            Some(weakness) => Err(weakness),
            None => Ok(Self(password)),
        }
    }
}

impl NewPassword {
    /// Where the same field may as well hold the password of an account that is there already.
    pub fn choose(field: &str, password: &Password) -> Result<Self> {
        password.reveal().to_owned().try_into().map_err(|weakness| Error::invalid(field, weakness))
    }

    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }
}

/// What makes it easy to guess.
fn weakness(text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    let mut different: Vec<char> = lower.chars().collect();
    different.sort_unstable();
    different.dedup();
    match () {
        () if different.len() < limits::PASSWORD_DIFFERENT => {
            Some(format!("has fewer than {} different characters", limits::PASSWORD_DIFFERENT))
        }
        () if is_run(&lower) => Some("is a run of letters, digits or keys, which everybody guesses".to_owned()),
        () if is_common(&lower) => Some("is one of the passwords that everybody guesses, whatever stands around it".to_owned()),
        () => None,
    }
}

fn is_run(text: &str) -> bool {
    let backwards: String = text.chars().rev().collect();
    let is_in = |row: &&str| {
        let around = row.repeat(text.len() / row.len() + 2);
        around.contains(text) || around.contains(&backwards)
    };
    text.chars().count() >= RUN && ROWS.iter().any(is_in)
}

fn is_common(lower: &str) -> bool {
    let core = lower.trim_matches(|c: char| !c.is_alphabetic());
    let around = lower.replacen(core, "", 1);
    let is_little = around.chars().count() <= AROUND || is_run(&around) || repeated(&around).chars().count() == 1;
    let again = Some(repeated(lower)).filter(|part| *part != lower).map(|part| part.trim_matches(|c: char| !c.is_alphabetic()));
    is_guessed(lower) || (is_little && is_guessed(core)) || again.is_some_and(is_guessed)
}

/// Whether it is what everybody guesses, or that several times, also as those write it who put digits and signs for letters.
fn is_guessed(text: &str) -> bool {
    let written = |letter: fn(char) -> char| text.chars().map(letter).filter(|c| c.is_alphanumeric()).collect::<String>();
    [written(|c| c), written(|c| meant(c, 'i')), written(|c| meant(c, 'l'))].iter().any(|text| {
        let part = repeated(text);
        is_run(part) || COMMON.lines().any(|common| common == part)
    })
}

fn meant(c: char, one: char) -> char {
    match c {
        '0' => 'o',
        '1' | '!' | '|' => one,
        '3' | '€' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' | '+' => 't',
        '8' => 'b',
        other => other,
    }
}

/// The part that a text is made of by repeating it; the text itself if it is none.
fn repeated(text: &str) -> &str {
    let parts = text.char_indices().skip(1).map(|(end, _)| &text[..end]);
    parts.filter(|part| text.len().is_multiple_of(part.len())).find(|part| part.repeat(text.len() / part.len()) == text).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fault(text: &str) -> Option<String> {
        NewPassword::try_from(text.to_owned()).err()
    }

    #[test]
    fn what_everybody_guesses_is_refused_whatever_stands_around_it() {
        for text in [
            "password12",
            "Password123!",
            "P@ssw0rd2024!",
            "pa$$w0rd!!",
            "passwordpassword",
            "Password1Password1",
            "pass word 2024",
            "my password!",
            "password1234567890",
            "password111111111",
            "Welcome2024!",
            "w3lc0me2024",
            "we1come2024",
            "adm1n12345",
            "ADMINADMIN",
            "letmein123",
            "l3tm31n2024",
            "iloveyou12",
            "I love you!!",
            "Summer2024!",
            "!!!monday!!!",
            "2024january",
            "changeme123",
            "trustno1trustno1",
            "qwerty123456",
            "abcd123456",
            "qwertqwert",
            "1q2w3e4r5t",
            "1qaz2wsx3edc",
            "qazwsxedcrfv",
            "1234554321",
            "123456123456",
            "officecopilot",
        ] {
            assert!(fault(text).is_some_and(|fault| fault.contains("everybody guesses")), "{text} was taken");
        }
    }

    #[test]
    fn a_run_of_letters_digits_or_keys_is_refused_forwards_and_backwards() {
        for text in [
            "1234567890",
            "0123456789",
            "0987654321",
            "12345678901234567890",
            "abcdefghij",
            "XYZABCDEFGH",
            "zyxwvutsrq",
            "qwertyuiop",
            "poiuytrewq",
            "QwertZuiop",
            "azertyuiop",
            "asdfghjkl;'",
            "asdfghjklzxcvbnm",
            "!@#$%^&*()",
        ] {
            assert!(fault(text).is_some_and(|fault| fault.contains("run of")), "{text} was taken");
        }
    }

    #[test]
    fn five_characters_at_least_are_different() {
        for text in ["----------", "ababababab", "1212121212", "AaAaBbBbCcCc", "abcdabcdabcd", "ääääääääää"] {
            assert!(fault(text).is_some_and(|fault| fault.contains("different")), "{text} was taken");
        }
        assert_eq!(fault("a-b_a+c_b-"), None);
    }

    #[test]
    fn what_is_ones_own_is_taken() {
        for text in [
            "correct horse battery",
            "correct horse",
            "another horse battery",
            "something else",
            "my password is a horse",
            "monday is washing day",
            "qwertz or qwerty?",
            "summer 83920174652",
            "4815162342",
            "Zürich 1291!",
            "пароль лошадь",
            "密码是一匹正确的马吗",
            "demo-0123456789",
        ] {
            assert_eq!(fault(text), None, "{text}");
        }
    }

    #[test]
    fn each_line_of_the_list_is_in_its_place_and_says_what_the_others_do_not() {
        let lines: Vec<_> = COMMON.lines().collect();
        assert!(lines.windows(2).all(|two| two[0] < two[1]), "sort the list, each once");
        for line in lines {
            assert!(line.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()), "{line} is never found");
        }
    }

    proptest! {
        #[test]
        fn what_was_taken_is_as_long_as_a_password(text in ".{0,20}") {
            if fault(&text).is_none() {
                prop_assert!(text.chars().count() >= limits::PASSWORD_LEAST);
            }
        }

        #[test]
        fn a_word_of_the_list_is_refused_in_whatever_case_and_with_a_year_behind_it(
            line in prop::sample::select(COMMON.lines().filter(|line| line.len() >= 6).collect::<Vec<_>>()), year in 1950_u32..2050, loud: bool
        ) {
            let text = format!("{}{year}", if loud { line.to_uppercase() } else { line.to_owned() });
            // What begins or ends with digits is itself behind them
            if line.bytes().all(|byte| byte.is_ascii_alphabetic()) {
                prop_assert!(fault(&text).is_some(), "{text} was taken");
            }
        }
    }
}
