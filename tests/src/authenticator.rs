use ring::hmac;

/// The code an authenticator app shows for a secret, so many steps of thirty seconds after a moment.
pub fn code(secret: &str, at: jiff::Timestamp, steps: i64) -> String {
    let bits: String =
        secret.bytes().map(|letter| format!("{:05b}", if letter >= b'A' { letter - b'A' } else { letter - b'2' + 26 })).collect();
    let seed: Vec<u8> =
        bits.as_bytes().chunks_exact(8).map(|byte| u8::from_str_radix(str::from_utf8(byte).expect("bits"), 2).expect("a byte")).collect();
    let step = at.as_second() / 30 + steps;
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &seed), &step.to_be_bytes());
    let start = usize::from(tag.as_ref()[19] & 15);
    let number = u32::from_be_bytes(tag.as_ref()[start..start + 4].try_into().expect("four bytes")) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}
