//! A predicate as text → its tree. What is wrong is told with its place.

use super::like::Pattern;
use super::{Expr, Field, Test};
use crate::schema::{Kind, SCHEMA};

/// How deep parentheses and `not` may be nested.
const MAX_DEPTH: usize = 64;

/// A filter that cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("cannot use the filter {filter:?}: {what}, at character {place}{hint}")]
pub struct FilterError {
    filter: String,
    what: String,
    /// Counted from 1.
    place: usize,
    hint: String,
}

/// A word of the predicate, and where it begins, in bytes.
type Word = (usize, Token);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Token {
    Name(String),
    Text(String),
    Sign(&'static str),
    End,
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => write!(f, "{name:?}"),
            Self::Text(text) => write!(f, "'{}'", text.escape_debug()),
            Self::Sign(sign) => write!(f, "{sign:?}"),
            Self::End => f.write_str("the end"),
        }
    }
}

/// What is wrong, where, and what to do.
struct Fault {
    what: String,
    at: usize,
    hint: String,
}

impl Fault {
    fn new(what: impl Into<String>, at: usize) -> Self {
        Self { what: what.into(), at, hint: String::new() }
    }

    fn hint(self, hint: impl std::fmt::Display) -> Self {
        Self { hint: format!("\nhint: {hint}"), ..self }
    }
}

pub(super) fn parse(text: &str) -> Result<Expr, FilterError> {
    let parsed = words(text).and_then(|words| Parser { words, next: 0, depth: 0 }.all());
    parsed.map_err(|Fault { what, at, hint }| {
        let place = text.get(..at).unwrap_or(text).chars().count() + 1;
        FilterError { filter: text.to_owned(), what, place, hint }
    })
}

fn words(text: &str) -> Result<Vec<Word>, Fault> {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(character) = text[at..].chars().next() {
        let rest = &text[at..];
        let sign = ["<>", "!=", "=", "(", ")", ","].into_iter().find(|sign| rest.starts_with(sign));
        let is_name = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if character.is_whitespace() {
            at += character.len_utf8();
        } else if let Some(sign) = sign {
            words.push((at, Token::Sign(if sign == "<>" { "!=" } else { sign })));
            at += sign.len();
        } else if character == '\'' {
            let (literal, length) = quoted(rest).ok_or_else(|| Fault::new("the text is not closed", at))?;
            words.push((at, Token::Text(literal)));
            at += length;
        } else if is_name(character) {
            let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
            words.push((at, Token::Name(rest[..end].to_owned())));
            at += end;
        } else {
            let fault = Fault::new(format!("{character:?} has no meaning here"), at);
            return Err(if character == '"' { fault.hint("texts stand in single quotes") } else { fault });
        }
    }
    words.push((text.len(), Token::End));
    Ok(words)
}

/// The text in quotes that `rest` begins with, where two quotes stand for one, and its length with them.
fn quoted(rest: &str) -> Option<(String, usize)> {
    let mut at = 1;
    let mut text = String::new();
    loop {
        let end = at + rest.get(at..)?.find('\'')?;
        text.push_str(&rest[at..end]);
        if !rest[end + 1..].starts_with('\'') {
            return Some((text, end + 1));
        }
        text.push('\'');
        at = end + 2;
    }
}

struct Parser {
    words: Vec<Word>,
    next: usize,
    depth: usize,
}

impl Parser {
    fn all(mut self) -> Result<Expr, Fault> {
        let expr = self.any()?;
        match self.peek() {
            (_, Token::End) => Ok(expr),
            (at, token) => Err(Fault::new(format!("\"and\" or \"or\" is needed before {token}"), *at)),
        }
    }

    fn peek(&self) -> &Word {
        &self.words[self.next.min(self.words.len() - 1)]
    }

    fn take(&mut self) -> Word {
        let word = self.peek().clone();
        self.next += 1;
        word
    }

    /// Takes this keyword or sign, if it is next.
    fn takes(&mut self, wanted: &str) -> bool {
        let is_next = match &self.peek().1 {
            Token::Name(name) => name.eq_ignore_ascii_case(wanted),
            Token::Sign(sign) => *sign == wanted,
            _ => false,
        };
        self.next += usize::from(is_next);
        is_next
    }

