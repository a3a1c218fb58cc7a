//! A param of an investigation: `$name type = default: what it is`, and texts of the command line → its values.

use crate::moment::moment;
use crate::names::nearest;
use crate::names::values::Value;
use crate::rules::params::ParamType;
use serde::Deserialize;
use serde::de::value::{Error as NoType, StrDeserializer};
use trailhound_ingest::time;

/// Names of types, for hints.
const TYPES: [&str; 11] = [
    "text",
    "time",
    "int",
    "bool",
    "duration",
    "account[]",
    "arn[]",
    "region[]",
    "service[]",
    "cidr[]",
    "text[]",
];

/// What a param is; it decides which texts are taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Type {
    /// Any text, as it is.
    Text,
    /// A point in time: `7d` ago, `2026-03-17`, `2026-03-17T09:00Z` or `now`; in SQL a text that times are compared with.
    Time,
    /// A type of the params of rules; the items of a list have commas between them.
    Rule(ParamType),
}

/// A param as a file declares it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Param {
    /// Its name, without `$`.
    pub name: String,
    /// Its type.
    pub kind: Type,
    /// The type as the file writes it.
    pub type_name: String,
    /// Its value, unless somebody gives one; without it somebody must.
    pub default: Option<String>,
    /// What it is, in one line.
    pub doc: String,
}

impl Param {
    /// Reads `$name type = default: what it is`; `line` has no `-- ` before it.
    ///
    /// # Errors
    /// In words, why it is no param.
    pub fn parse(line: &str) -> Result<Self, String> {
        let shape =
            || format!("{line:?} is no param\nhint: a param is `-- $name type = default: what it is`");
        let (name, rest) = line.strip_prefix('$').and_then(|rest| rest.split_once(' ')).ok_or_else(shape)?;
        // A default may have a colon, a time of day, but none with a space behind it.
        let (declared, doc) = rest.split_once(": ").ok_or_else(shape)?;
        let (type_name, default) = match declared.split_once(" = ") {
            Some((type_name, default)) => (type_name, Some(default.to_owned())),
            None => (declared, None),
        };
        // An underscore would have to be a hyphen on the command line.
        if !is_name(name, 'x') || doc.is_empty() {
            return Err(shape());
        }
        let kind = of_name(type_name)?;
        let param = Self {
            name: name.to_owned(),
            kind,
            type_name: type_name.to_owned(),
            default,
            doc: doc.to_owned(),
        };
        if let Some(default) = &param.default {
            param.value(default)?;
        }
        Ok(param)
    }

    /// `text` as a value of this param.
    ///
    /// # Errors
    /// In words, why it is none.
    pub fn value(&self, text: &str) -> Result<Value, String> {
        match self.kind {
            // An empty text is a shell variable that is not set: it would find nothing, and that would be believed.
            Type::Text if text.is_empty() => {
                Err("the text is empty\nhint: is a variable of the shell unset?".to_owned())
            }
            Type::Text => Ok(Value::Text(text.to_owned())),
            Type::Time => {
                let micros = moment(text).ok_or_else(|| {
                    format!("{text:?} is no time\nhint: a time is such as 7d, 2026-03-17, 2026-03-17T09:00Z or now")
                })?;
                Ok(Value::Text(time::format(micros)))
            }
            Type::Rule(kind) => kind.accept(&untyped(kind, text)),
        }
    }

    /// What stands for its value in a call.
    #[must_use]
    pub fn word(&self) -> String {
        match self.type_name.strip_suffix("[]") {
            Some(item) => format!("{0},…", item.to_uppercase()),
            None => self.type_name.to_uppercase(),
        }
    }
}

fn of_name(name: &str) -> Result<Type, String> {
    match name {
        "text" => Ok(Type::Text),
        "time" => Ok(Type::Time),
        _ => ParamType::deserialize(StrDeserializer::<NoType>::new(name)).map(Type::Rule).map_err(|_| {
            let hint = nearest(name, TYPES.into_iter()).map(|near| format!("did you mean {near}?"));
            let hint = hint.unwrap_or_else(|| format!("the types are {}", TYPES.join(", ")));
            format!("there is no type {name}\nhint: {hint}")
        }),
    }
}

/// A text of the command line as the types of rules take it.
fn untyped(kind: ParamType, text: &str) -> Value {
    match kind {
        ParamType::Bool => text.parse().map_or_else(|_| Value::Text(text.to_owned()), Value::Bool),
        ParamType::Int => text.parse().map_or_else(|_| Value::Text(text.to_owned()), Value::Int),
        ParamType::Duration | ParamType::Regex => Value::Text(text.to_owned()),
        // What a file writes as the default of a list that is empty.
        _ if text == "none" => Value::Texts(vec![]),
        _ => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Value::Texts(items.map(str::to_owned).collect())
        }
    }
}

/// Whether a name is made of small letters, digits and one other character, and begins with a letter.
pub(super) fn is_name(name: &str, other: char) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(declared: &str, text: &str) -> Result<Value, String> {
        Param::parse(&format!("$x {declared}: x")).unwrap().value(text)
    }

    #[test]
    fn texts_become_values() {
        let text = |text: &str| Ok(Value::Text(text.to_owned()));
        assert_eq!(value("text", "it's 100%"), text("it's 100%"));
        assert_eq!(value("time", "2026-03-17"), text("2026-03-17T00:00:00Z"));
        assert_eq!(value("time", "2026-03-17T09:00Z"), text("2026-03-17T09:00:00Z"));
        assert_eq!(value("int", "7"), Ok(Value::Int(7)));
        assert_eq!(value("bool", "true"), Ok(Value::Bool(true)));
        assert_eq!(value("duration", "15m"), Ok(Value::Int(900)));
        let networks = vec!["10.0.0.0/8".to_owned(), "2001:db8::/32".to_owned()];
        assert_eq!(value("cidr[]", "10.0.0.0/8, 2001:db8::/32"), Ok(Value::Texts(networks)));
        assert_eq!(value("account[]", "none"), Ok(Value::Texts(vec![])));
        assert!(value("int", "many").unwrap_err().contains("a whole number"));
        assert!(value("account[]", "4711").unwrap_err().contains("12 digits"));
        assert!(value("time", "2026-02-30").is_err());
    }

    #[test]
    fn a_declaration_is_checked() {
        let param = Param::parse("$since time = 2026-03-17T09:00Z: from then on: sharp").unwrap();
        assert_eq!(param.default.as_deref(), Some("2026-03-17T09:00Z"));
        assert_eq!((param.doc.as_str(), param.word().as_str()), ("from then on: sharp", "TIME"));
        assert_eq!(Param::parse("$a account[] = 111122223333: x").unwrap().word(), "ACCOUNT,…");
        for line in ["since time: x", "$since: x", "$Since time: x", "$since time = ever: x", "$a_b text: x"]
        {
            assert!(Param::parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn every_type_in_hints_is_one() {
        assert!(TYPES.into_iter().all(|name| of_name(name).is_ok()));
    }
}
