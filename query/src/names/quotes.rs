//! Typographic quotes, as web pages make them: `‘ConsoleLogin’` is a text, `“eventName”` a name.
//!
//! Done on tokens, so that such characters inside of a text or a comment stay as they are.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Word};

const SINGLE: [char; 2] = ['‘', '’'];
const DOUBLE: [char; 2] = ['“', '”'];

/// What stands between typographic quotes as one token. A quote without its fellow is left to the parser, which says so.
pub(super) fn straightened(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    if !tokens.iter().any(|token| quotes(&token.token).is_some()) {
        return tokens;
    }
    let mut out = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let length = quotes(&token.token).and_then(|quotes| {
            let is_end =
                |token: &TokenWithSpan| matches!(token.token, Token::Char(end) if quotes.contains(&end));
            tokens[at + 1..].iter().position(is_end)
        });
        let Some(length) = length else {
            out.push(token.clone());
            at += 1;
            continue;
        };
        let inner = &tokens[at + 1..=at + length];
        let text = inner.iter().map(|token| token.token.to_string()).collect::<String>();
        let quoted = if matches!(token.token, Token::Char(quote) if SINGLE.contains(&quote)) {
            Token::SingleQuotedString(text)
        } else {
            Token::Word(Word { value: text, quote_style: Some('"'), keyword: Keyword::NoKeyword })
        };
        out.push(TokenWithSpan { token: quoted, span: token.span });
        at += length + 2;
    }
    out
}

/// The quotes of the kind that a token is one of.
fn quotes(token: &Token) -> Option<[char; 2]> {
    match token {
        Token::Char(quote) => [SINGLE, DOUBLE].into_iter().find(|quotes| quotes.contains(quote)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::bind::tokens;
    use super::*;

    #[test]
    fn web_pages_can_be_pasted() {
        let straight = |sql: &str| {
            let tokens = straightened(tokens(sql).unwrap());
            tokens.iter().map(|token| token.token.to_string()).collect::<String>()
        };
        assert_eq!(
            straight("SELECT “eventName” WHERE a = ‘arn:aws:iam::1:role/x y’ AND b = 'it’s' -- ‘"),
            "SELECT \"eventName\" WHERE a = 'arn:aws:iam::1:role/x y' AND b = 'it’s' -- ‘"
        );
        assert_eq!(straight("a = ‘b"), "a = ‘b");
    }
}
