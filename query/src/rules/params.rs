//! Settings of rules: typed, and bound to a statement as values.
//!
//! In: what a rule declares and what a person set. Out: tokens in the place of `$name`. What must hold: a value never
//! becomes part of the statement's text, so it cannot change what the statement says.

use super::duration::Seconds;
use crate::functions::networks::is_network;
use serde::Deserialize;

pub use crate::names::values::{Value, Values};

/// What a param is; it decides which values are taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub enum ParamType {
    /// AWS account ids.
    #[serde(rename = "account[]")]
    Accounts,
    /// ARNs.
    #[serde(rename = "arn[]")]
    Arns,
    /// Regions, such as `eu-west-1`.
    #[serde(rename = "region[]")]
    Regions,
    /// Services as `eventSource` writes them, such as `lightsail.amazonaws.com`.
    #[serde(rename = "service[]")]
    Services,
    /// Networks, such as `203.0.113.0/24`.
    #[serde(rename = "cidr[]")]
    Networks,
    /// Any texts.
    #[serde(rename = "text[]")]
    Texts,
    /// A regular expression.
    #[serde(rename = "regex")]
    Regex,
    /// A whole number.
    #[serde(rename = "int")]
    Int,
    /// True or false.
    #[serde(rename = "bool")]
    Bool,
    /// Such as `15m`; in SQL a number of seconds.
    #[serde(rename = "duration")]
    Duration,
}

/// A param as a rule declares it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Param {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ParamType,
    /// Its value, unless somebody sets it.
    pub default: Value,
    /// What it is for, in one line.
    pub doc: String,
}

impl ParamType {
    /// `value` if it is of this type, as it is bound.
    ///
    /// # Errors
    /// In words, why it is not.
    pub fn accept(self, value: &Value) -> Result<Value, String> {
        match (self, value) {
            (Self::Bool, Value::Bool(_)) | (Self::Int, Value::Int(_)) => Ok(value.clone()),
            (Self::Duration, Value::Text(text)) => {
                let seconds = Seconds::parse(text)
                    .ok_or_else(|| format!("{text:?} is not a duration such as \"15m\""))?;
                Ok(Value::Int(seconds.0))
            }
            (Self::Regex, Value::Text(text)) => {
                harmless(text)?;
                Ok(value.clone())
            }
            (_, Value::Texts(items)) if self.is_list() => {
                for item in items {
                    harmless(item)?;
                    self.check_item(item)?;
                }
                Ok(value.clone())
            }
            _ => Err(format!("{} is needed, not {}", self.name(), value.shown())),
        }
    }

    fn is_list(self) -> bool {
        !matches!(self, Self::Regex | Self::Int | Self::Bool | Self::Duration)
    }

    fn check_item(self, item: &str) -> Result<(), String> {
        let is_fine = match self {
            Self::Accounts => item.len() == 12 && item.bytes().all(|byte| byte.is_ascii_digit()),
            Self::Arns => item.starts_with("arn:"),
            Self::Services => item.ends_with(".amazonaws.com"),
            Self::Networks => is_network(item),
            Self::Regions => {
                item.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            }
            _ => true,
        };
        if is_fine { Ok(()) } else { Err(format!("{item:?} is not {}", self.item())) }
    }

    fn item(self) -> &'static str {
        match self {
            Self::Accounts => "an account id of 12 digits, in quotes",
            Self::Arns => "an ARN",
            Self::Services => "a service such as \"lightsail.amazonaws.com\"",
            Self::Networks => "a network such as \"203.0.113.0/24\", or an address",
            Self::Regions => "a region such as \"eu-west-1\"",
            _ => "a text",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::Int => "a whole number",
            Self::Duration => "a duration such as \"15m\"",
            Self::Regex => "a regular expression",
            _ => "a list of texts",
        }
    }
}

/// Values are bound as tokens, but some functions are said in terms of others as text. So a value has no quote.
fn harmless(text: &str) -> Result<(), String> {
    if text.contains('\'') || text.chars().any(char::is_control) {
        return Err(format!("{text:?} has a quote or a control character, which values may not"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(items: &[&str]) -> Value {
        Value::Texts(items.iter().map(|&item| item.to_owned()).collect())
    }

    #[test]
    fn values_are_held_against_their_type() {
        assert!(ParamType::Accounts.accept(&texts(&["012345678901"])).is_ok());
        assert!(ParamType::Accounts.accept(&texts(&["12345678901"])).unwrap_err().contains("12 digits"));
        assert!(ParamType::Regions.accept(&texts(&["eu-west-1"])).is_ok());
        assert!(ParamType::Regions.accept(&texts(&["EU West"])).is_err());
        assert!(ParamType::Services.accept(&texts(&["s3"])).is_err());
        assert!(ParamType::Networks.accept(&texts(&["203.0.113.0/24", "2001:db8::/32", "10.0.0.1"])).is_ok());
        assert!(
            ParamType::Networks.accept(&texts(&["10.0.0.0/33"])).unwrap_err().contains("a network such as")
        );
        assert!(
            ParamType::Int.accept(&texts(&[])).unwrap_err().starts_with("a whole number is needed, not []")
        );
        assert_eq!(ParamType::Duration.accept(&Value::Text("15m".to_owned())), Ok(Value::Int(900)));
    }

    #[test]
    fn a_value_cannot_end_a_text() {
        assert!(ParamType::Texts.accept(&texts(&["x\\' OR true --"])).is_err());
        assert!(ParamType::Regex.accept(&Value::Text("^(p|g)[0-9]\\.".to_owned())).is_ok());
    }
}
