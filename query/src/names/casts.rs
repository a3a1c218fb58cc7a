//! `CAST(x AS type)` with the types of Trino that texts of JSON are cast to.
//!
//! To the engine JSON is text, so that `array(json)` is the list of its items, a row a struct of its members, found by
//! name in any case, and `map(varchar, json)` the text itself. Addresses are texts as well, and are marked as such, since
//! they compare as addresses ([`super::addresses`]). Other types are the parser's own.

use super::{addresses, macros};
use datafusion::sql::sqlparser::ast::{
    CastKind, DataType, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Value,
};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

/// What a value is cast to.
enum Target {
    /// A type that the parser knows.
    Plain(DataType),
    /// `array(type)`.
    Array(Box<Target>),
    /// `json`.
    Json,
    /// `row(name type, …)`.
    Row(Vec<(String, Target)>),
    /// `map(…)`: what it was.
    Same,
    /// `ipaddress`, `ipprefix`.
    Address,
}

/// The cast that comes next, if one does, or the address: `IPADDRESS '192.0.2.1'`.
pub(super) fn parse(parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
    if let Token::Word(word) = &parser.peek_token_ref().token
        && word.value.eq_ignore_ascii_case("ipaddress")
        && let Token::SingleQuotedString(text) = &parser.peek_nth_token_ref(1).token
    {
        let text = text.clone();
        if text.parse::<std::net::IpAddr>().is_err() {
            return Some(Err(ParserError::ParserError(format!("'{text}' is no address"))));
        }
        parser.next_token();
        parser.next_token();
        return addresses::marked(Expr::value(Value::SingleQuotedString(text))).map(Ok);
    }
    let kind = match &parser.peek_token_ref().token {
        Token::Word(word) if word.keyword == Keyword::CAST => CastKind::Cast,
        Token::Word(word) if word.keyword == Keyword::TRY_CAST => CastKind::TryCast,
        _ => return None,
    };
    (parser.peek_nth_token_ref(1).token == Token::LParen).then(|| cast(parser, &kind))
}

fn cast(parser: &mut Parser, kind: &CastKind) -> Result<Expr, ParserError> {
    parser.next_token();
    parser.expect_token(&Token::LParen)?;
    let expr = parser.parse_expr()?;
    parser.expect_keyword_is(Keyword::AS)?;
    let target = target(parser)?;
    parser.expect_token(&Token::RParen)?;
    let unread = || ParserError::ParserError("this cast is not understood".to_owned());
    if let (Target::Row(fields), Some(values)) = (&target, values_of_row(&expr))
        && fields.len() == values.len()
    {
        let values = fields.iter().zip(values).map(|((_, target), value)| cast_to(value, target, kind, 0));
        let values = values.collect::<Option<Vec<_>>>().ok_or_else(unread)?;
        return struct_of(fields, values).ok_or_else(unread);
    }
    cast_to(expr, &target, kind, 0).ok_or_else(unread)
}

/// The cast of a value. What is in JSON does not stop a query: inside of arrays and rows, casts give NULL.
fn cast_to(value: Expr, target: &Target, kind: &CastKind, depth: usize) -> Option<Expr> {
    match target {
        Target::Same => Some(value),
        Target::Address => addresses::marked(value),
        Target::Json => macros::parse("to_json($1)", &[value]),
        Target::Plain(data_type) => Some(Expr::Cast {
            kind: kind.clone(),
            expr: Box::new(value),
            data_type: data_type.clone(),
            array: false,
            format: None,
        }),
        Target::Array(of) => {
            let items = macros::parse("json_items($1)", &[value])?;
            if is_text(of) {
                return Some(items);
            }
            // A lambda in a lambda has a parameter of its own.
            let item = format!("item_{depth}");
            let cast = cast_to(Expr::Identifier(Ident::new(&item)), of, &CastKind::TryCast, depth + 1)?;
            macros::parse(&format!("array_transform($1, {item} -> $2)"), &[items, cast])
        }
        Target::Row(fields) => {
            let member = |(at, (name, target)): (usize, &(String, Target))| {
                let name = Expr::value(Value::SingleQuotedString(name.clone()));
                let place = Expr::value(Value::Number((at + 1).to_string(), false));
                let member =
                    macros::parse("json_member(to_json($1), $2, $3)", &[value.clone(), name, place])?;
                cast_to(member, target, &CastKind::TryCast, depth)
            };
            struct_of(fields, fields.iter().enumerate().map(member).collect::<Option<_>>()?)
        }
    }
}

