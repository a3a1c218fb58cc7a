//! What stands after FROM in published queries and is no SQL: the id of an event data store, and placeholders for one.
//!
//! `12345678-0abc-…`, `eds-ID`, `$EDS_ID`, `${eds}`, `<event_data_store_id>`, `<EDS ID>`, `[eds]` and `{{eds}}` become
//! quoted names, which [`super::relations`] then knows. Done on tokens, so that strings and comments are safe.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Whitespace, Word};

/// Tokens that a placeholder in brackets may have; what is longer is no placeholder.
const LONGEST: usize = 16;

/// The functions whose arguments have a FROM of their own.
const WITH_FROM: [&str; 5] = ["extract", "overlay", "position", "substring", "trim"];

/// Quotes what stands for a table and is no name.
pub(super) fn quote_stores(tokens: &[TokenWithSpan]) -> Vec<TokenWithSpan> {
    let mut out = Vec::with_capacity(tokens.len());
    let mut place = Place::default();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if place.is_table_next && !matches!(token.token, Token::Whitespace(_)) {
            place.is_table_next = false;
            if let Some((name, length)) = store(&tokens[at..]) {
                let word = Word { value: name, quote_style: Some('"'), keyword: Keyword::NoKeyword };
                out.push(TokenWithSpan { token: Token::Word(word), span: token.span });
                at += length;
                continue;
            }
        }
        place.pass(&token.token);
        out.push(token.clone());
        at += 1;
    }
    out
}

/// Where in a statement a token is.
#[derive(Default)]
struct Place {
    /// A table comes next.
    is_table_next: bool,
    /// For each open parenthesis, whether a FROM in it is a part of a function.
    parentheses: Vec<bool>,
    /// The word before, in lower case.
    before: Option<String>,
}

impl Place {
    fn pass(&mut self, token: &Token) {
        match token {
            Token::Whitespace(_) => return,
            Token::LParen => {
                let is_function = self.before.as_ref().is_some_and(|word| WITH_FROM.contains(&word.as_str()));
                self.parentheses.push(is_function);
            }
            Token::RParen => drop(self.parentheses.pop()),
            Token::Word(word) if matches!(word.keyword, Keyword::FROM | Keyword::JOIN) => {
                let is_function = self.parentheses.last().is_some_and(|is_function| *is_function);
                // `a IS DISTINCT FROM b`
                let is_distinct = self.before.as_deref() == Some("distinct");
                self.is_table_next = !is_function && !is_distinct;
            }
            _ => {}
        }
        self.before = match token {
            Token::Word(word) => Some(word.value.to_lowercase()),
            _ => None,
        };
    }
}

/// The store that `tokens` begin with, in lower case, and how many tokens it takes.
fn store(tokens: &[TokenWithSpan]) -> Option<(String, usize)> {
    let text = |tokens: &[TokenWithSpan]| {
        tokens.iter().map(|token| token.token.to_string()).collect::<String>().to_lowercase()
    };
    let first = tokens.first().map(|token| &token.token)?;
    let end = match first {
        Token::Lt => Some(Token::Gt),
        Token::LBracket => Some(Token::RBracket),
        Token::LBrace => Some(Token::RBrace),
        Token::Placeholder(name) if name == "$" => Some(Token::RBrace),
        _ => None,
    };
    if let Some(end) = end {
        let is_over = |token: &TokenWithSpan| token.token == Token::Whitespace(Whitespace::Newline);
        let mut length = 1 + tokens[1..]
            .iter()
            .take(LONGEST)
            .take_while(|token| !is_over(token))
            .position(|token| token.token == end)?;
        // `{{eds}}`
        while tokens.get(length + 1).is_some_and(|token| token.token == end) {
            length += 1;
        }
        return Some((text(&tokens[..=length]), length + 1));
    }
    if let Token::Placeholder(name) = first {
        return Some((name.to_lowercase(), 1));
    }
    // Names do not have minus signs; ids do, and are read as numbers, words and signs.
    let is_part = |token: &&TokenWithSpan| {
        matches!(&token.token, Token::Number(..) | Token::Minus)
            || matches!(&token.token, Token::Word(word) if word.quote_style.is_none())
    };
    let length = tokens.iter().take_while(is_part).count();
    let has_sign = tokens[..length].iter().any(|token| token.token == Token::Minus);
    has_sign.then(|| (text(&tokens[..length]), length))
}

#[cfg(test)]
mod tests {
    use super::super::bind::tokens;
    use super::*;

    fn quoted(sql: &str) -> String {
        quote_stores(&tokens(sql).unwrap()).iter().map(|token| token.token.to_string()).collect()
    }

    #[test]
    fn what_stands_for_a_store_is_quoted() {
        for (store, expected) in [
            ("12345678-0ABC-4e12-8def-123456789abc", "12345678-0abc-4e12-8def-123456789abc"),
            ("$EDS_ID", "$eds_id"),
            ("${edsId}", "${edsid}"),
            ("<event_data_store_id>", "<event_data_store_id>"),
            ("<EDS ID>", "<eds id>"),
            ("[eds]", "[eds]"),
            ("{{edsID}}", "{{edsid}}"),
            ("eds-ID", "eds-id"),
        ] {
            assert_eq!(
                quoted(&format!("SELECT a FROM {store} WHERE b")),
                format!("SELECT a FROM \"{expected}\" WHERE b")
            );
        }
    }

    #[test]
    fn everything_else_stays() {
        for sql in [
            "SELECT 'FROM $x', a < b FROM cloudtrail WHERE c > 1 -- FROM $x",
            "SELECT extract(day FROM a-b), trim(both 'x' FROM c-d), substring(a FROM 2-1) FROM t",
            "SELECT a IS DISTINCT FROM b-c FROM t JOIN u ON a < b AND c > d",
            "SELECT a FROM (SELECT b-c FROM t) WHERE a-b > 0",
            "SELECT a FROM \"x-y\" AS b",
        ] {
            assert_eq!(quoted(sql), sql);
        }
    }
}
