//! `$name` in a statement → its value, as a token. The text of the statement is never put together from values.

use super::dialect::Sql;
use super::values::{Value, Values};
use datafusion::common::{DataFusionError, Result, plan_err};
use datafusion::sql::parser::DFParserBuilder;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};
use std::fmt::Write;

/// The tokens of `sql`, with their places.
pub(super) fn tokens(sql: &str) -> Result<Vec<TokenWithSpan>> {
    let tokens = Tokenizer::new(&Sql::default(), sql).tokenize_with_location();
    tokens.map_err(|error| DataFusionError::Plan(error.to_string()))
}

/// `tokens` with the values of their `$names`. A name without a value stays.
pub(super) fn bind(tokens: Vec<TokenWithSpan>, values: &Values) -> Vec<TokenWithSpan> {
    if values.is_empty() {
        return tokens;
    }
    let mut out = Vec::with_capacity(tokens.len());
    for token in tokens {
        match placeholder(&token.token).and_then(|name| values.get(name)) {
            Some(value) => {
                out.extend(
                    literal(value).into_iter().map(|part| TokenWithSpan { token: part, span: token.span }),
                );
            }
            None => out.push(token),
        }
    }
    out
}

/// `sql` with the values of its `$names` written out, for people to copy.
///
/// # Errors
/// It is no SQL.
pub(crate) fn written_out(sql: &str, values: &Values) -> Result<String> {
    let mut out = String::with_capacity(sql.len());
    for token in bind(tokens(sql)?, values) {
        match &token.token {
            Token::SingleQuotedString(text) => {
                let _ = write!(out, "'{}'", text.replace('\'', "''"));
            }
            token => {
                let _ = write!(out, "{token}");
            }
        }
    }
    Ok(out)
}

/// The `$names` in `sql`, which must be one expression.
///
/// # Errors
/// In words, why it is not.
pub(crate) fn parse_expression(sql: &str) -> Result<Vec<String>, String> {
    let plain =
        |error: DataFusionError| error.strip_backtrace().lines().next().unwrap_or_default().to_owned();
    let tokens = tokens(sql).map_err(plain)?;
    let names = tokens.iter().filter_map(|token| placeholder(&token.token)).map(str::to_owned).collect();
    let dialect = Sql::default();
    let parsed =
        DFParserBuilder::new(tokens).with_dialect(&dialect).build().map_err(plain)?.parse_into_expr();
    match parsed {
        Ok(parsed) if parsed.alias.is_none() => Ok(names),
        Ok(_) => plan_err!("an expression has no AS"),
        Err(error) => Err(error),
    }
    .map_err(plain)
}

/// The `$names` in a statement.
///
/// # Errors
/// In words, why it is no SQL.
pub(crate) fn names_in(sql: &str) -> Result<Vec<String>, String> {
    let tokens = tokens(sql).map_err(|error| error.strip_backtrace())?;
    Ok(tokens.iter().filter_map(|token| placeholder(&token.token)).map(str::to_owned).collect())
}

fn placeholder(token: &Token) -> Option<&str> {
    match token {
        Token::Placeholder(name) => name.strip_prefix('$'),
        _ => None,
    }
}

fn literal(value: &Value) -> Vec<Token> {
    let text = |text: &String| Token::SingleQuotedString(text.clone());
    match value {
        Value::Bool(value) => vec![word(if *value { "true" } else { "false" })],
        Value::Int(value) if *value < 0 => {
            vec![
                Token::LParen,
                Token::Minus,
                Token::Number(value.unsigned_abs().to_string(), false),
                Token::RParen,
            ]
        }
        Value::Int(value) => vec![Token::Number(value.to_string(), false)],
        Value::Text(value) => vec![text(value)],
        // An empty array has no type of its own.
        Value::Texts(values) if values.is_empty() => vec![
            word("arrow_cast"),
            Token::LParen,
            word("make_array"),
            Token::LParen,
            Token::RParen,
            Token::Comma,
            Token::SingleQuotedString("List(Utf8)".to_owned()),
            Token::RParen,
        ],
        Value::Texts(values) => {
            let mut tokens = vec![word("make_array"), Token::LParen];
            for (number, value) in values.iter().enumerate() {
                if number > 0 {
                    tokens.push(Token::Comma);
                }
                tokens.push(text(value));
            }
            tokens.push(Token::RParen);
            tokens
        }
    }
}

fn word(text: &str) -> Token {
    Token::make_word(text, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_literals() {
        let values = Values::from([
            ("a".to_owned(), Value::Texts(vec!["x".to_owned(), "it's".to_owned()])),
            ("n".to_owned(), Value::Int(-5)),
        ]);
        let sql = "in_list(actor, $a) AND n > $n AND note = '$a'";
        assert_eq!(
            written_out(sql, &values).unwrap(),
            "in_list(actor, make_array('x','it''s')) AND n > (-5) AND note = '$a'"
        );
    }

    #[test]
    fn an_expression_is_one_expression() {
        assert_eq!(parse_expression("a = $b AND c IN ('$d')"), Ok(vec!["b".to_owned()]));
        for sql in ["", "a) OR (b", "a; DROP TABLE x", "a AS b", "a b c", "1 UNION SELECT 2"] {
            assert!(parse_expression(sql).is_err(), "{sql}");
        }
    }
}