/// Whether items of a JSON array, which are texts, are of the type already.
fn is_text(target: &Target) -> bool {
    match target {
        Target::Same | Target::Address | Target::Json => true,
        Target::Plain(data_type) => matches!(data_type, DataType::Varchar(_)),
        Target::Array(_) | Target::Row(_) => false,
    }
}

fn target(parser: &mut Parser) -> Result<Target, ParserError> {
    let Token::Word(word) = &parser.peek_token_ref().token else {
        return Ok(Target::Plain(parser.parse_data_type()?));
    };
    let name = word.value.to_lowercase();
    let has_types = matches!(parser.peek_nth_token_ref(1).token, Token::LParen | Token::Lt);
    match (name.as_str(), has_types) {
        ("array", true) => array(parser),
        ("map", true) => skip(parser).map(|()| Target::Same),
        ("row", true) => fields(parser).map(Target::Row),
        ("json", false) => skip(parser).map(|()| Target::Json),
        ("ipaddress" | "ipprefix", false) => skip(parser).map(|()| Target::Address),
        _ => Ok(Target::Plain(parser.parse_data_type()?)),
    }
}

/// `array(type)`, `array<type>`.
fn array(parser: &mut Parser) -> Result<Target, ParserError> {
    if parser.peek_nth_token_ref(1).token != Token::LParen {
        return skip(parser).map(|()| Target::Array(Box::new(Target::Same)));
    }
    parser.next_token();
    parser.next_token();
    let of = Box::new(target(parser)?);
    parser.expect_token(&Token::RParen)?;
    Ok(Target::Array(of))
}

/// Passes over a type and the types in its brackets.
fn skip(parser: &mut Parser) -> Result<(), ParserError> {
    parser.next_token();
    let mut open = 0_usize;
    loop {
        let closed = match parser.peek_token_ref().token {
            Token::LParen | Token::Lt => {
                open += 1;
                0
            }
            Token::RParen | Token::Gt if open > 0 => 1,
            Token::ShiftRight if open > 1 => 2,
            Token::EOF => return parser.expected_ref("a type", parser.peek_token_ref()),
            _ if open == 0 => return Ok(()),
            _ => 0,
        };
        open -= closed;
        parser.next_token();
        if open == 0 {
            return Ok(());
        }
    }
}

/// `row(name type, …)`.
fn fields(parser: &mut Parser) -> Result<Vec<(String, Target)>, ParserError> {
    parser.next_token();
    parser.expect_token(&Token::LParen)?;
    let fields =
        parser.parse_comma_separated(|parser| Ok((parser.parse_identifier()?.value, target(parser)?)))?;
    parser.expect_token(&Token::RParen)?;
    Ok(fields)
}

/// The values of `ROW(a, b)`.
fn values_of_row(expr: &Expr) -> Option<Vec<Expr>> {
    let Expr::Function(function) = expr else { return None };
    let FunctionArguments::List(list) = &function.args else { return None };
    let value = |argument: &FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    };
    let is_row = function.name.to_string().eq_ignore_ascii_case("row");
    is_row.then(|| list.args.iter().map(value).collect())?
}

/// A struct of the fields, whose names are in lower case, as Trino's are.
fn struct_of(fields: &[(String, Target)], values: Vec<Expr>) -> Option<Expr> {
    let name = |(name, _): &(String, Target)| Expr::value(Value::SingleQuotedString(name.to_lowercase()));
    let arguments = fields.iter().map(name).zip(values).flat_map(|(name, value)| [name, value]);
    let arguments = arguments.collect::<Vec<_>>();
    let places = (1..=arguments.len()).map(|place| format!("${place}")).collect::<Vec<_>>();
    macros::parse(&format!("named_struct({})", places.join(", ")), &arguments)
}
