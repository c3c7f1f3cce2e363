//! Money as integers of minor units with their currency, and how it is rounded.
//!
//! Rounding is half away from zero, once per line and once per tax rate, as most tax offices ask.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An ISO 4217 currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema, Default)]
#[serde(rename_all = "UPPERCASE")]
pub enum Currency {
    #[default]
    Eur,
    Usd,
    Gbp,
    Chf,
    Sek,
    Nok,
    Dkk,
    Pln,
    Czk,
    Cad,
    Aud,
    Inr,
    Jpy,
}

impl Currency {
    /// How many decimal places its minor unit has.
    pub fn places(self) -> u32 {
        if self == Currency::Jpy { 0 } else { 2 }
    }

    pub fn code(self) -> &'static str {
        use Currency::*;
        match self {
            Eur => "EUR",
            Usd => "USD",
            Gbp => "GBP",
            Chf => "CHF",
            Sek => "SEK",
            Nok => "NOK",
            Dkk => "DKK",
            Pln => "PLN",
            Czk => "CZK",
            Cad => "CAD",
            Aud => "AUD",
            Inr => "INR",
            Jpy => "JPY",
        }
    }

    /// `1234567` minor units of EUR are `12,345.67`.
    pub fn format(self, minor: i64) -> String {
        let scale = 10u64.pow(self.places());
        let whole = minor.unsigned_abs() / scale;
        let digits = whole.to_string();
        let mut grouped = String::with_capacity(digits.len() + 8);
        if minor < 0 {
            grouped.push('-');
        }
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        match self.places() {
            0 => grouped,
            places => format!("{grouped}.{:0width$}", minor.unsigned_abs() % scale, width = places as usize),
        }
    }
}

/// `value / by`, rounded half away from zero.
pub fn rounded(value: i128, by: i128) -> i128 {
    let half = by / 2;
    if value < 0 { (value - half) / by } else { (value + half) / by }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_rounded_away_from_zero() {
        for (value, result) in [(5, 1), (4, 0), (-5, -1), (-4, 0), (15, 2), (25, 3)] {
            assert_eq!(rounded(value, 10), result, "{value} / 10");
        }
    }

    #[test]
    fn amounts_are_grouped_by_thousands() {
        assert_eq!(Currency::Eur.format(123_456_789), "1,234,567.89");
        assert_eq!(Currency::Eur.format(-5), "-0.05");
        assert_eq!(Currency::Jpy.format(1_000), "1,000");
    }
}
