//! Text as a search compares it.

use unicode_normalization::UnicodeNormalization;

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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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

    proptest! {
        #[test]
        fn what_is_folded_folds_to_itself(text in "\\PC{0,40}") {
            let once = words([text.as_str()]);
            for word in &once {
                prop_assert_eq!(words([word.as_str()]), [word.clone()].into());
            }
        }
    }
}
