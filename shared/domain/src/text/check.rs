//! What each kind of text has to be.

use crate::webhook::{is_event, reads};
use unicode_normalization::char::is_combining_mark;

pub(super) fn at_most(text: String, most: usize) -> Result<String, String> {
    match text.chars().count() {
        count if count > most => Err(format!("has {count} characters; the most is {most}")),
        _ => Ok(text),
    }
}

pub(super) fn not_empty(text: String) -> Result<String, String> {
    if text.chars().any(is_visible) { Ok(text) } else { Err("is empty".to_owned()) }
}

/// Whether anything is to be seen of a character that stands by itself. Marks sit on others, and some letters are blank.
fn is_visible(c: char) -> bool {
    let is_blank = c.is_whitespace()
        || matches!(c, '\u{ad}' | '\u{115f}'..='\u{1160}' | '\u{180b}'..='\u{180f}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}')
        || matches!(c, '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}');
    !is_blank && !c.is_control() && !is_combining_mark(c)
}

/// Characters that change how the text around them is read: controls, invisible breaks and joints, and marks of its direction.
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

pub(super) fn one_line(text: String, most: usize) -> Result<String, String> {
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

pub(super) fn line(text: String) -> Result<String, String> {
    one_line(text, 200)
}

pub(super) fn label(text: String) -> Result<String, String> {
    one_line(text, 40)
}

pub(super) fn markdown(text: String) -> Result<String, String> {
    many_lines(text, 10_000)
}

pub(super) fn utterance(text: String) -> Result<String, String> {
    many_lines(not_empty(text)?, crate::limits::MESSAGE_CHARACTERS)
}

pub(super) fn address(text: String) -> Result<String, String> {
    many_lines(not_empty(text.trim().to_owned())?, 500)
}

pub(super) fn phone(text: String) -> Result<String, String> {
    let text = one_line(text, 30)?;
    let fine = text.chars().all(|c| c.is_ascii_digit() || "+-() ./".contains(c));
    if fine && text.chars().filter(char::is_ascii_digit).count() >= 5 { Ok(text) } else { Err("is not a phone number".to_owned()) }
}

pub(super) fn email(text: String) -> Result<String, String> {
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

pub(super) fn file_name(text: String) -> Result<String, String> {
    let text = one_line(text, 200)?;
    if text.contains(['/', '\\', '"', '<', '>', '|', ':', '*', '?']) || text.starts_with('.') {
        return Err("is not the name of a file".to_owned());
    }
    Ok(text)
}

pub(super) fn url(text: String) -> Result<String, String> {
    let text = one_line(text, 2_000)?;
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or("does not begin with https://")?;
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    let plain = |c: char| c.is_ascii_graphic() && !"\\\"<>^`{|}#".contains(c);
    // A name before an @ makes a host look like another, and a fragment is sent nowhere
    if host.is_empty() || host.contains('@') || host.starts_with(':') || !text.chars().all(plain) {
        return Err("is not an address of the web".to_owned());
    }
    Ok(text)
}

pub(super) fn event(text: String) -> Result<String, String> {
    match text.split_once('.') {
        None if text == "*" => Ok(text),
        Some((kind, verb)) if verb == "*" && reads(kind).is_some() || is_event(kind, verb) => Ok(text),
        _ => Err("is no event that is told, such as task.moved, task.* or *".to_owned()),
    }
}

pub(super) fn zone(text: String) -> Result<String, String> {
    let text = one_line(text, 64)?;
    match jiff::tz::TimeZone::get(&text) {
        // As the database writes it: others than ours look at capitals
        Ok(zone) if !zone.is_unknown() => Ok(zone.iana_name().map_or(text, str::to_owned)),
        _ => Err("is not an IANA time zone".to_owned()),
    }
}

pub(super) fn name(text: String) -> Result<String, String> {
    let text = line(text)?;
    let lower = text.to_lowercase();
    if lower.contains("://") || lower.contains("www.") { Err("has an address of the web, which is no name".to_owned()) } else { Ok(text) }
}

/// As RFC 5890 has it: parts in another script than Latin are written with letters and digits alone.
pub(super) fn domain(text: String) -> Result<String, String> {
    let wrong = || "is not a domain such as example.com".to_owned();
    let text = one_line(text, 253)?.to_lowercase();
    let parts = text.split('.').map(|part| {
        let fine =
            !part.is_empty() && !part.starts_with('-') && !part.ends_with('-') && part.chars().all(|c| c.is_alphanumeric() || c == '-');
        let written = if part.is_ascii() { part.to_owned() } else { format!("xn--{}", punycode(part)) };
        if fine && written.len() <= 63 { Ok(written) } else { Err(wrong()) }
    });
    let parts = parts.collect::<Result<Vec<_>, _>>()?;
    let text = parts.join(".");
    if parts.len() < 2 || text.len() > 253 { Err(wrong()) } else { Ok(text) }
}

/// RFC 3492: the plain letters, then where each of the others stands.
fn punycode(text: &str) -> String {
    const BASE: u32 = 36;
    let (low, high) = (1, 26);
    let mut written: String = text.chars().filter(char::is_ascii).collect();
    let plain = written.len() as u32;
    if plain > 0 {
        written.push('-');
    }
    let (mut next, mut delta, mut bias, mut done) = (128_u32, 0_u32, 72_u32, plain);
    while let Some(least) = text.chars().map(u32::from).filter(|c| *c >= next).min() {
        // A part of a domain is short, so that none of this comes near the end of the numbers
        delta += (least - next) * (done + 1);
        next = least;
        for character in text.chars().map(u32::from) {
            delta += u32::from(character < next);
            if character != next {
                continue;
            }
            let (mut rest, mut place) = (delta, BASE);
            loop {
                let threshold = place.saturating_sub(bias).clamp(low, high);
                if rest < threshold {
                    break;
                }
                written.push(digit(threshold + (rest - threshold) % (BASE - threshold)));
                rest = (rest - threshold) / (BASE - threshold);
                place += BASE;
            }
            written.push(digit(rest));
            // The bias follows how far apart they stand
            let mut spread = if done == plain { delta / 700 } else { delta / 2 };
            spread += spread / (done + 1);
            bias = 0;
            while spread > ((BASE - low) * high) / 2 {
                spread /= BASE - low;
                bias += BASE;
            }
            bias += (BASE - low + 1) * spread / (spread + 38);
            (delta, done) = (0, done + 1);
        }
        (delta, next) = (delta + 1, next + 1);
    }
    written
}

fn digit(value: u32) -> char {
    char::from(if value < 26 { b'a' + value as u8 } else { b'0' + (value - 26) as u8 })
}

pub(super) fn colour(text: String) -> Result<String, String> {
    let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).ok_or("is not a colour such as #12505b")?;
    // The relative luminance of WCAG 2, and with it the contrast to white that text needs
    let light = |shift: u32| {
        let value = f64::from((number >> shift) & 255) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    let luminance = 0.2126 * light(16) + 0.7152 * light(8) + 0.0722 * light(0);
    if 1.05 / (luminance + 0.05) < 4.5 { Err("is too light to be read on white".to_owned()) } else { Ok(text.to_lowercase()) }
}

/// Well-formed as RFC 5646 has it, and written as it recommends: `zh-Hant-TW`.
pub(super) fn locale(text: String) -> Result<String, String> {
    let wrong = || "is not a language tag of BCP 47, such as en-GB".to_owned();
    let text = at_most(not_empty(text)?, 35)?;
    let alphabetic = |tag: &str| tag.bytes().all(|byte| byte.is_ascii_alphabetic());
    let fine = |tag: &&str| matches!(tag.len(), 1..=8) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let tags: Vec<&str> = text.split('-').collect();
    if !tags.iter().all(fine) || !matches!(tags[0].len(), 2..=3 | 5..=8) || !alphabetic(tags[0]) {
        return Err(wrong());
    }
    let (mut written, mut place, mut singletons) = (vec![tags[0].to_lowercase()], 0, std::collections::BTreeSet::new());
    // Each kind of part comes after the one before: script, region, variants, extensions
    for (index, tag) in tags.iter().enumerate().skip(1) {
        let digit_first = tag.as_bytes()[0].is_ascii_digit();
        let next = match tag.len() {
            1 => 4,
            _ if place == 4 => 4,
            4 if alphabetic(tag) => 1,
            2 if alphabetic(tag) => 2,
            3 if tag.bytes().all(|byte| byte.is_ascii_digit()) => 2,
            4 if digit_first => 3,
            5..=8 => 3,
            _ => return Err(wrong()),
        };
        let again = next == place && matches!(next, 1 | 2);
        let hangs = tag.len() == 1 && (tags.get(index + 1).is_none_or(|after| after.len() == 1) || !singletons.insert(tag.to_lowercase()));
        if next < place || again || hangs {
            return Err(wrong());
        }
        place = next;
        let tag = tag.to_lowercase();
        written.push(match next {
            1 => tag[..1].to_uppercase() + &tag[1..],
            2 => tag.to_uppercase(),
            _ => tag,
        });
    }
    Ok(written.join("-"))
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
            utterance("\u{2800}\u{200d}".into()),
            address("\u{3164}\n\u{3164}".into()),
            label("\u{ad}".into()),
            email("mia".into()),
            email("mia@home".into()),
            email("mia@@example.com".into()),
            email("mia@example..com".into()),
            email("mia example@example.com".into()),
            email("mia@example.com\r\nBcc: eve@example.com".into()),
            phone("call me".into()),
            file_name("../passwd".into()),
            file_name(".profile".into()),
            url("ftp://example.com".into()),
            url("https://".into()),
            url("https:///x".into()),
            url("https://:443/x".into()),
            url("https://mia@example.com/".into()),
            url("https://example.com/#x".into()),
            url("https://example.com/a b".into()),
            url("https://exämple.com/".into()),
            url("https://example.com\r\nHost: other".into()),
            zone("Europe/Atlantis".into()),
            zone("Etc/Unknown".into()),
            locale("english language".into()),
            locale("e".into()),
            locale("abcd".into()),
            locale("en_GB".into()),
            locale("en-".into()),
            locale("en-GB-GB".into()),
            locale("en-GB-Latn".into()),
            locale("en-u".into()),
            locale("en-u-t-x".into()),
            locale("12-GB".into()),
        ];
        for (place, result) in refused.into_iter().enumerate() {
            assert!(result.is_err(), "case {place} was taken: {result:?}");
        }
    }

    #[test]
    fn a_locale_is_written_as_the_standard_recommends() {
        for (given, kept) in [
            ("EN", "en"),
            ("en-gb", "en-GB"),
            ("ZH-hant-tw", "zh-Hant-TW"),
            ("es-419", "es-419"),
            ("de-ch-1996", "de-CH-1996"),
            ("en-US-U-CA-gregory", "en-US-u-ca-gregory"),
        ] {
            assert_eq!(locale(given.into()).as_deref(), Ok(kept));
        }
    }

    #[test]
    fn a_domain_in_any_script_is_kept_as_it_is_looked_up() {
        for (given, kept) in [
            ("Example.COM", "example.com"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("MÜNCHEN.de", "xn--mnchen-3ya.de"),
            ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
            ("пример.испытание", "xn--e1afmkfd.xn--80akhbyknj4f"),
            ("παράδειγμα.δοκιμή", "xn--hxajbheg2az3al.xn--jxalpdlp"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ] {
            assert_eq!(domain(given.into()).as_deref(), Ok(kept));
        }
        for wrong in [
            "example",
            "",
            "a..b",
            ".a.b",
            "-a.example",
            "a-.example",
            "a b.example",
            "@example.com",
            "*.example.com",
            "ü".repeat(60).as_str(),
        ] {
            assert!(domain(wrong.into()).is_err(), "{wrong} was taken");
        }
    }

    #[test]
    fn a_colour_is_one_that_can_be_read_on_white() {
        assert_eq!(colour("#12505B".into()).as_deref(), Ok("#12505b"));
        assert!(colour("#767676".into()).is_ok() && colour("#777777".into()).is_err(), "4.5 to 1 is the least");
        for wrong in ["", "12505b", "#12505", "#12505g", "#ffff00", "red", "#１２３456"] {
            assert!(colour(wrong.into()).is_err(), "{wrong} was taken");
        }
    }

    #[test]
    fn a_zone_is_kept_as_its_database_writes_it() {
        for (given, kept) in
            [("europe/london", "Europe/London"), ("AMERICA/new_york", "America/New_York"), ("etc/utc", "Etc/UTC"), ("utc", "UTC")]
        {
            assert_eq!(zone(given.into()).as_deref(), Ok(kept));
        }
    }

    #[test]
    fn joints_that_scripts_and_emoji_need_are_fine_in_a_name() {
        for text in ["👩‍👩‍👧", "می‌خواهم", "क्‍ष", "❤️", "e\u{301}", "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}", "ᄒ", "한"]
        {
            assert_eq!(line(text.into()).as_deref(), Ok(text));
        }
    }

    /// Blank letters, joints, marks without what they sit on, and spaces.
    const UNSEEN: &[char] = &[
        ' ',
        '\u{a0}',
        '\u{ad}',
        '\u{301}',
        '\u{34f}',
        '\u{115f}',
        '\u{1160}',
        '\u{17b4}',
        '\u{180b}',
        '\u{180e}',
        '\u{2003}',
        '\u{200c}',
        '\u{200d}',
        '\u{20e3}',
        '\u{2800}',
        '\u{3000}',
        '\u{3164}',
        '\u{fe0f}',
        '\u{ffa0}',
        '\u{e0041}',
        '\u{e007f}',
        '\u{e0100}',
    ];

    proptest! {
        #[test]
        fn a_name_of_which_nothing_is_to_be_seen_is_none(
            unseen in prop::collection::vec(prop::sample::select(UNSEEN), 0..12), seen in "[a-zß-öア-ヺ😀-😏]"
        ) {
            let unseen: String = unseen.into_iter().collect();
            prop_assert_eq!(line(unseen.clone()), Err("is empty".to_owned()));
            prop_assert_eq!(label(unseen.clone()), Err("is empty".to_owned()));
            let seen = format!("{unseen}{seen}{unseen}");
            prop_assert!(line(seen).is_ok());
        }

        #[test]
        fn what_turns_the_direction_of_a_text_is_in_no_name(
            before in "[a-z]{0,5}", turn in prop::sample::select("\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}".chars().collect::<Vec<_>>()), after in "[a-z]{1,5}"
        ) {
            let turned = format!("{before}{turn}{after}");
            prop_assert!(line(turned).is_err());
        }

        #[test]
        fn a_checked_text_passes_the_check_again(text in ".{0,300}") {
            if let Ok(once) = line(text) {
                prop_assert_eq!(line(once.clone()), Ok(once));
            }
        }
    }
}