    fn needs(&mut self, wanted: &str) -> Result<(), Fault> {
        if self.takes(wanted) {
            return Ok(());
        }
        let (at, token) = self.peek();
        Err(Fault::new(format!("{wanted:?} is needed, not {token}"), *at))
    }

    fn any(&mut self) -> Result<Expr, Fault> {
        let mut parts = vec![self.every()?];
        while self.takes("or") {
            parts.push(self.every()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expr::Or(parts) })
    }

    fn every(&mut self) -> Result<Expr, Fault> {
        let mut parts = vec![self.single()?];
        while self.takes("and") {
            parts.push(self.single()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expr::And(parts) })
    }

    fn single(&mut self) -> Result<Expr, Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Fault::new(format!("more than {MAX_DEPTH} levels"), self.peek().0));
        }
        let expr = if self.takes("not") {
            Expr::Not(Box::new(self.single()?))
        } else if self.takes("(") {
            let inner = self.any()?;
            self.needs(")")?;
            inner
        } else {
            self.test()?
        };
        self.depth -= 1;
        Ok(expr)
    }

    fn test(&mut self) -> Result<Expr, Fault> {
        let (field, kind) = self.field()?;
        if self.takes("is") {
            let not = self.takes("not");
            self.needs("null")?;
            return Ok(negated(Expr::Test(field, Test::Absent), not));
        }
        if self.takes("=") {
            return Ok(Expr::Test(field, self.value(kind)?));
        }
        if self.takes("!=") {
            return Ok(negated(Expr::Test(field, self.value(kind)?), true));
        }
        let (at, not) = (self.peek().0, self.takes("not"));
        let at_operator = self.peek().0;
        let texts_only = || Err(Fault::new("a truth value is only compared with = and !=", at_operator));
        if self.takes("in") {
            return if kind == Kind::Bool { texts_only() } else { Ok(negated(self.list(field)?, not)) };
        }
        if self.takes("like") {
            if kind == Kind::Bool {
                return texts_only();
            }
            let pattern = Pattern::new(&self.text()?);
            return Ok(negated(Expr::Test(field, Test::Like(pattern)), not));
        }
        if not {
            return Err(Fault::new("\"in\" or \"like\" is needed after \"not\"", self.peek().0));
        }
        if kind == Kind::Bool {
            return Ok(Expr::Test(field, Test::Is(true)));
        }
        Err(Fault::new("=, !=, in, like or is is needed", at))
    }

    fn list(&mut self, field: Field) -> Result<Expr, Fault> {
        self.needs("(")?;
        let mut texts = vec![self.text()?];
        while self.takes(",") {
            texts.push(self.text()?);
        }
        self.needs(")")?;
        Ok(Expr::Test(field, Test::OneOf(texts)))
    }

    fn value(&mut self, kind: Kind) -> Result<Test, Fault> {
        let at = self.peek().0;
        let text = self.text()?;
        match (kind, text.to_ascii_lowercase().as_str()) {
            (Kind::Bool, "true") => Ok(Test::Is(true)),
            (Kind::Bool, "false") => Ok(Test::Is(false)),
            (Kind::Bool, _) => Err(Fault::new("true or false is needed", at)),
            _ => Ok(Test::OneOf(vec![text])),
        }
    }

    /// A text in quotes; truth values and numbers, which account ids look like, need none.
    fn text(&mut self) -> Result<String, Fault> {
        match self.take() {
            (_, Token::Text(text)) => Ok(text),
            (_, Token::Name(name)) if is_bare(&name) => Ok(name),
            (at, Token::Name(name)) => {
                let hint = format!("texts stand in quotes: '{name}'");
                Err(Fault::new(format!("a value is needed, not {name:?}"), at).hint(hint))
            }
            (at, token) => Err(Fault::new(format!("a value is needed, not {token}"), at)),
        }
    }

    fn field(&mut self) -> Result<(Field, Kind), Fault> {
        match self.take() {
            (at, Token::Name(name)) => field(&name, at),
            (at, token) => Err(Fault::new(format!("a name is needed, not {token}"), at)),
        }
    }
}

