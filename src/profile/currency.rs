//! Currencies in circulation, by ISO 4217.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use rust_decimal::{Decimal, RoundingStrategy};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::yaml::diagnostic::Findings;
use crate::yaml::read::{self, Read};
use crate::yaml::tree::Node;

/// A currency's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency(&'static str);

impl Currency {
    /// The three letters.
    pub fn as_str(self) -> &'static str {
        self.0
    }

    /// Digits that its amounts usually have behind the point: its minor unit, by ISO 4217.
    pub fn digits(self) -> u32 {
        match self.0 {
            "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF"
            | "UGX" | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
            "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
            _ => 2,
        }
    }

    /// An amount for people, to its usual digits: `EUR 20,147.40`.
    pub fn amount(self, amount: Decimal) -> String {
        let rounding = RoundingStrategy::MidpointAwayFromZero;
        let rounded = amount.round_dp_with_strategy(self.digits(), rounding);
        self.written(rounded)
    }

    /// The same with every digit that the amount has, for a price: `EUR 0.0375`, `EUR 149.90`.
    pub fn exact(self, amount: Decimal) -> String {
        self.written(amount.normalize())
    }

    fn written(self, amount: Decimal) -> String {
        let digits = self.digits().max(amount.scale()) as usize;
        let sign = if amount.is_sign_negative() && !amount.is_zero() {
            "-"
        } else {
            ""
        };
        let text = format!("{:.digits$}", amount.abs());
        let (whole, part) = match text.split_once('.') {
            Some((whole, part)) => (whole, format!(".{part}")),
            None => (text.as_str(), String::new()),
        };
        let mut grouped = String::new();
        for (place, digit) in whole.chars().enumerate() {
            if place > 0 && (whole.len() - place).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        format!("{} {sign}{grouped}{part}", self.0)
    }
}

/// Why a text is not a [`Currency`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a currency: write its ISO 4217 code in capitals, for instance `EUR`")]
pub struct CurrencyError(String);

impl FromStr for Currency {
    type Err = CurrencyError;

    fn from_str(text: &str) -> Result<Self, CurrencyError> {
        let found = CODES.iter().find(|code| **code == text);
        found
            .map(|code| Self(code))
            .ok_or_else(|| CurrencyError(text.to_owned()))
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

impl Read for Currency {
    fn read(node: &Node, to: &mut Findings) -> Option<Self> {
        read::parsed(node, "profile::currency", to)
    }
}

impl JsonSchema for Currency {
    fn schema_name() -> Cow<'static, str> {
        "Currency".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({"type": "string", "enum": CODES})
    }
}

#[rustfmt::skip]
const CODES: &[&str] = &[
    "AED", "AFN", "ALL", "AMD", "ANG", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD",
    "BDT", "BGN", "BHD", "BIF", "BMD", "BND", "BOB", "BRL", "BSD", "BTN", "BWP", "BYN",
    "BZD", "CAD", "CDF", "CHF", "CLP", "CNY", "COP", "CRC", "CUP", "CVE", "CZK", "DJF",
    "DKK", "DOP", "DZD", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GHS",
    "GIP", "GMD", "GNF", "GTQ", "GYD", "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR",
    "IQD", "IRR", "ISK", "JMD", "JOD", "JPY", "KES", "KGS", "KHR", "KMF", "KPW", "KRW",
    "KWD", "KYD", "KZT", "LAK", "LBP", "LKR", "LRD", "LSL", "LYD", "MAD", "MDL", "MGA",
    "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR", "MWK", "MXN", "MYR", "MZN", "NAD",
    "NGN", "NIO", "NOK", "NPR", "NZD", "OMR", "PAB", "PEN", "PGK", "PHP", "PKR", "PLN",
    "PYG", "QAR", "RON", "RSD", "RUB", "RWF", "SAR", "SBD", "SCR", "SDG", "SEK", "SGD",
    "SHP", "SLE", "SOS", "SRD", "SSP", "STN", "SVC", "SYP", "SZL", "THB", "TJS", "TMT",
    "TND", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "UGX", "USD", "UYU", "UZS", "VED",
    "VES", "VND", "VUV", "WST", "XAF", "XCD", "XCG", "XOF", "XPF", "YER", "ZAR", "ZMW",
    "ZWG",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_the_digits_of_their_currency() {
        for (currency, amount, shown, exact) in [
            ("EUR", "20147.4", "EUR 20,147.40", "EUR 20,147.40"),
            ("EUR", "-999.995", "EUR -1,000.00", "EUR -999.995"),
            ("EUR", "-0.001", "EUR 0.00", "EUR -0.001"),
            ("USD", "1234567", "USD 1,234,567.00", "USD 1,234,567.00"),
            ("JPY", "149900.5", "JPY 149,901", "JPY 149,900.5"),
            ("KWD", "1.2", "KWD 1.200", "KWD 1.200"),
            ("EUR", "0.037500", "EUR 0.04", "EUR 0.0375"),
        ] {
            let currency: Currency = currency.parse().unwrap();
            let amount: Decimal = amount.parse().unwrap();
            assert_eq!(currency.amount(amount), shown);
            assert_eq!(currency.exact(amount), exact);
        }
    }
}
