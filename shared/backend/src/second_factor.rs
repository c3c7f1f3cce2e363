//! Codes of authenticator apps (RFC 6238) and recovery codes: made and recognised here, judged in `domain`.

use crate::{
    aws::Inner,
    door::Can,
    guesses::{CODES, Guesses},
    outsider::Outsider,
    platform::Operator,
    secrets::{equal_in_constant_time, sha256},
    visitor::Visitor,
};
use domain::{
    Error, Result, Timestamp,
    id::sortable,
    limits,
    platform::UseOperatorAccount,
    policy::UseAccount,
    second_factor::{Factor, OperatorFactor, Proof, SecondFactor},
    text::Password,
};
use qrcodegen::{QrCode, QrCodeEcc};
use ring::hmac;
use serde::{Deserialize, Serialize};
use std::fmt::Display;
use utoipa::ToSchema;

const PURPOSE: &str = "second-factor";
const ISSUER: &str = "Office Copilot";
/// Seconds a code stands for; those before and after it are taken too, for clocks that differ.
const STEP: i64 = 30;

/// Proof that it is still the same person.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordAgain {
    #[schema(format = Password)]
    pub password: Password,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Code {
    /// Of the authenticator app.
    #[schema(example = "123456")]
    pub code: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordAndCode {
    #[schema(format = Password)]
    pub password: Password,
    /// Of the authenticator app, or one of the recovery codes.
    #[schema(example = "123456")]
    pub code: String,
}

/// What an authenticator app needs, in three forms. It is shown this once.
#[derive(Serialize, ToSchema)]
pub struct Enrolment {
    #[schema(example = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")]
    secret: String,
    #[schema(example = "otpauth://totp/Office%20Copilot:mia%40example.com?secret=…")]
    uri: String,
    /// The same to scan, as a picture in SVG.
    qr: String,
}

impl Enrolment {
    pub fn new(seed: &Seed, account: impl Display) -> Result<Self> {
        let uri = seed.uri(&account.to_string());
        Ok(Self { secret: seed.text(), qr: picture(&uri)?, uri })
    }
}

/// Codes for the day the app is lost, each good once. They are shown this once.
#[derive(Serialize, ToSchema)]
pub struct RecoveryCodes {
    #[schema(example = json!(["4m9x-27fk-w0qt-c3hz"]))]
    pub recovery_codes: Vec<String>,
}

fn picture(text: &str) -> Result<String> {
    let qr = QrCode::encode_text(text, QrCodeEcc::Medium).map_err(|error| Error::internal(error.to_string()))?;
    let dots = (0..qr.size()).flat_map(|y| (0..qr.size()).map(move |x| (x, y))).filter(|(x, y)| qr.get_module(*x, *y));
    let path: String = dots.map(|(x, y)| format!("M{} {}h1v1h-1z", x + MARGIN, y + MARGIN)).collect();
    let size = qr.size() + 2 * MARGIN;
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {size} {size}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0 0h{size}v{size}H0z\"/><path d=\"{path}\"/></svg>"
    ))
}

/// Modules of white around the picture, as readers expect them.
const MARGIN: i32 = 4;

/// What an app makes codes of, before it is sealed.
pub struct Seed([u8; 20]);

impl Seed {
    /// As people type it where nothing can be scanned.
    fn text(&self) -> String {
        base32(&self.0)
    }

    /// As apps scan it.
    fn uri(&self, account: &str) -> String {
        let (issuer, account) = (escaped(ISSUER), escaped(account));
        format!("otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits=6&period={STEP}", self.text())
    }
}

/// RFC 4648, without padding.
fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bit = |place: usize| usize::from(bytes[place / 8] >> (7 - place % 8) & 1);
    let digit = |first: usize| (first..first + 5).fold(0, |digit, place| digit << 1 | if place < bytes.len() * 8 { bit(place) } else { 0 });
    (0..bytes.len() * 8).step_by(5).map(|first| ALPHABET[digit(first)] as char).collect()
}

pub(crate) fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b if b.is_ascii_alphanumeric() || b"-._~".contains(&b) => (b as char).to_string(),
        b => format!("%{b:02X}"),
    };
    text.bytes().map(escape).collect()
}

/// The code of a step (RFC 4226).
fn code(seed: &[u8], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, seed);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let start = usize::from(tag.as_ref()[19] & 15);
    let number = tag.as_ref()[start..start + 4].iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
}

/// As it was made, whatever stands between its letters and however they are written.
fn plain(given: &str) -> String {
    let plain = given.chars().filter(|c| c.is_ascii_alphanumeric()).map(|c| c.to_ascii_lowercase());
    // Letters that the alphabet of our codes leaves out because they look like digits
    plain
        .map(|c| {
            if c == 'o' {
                '0'
            } else if matches!(c, 'i' | 'l') {
                '1'
            } else {
                c
            }
        })
        .collect()
}