fn is_bare(name: &str) -> bool {
    let number = name.bytes().all(|byte| byte.is_ascii_digit());
    number || name.eq_ignore_ascii_case("true") || name.eq_ignore_ascii_case("false")
}

fn negated(expr: Expr, not: bool) -> Expr {
    if not { Expr::Not(Box::new(expr)) } else { expr }
}

/// The member that a name stands for, in any letter case.
fn field(name: &str, at: usize) -> Result<(Field, Kind), Fault> {
    if name.eq_ignore_ascii_case("account") {
        let nodes = ["recipientAccountId", "accountId"].iter().filter_map(|path| SCHEMA.find(path));
        return Ok((Field(nodes.collect()), Kind::Text));
    }
    let known = (0..).zip(&SCHEMA.nodes).skip(1);
    let found = known.clone().find(|(_, node)| node.path.eq_ignore_ascii_case(name));
    // Of names that differ in case only, like eventID and eventId, the exact one is meant.
    let found = known.clone().find(|(_, node)| node.path == name).or(found);
    match found {
        Some((id, node)) if matches!(node.kind, Kind::Text | Kind::Bool) => Ok((Field(vec![id]), node.kind)),
        Some((_, node)) if node.kind == Kind::Time => {
            let fault = Fault::new(format!("a filter does not compare the time {}", node.path), at);
            Err(fault.hint("--since and --until name days"))
        }
        Some((_, node)) => {
            Err(Fault::new(format!("{} is no single text, so a filter cannot compare it", node.path), at))
        }
        None => {
            let fields = known.filter(|(_, node)| matches!(node.kind, Kind::Text | Kind::Bool));
            let near = crate::nearest::nearest(name, fields.map(|(_, node)| node.path));
            let fault = Fault::new(format!("there is no member {name:?}"), at);
            Err(match near {
                Some(near) => fault.hint(format!("did you mean {near}?")),
                None => fault,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let error = parse(text).unwrap_err().to_string();
        let (_, told) = error.split_once(&format!("{text:?}: ")).unwrap();
        assert_eq!(told, expected, "{text}");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        refused("", "a name is needed, not the end, at character 1");
        refused("readOnly = ", "a value is needed, not the end, at character 12");
        refused(
            "eventName = GetObject",
            "a value is needed, not \"GetObject\", at character 13\nhint: texts stand in quotes: 'GetObject'",
        );
        refused("(readOnly", "\")\" is needed, not the end, at character 10");
        refused("readOnly readOnly", "\"and\" or \"or\" is needed before \"readOnly\", at character 10");
        refused(
            "eventname = 'é' and evntName = 'x'",
            "there is no member \"evntName\", at character 21\nhint: did you mean eventName?",
        );
        refused("readOnly = 'x'", "true or false is needed, at character 12");
        refused("readOnly in (true)", "a truth value is only compared with = and !=, at character 10");
        refused(
            "eventName = \"x\"",
            "'\"' has no meaning here, at character 13\nhint: texts stand in single quotes",
        );
        refused("eventName = 'x", "the text is not closed, at character 13");
        refused("eventName", "=, !=, in, like or is is needed, at character 10");
        refused("eventName not 'x'", "\"in\" or \"like\" is needed after \"not\", at character 15");
        refused(
            "requestParameters = 'x'",
            "requestParameters is no single text, so a filter cannot compare it, at character 1",
        );
        refused(
            "eventTime = 'x'",
            "a filter does not compare the time eventTime, at character 1\nhint: --since and --until name days",
        );
        refused("eventName in ()", "a value is needed, not \")\", at character 15");
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = format!("{}readOnly{}", "(".repeat(100_000), ")".repeat(100_000));
        assert!(parse(&deep).unwrap_err().to_string().contains("more than 64 levels"));
        assert!(parse(&"not ".repeat(100_000)).is_err());
    }

    #[test]
    fn names_that_differ_in_case_only() {
        let Ok(Expr::Test(upper, _)) = parse("eventID = 'x'") else { panic!() };
        let Ok(Expr::Test(lower, _)) = parse("eventId = 'x'") else { panic!() };
        assert_ne!(upper, lower);
        assert_eq!(parse("eventName = 'it''s'"), parse(" EVENTNAME = 'it''s'"));
    }
}
