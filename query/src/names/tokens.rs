//! Event data store ids after FROM: quoted, so that they are names. Done on tokens, so that strings and comments are
//! safe.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Word};

/// `FROM <bare uuid>` and `FROM $EDS_ID` become quoted identifiers.
pub(super) fn quote_store_ids(tokens: &[TokenWithSpan]) -> Vec<TokenWithSpan> {
    let mut out = Vec::with_capacity(tokens.len());
    let mut is_table_next = false;
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if is_table_next && !matches!(token.token, Token::Whitespace(_)) {
            is_table_next = false;
            if let Some((name, length)) = store_id(&tokens[at..]) {
                let word = Word { value: name, quote_style: Some('"'), keyword: Keyword::NoKeyword };
                out.push(TokenWithSpan { token: Token::Word(word), span: token.span });
                at += length;
                continue;
            }
        }
        if let Token::Word(word) = &token.token {
            is_table_next |= matches!(word.keyword, Keyword::FROM | Keyword::JOIN);
        }
        out.push(token.clone());
        at += 1;
    }
    out
}

/// The id that `tokens` begin with, in lower case, and how many tokens it takes: a UUID is read as numbers, words and
/// minus signs.
fn store_id(tokens: &[TokenWithSpan]) -> Option<(String, usize)> {
    let is_part = |token: &&TokenWithSpan| {
        matches!(token.token, Token::Number(..) | Token::Word(_) | Token::Minus | Token::Placeholder(_))
    };
    let parts = tokens.iter().take_while(is_part).map(|token| token.token.to_string()).collect::<Vec<_>>();
    let text = parts.concat();
    (is_uuid(&text) || text.starts_with('$')).then(|| (text.to_lowercase(), parts.len()))
}

fn is_uuid(text: &str) -> bool {
    let fits = |(at, byte): (usize, u8)| {
        if matches!(at, 8 | 13 | 18 | 23) { byte == b'-' } else { byte.is_ascii_hexdigit() }
    };
    text.len() == 36 && text.bytes().enumerate().all(fits)
}
