//! Event data store ids after FROM: quoted, so that they are names.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Word};

/// `FROM <bare uuid>` and `FROM $EDS_ID` become quoted identifiers (done on tokens, so strings and comments are safe).
pub(crate) fn fix_tables(toks: &[TokenWithSpan]) -> Vec<TokenWithSpan> {
    let mut out: Vec<TokenWithSpan> = vec![];
    let (mut i, mut after_from) = (0, false);
    while i < toks.len() {
        if after_from && !matches!(toks[i].token, Token::Whitespace(_)) {
            let (mut s, mut j) = (String::new(), i);
            while j < toks.len()
                && matches!(
                    toks[j].token,
                    Token::Number(..) | Token::Word(_) | Token::Minus | Token::Placeholder(_)
                )
            {
                s += &toks[j].token.to_string();
                j += 1;
            }
            let uuid = s.len() == 36
                && s.bytes().enumerate().all(|(k, b)| {
                    if matches!(k, 8 | 13 | 18 | 23) { b == b'-' } else { b.is_ascii_hexdigit() }
                });
            if uuid || s.starts_with('$') {
                out.push(TokenWithSpan {
                    token: Token::Word(Word {
                        value: s.to_lowercase(),
                        quote_style: Some('"'),
                        keyword: Keyword::NoKeyword,
                    }),
                    span: toks[i].span,
                });
                i = j;
                after_from = false;
                continue;
            }
            after_from = false;
        }
        if let Token::Word(w) = &toks[i].token {
            after_from |= matches!(w.keyword, Keyword::FROM | Keyword::JOIN);
        }
        out.push(toks[i].clone());
        i += 1;
    }
    out
}