impl Inner {
    async fn recognise<I: Display>(&self, factor: &Factor<I>, given: &str, now: Timestamp) -> Result<Option<Proof>> {
        let given = plain(given);
        if given.len() != 6 {
            return Ok(Some(sha256(given.as_bytes())).filter(|hash| factor.recovery.contains(hash)).map(|hash| Proof::Recovery { hash }));
        }
        let seed = self.secrets().await?.open(PURPOSE, &factor.owner.to_string(), &factor.sealed)?;
        let present = now.as_second().div_euclid(STEP);
        let is_right = |step: i64| equal_in_constant_time(code(&seed, step).as_bytes(), given.as_bytes());
        let step = [present - 1, present, present + 1].into_iter().filter(|step| *step > factor.last_step).find(|step| is_right(*step));
        Ok(step.map(|step| Proof::Code { step }))
    }

    /// What a code proves; refuses whoever has guessed too often in this hour. One that was used proves nothing.
    async fn prove<I: Display>(&self, factor: &Factor<I>, given: &str, address: &str, now: Timestamp) -> Result<Option<Proof>> {
        let guesses = Guesses { table: &self.own.table, of: &CODES, who: factor.owner.to_string(), address, now };
        guesses.check(self.recognise(factor, given, now)).await
    }

    /// Something new for an app to make codes of, and the same sealed for its owner.
    async fn new_seed(&self, owner: &str) -> Result<(Seed, String)> {
        let seed = Seed(self.entropy.bytes());
        let sealed = self.secrets().await?.seal(PURPOSE, owner, &seed.0, &self.entropy)?;
        Ok((seed, sealed))
    }

    /// New recovery codes of eighty random bits, as they are shown once, and the hashes that are kept.
    fn new_recovery_codes(&self) -> (Vec<String>, Vec<String>) {
        let code = |random| sortable(Timestamp::UNIX_EPOCH, random)[10..].to_owned();
        let codes: Vec<String> = (0..limits::RECOVERY_CODES).map(|_| code(self.entropy.number())).collect();
        let hashes = codes.iter().map(|code| sha256(code.as_bytes())).collect();
        let shown = codes.iter().map(|code| [&code[..4], &code[4..8], &code[8..12], &code[12..]].join("-")).collect();
        (shown, hashes)
    }
}

impl Visitor {
    pub async fn prove(&self, factor: &SecondFactor, given: &str) -> Result<Option<Proof>> {
        self.backend.0.prove(factor, given, &self.origin().address, self.now()).await
    }
}

impl Can<UseAccount> {
    pub async fn prove(&self, factor: &SecondFactor, given: &str) -> Result<Option<Proof>> {
        self.room.inner.prove(factor, given, &self.room.origin.address, self.now()).await
    }

    pub async fn new_seed(&self) -> Result<(Seed, String)> {
        self.room.inner.new_seed(self.user().as_str()).await
    }

    pub fn new_recovery_codes(&self) -> (Vec<String>, Vec<String>) {
        self.room.inner.new_recovery_codes()
    }
}

impl Outsider {
    pub async fn prove(&self, factor: &OperatorFactor, given: &str) -> Result<Option<Proof>> {
        self.backend().0.prove(factor, given, &self.origin().address, self.now()).await
    }
}

impl Operator<UseOperatorAccount> {
    pub async fn prove(&self, factor: &OperatorFactor, given: &str) -> Result<Option<Proof>> {
        self.room.inner.prove(factor, given, &self.room.origin.address, self.now()).await
    }

    pub async fn new_seed(&self) -> Result<(Seed, String)> {
        self.room.inner.new_seed(self.account().id.as_str()).await
    }

    pub fn new_recovery_codes(&self) -> (Vec<String>, Vec<String>) {
        self.room.inner.new_recovery_codes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 6238, appendix B, its last six digits
        for (second, expected) in [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")] {
            assert_eq!(code(b"12345678901234567890", second / STEP), expected, "at {second}");
        }
    }

    #[test]
    fn a_seed_is_written_as_the_standard_says() {
        // RFC 4648, section 10
        assert_eq!(
            ["f", "fo", "foo", "foob", "fooba", "foobar"].map(|text| base32(text.as_bytes())),
            ["MY", "MZXQ", "MZXW6", "MZXW6YQ", "MZXW6YTB", "MZXW6YTBOI"]
        );
        let uri = Seed(*b"12345678901234567890").uri("mia+work@example.com");
        assert!(
            uri.starts_with("otpauth://totp/Office%20Copilot:mia%2Bwork%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&"),
            "{uri}"
        );
    }
}
