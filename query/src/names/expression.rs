//! An SQL expression as rules have it → its tree, the columns it names, and the same with a rule's fields written out.

use super::bind::tokens;
use super::dialect::Sql;
use datafusion::common::DataFusionError;
use datafusion::sql::parser::DFParserBuilder;
use datafusion::sql::sqlparser::ast::{AccessExpr, Expr, OneOrManyWithParens, visit_expressions};
use datafusion::sql::sqlparser::tokenizer::Token;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::ControlFlow;

/// The tree of `sql`, which must be one expression.
///
/// # Errors
/// In words, why it is not.
pub(crate) fn tree(sql: &str) -> Result<Expr, String> {
    let plain =
        |error: DataFusionError| error.strip_backtrace().lines().next().unwrap_or_default().to_owned();
    let dialect = Sql::default();
    let parser = DFParserBuilder::new(tokens(sql).map_err(plain)?).with_dialect(&dialect).build();
    let parsed = parser.map_err(plain)?.parse_into_expr().map_err(plain)?;
    if parsed.alias.is_some() { Err("an expression has no AS".to_owned()) } else { Ok(parsed.expr) }
}

/// The conditions that `expr` joins with AND, brackets around them or not.
pub(crate) fn terms(expr: &Expr) -> Vec<&Expr> {
    use datafusion::sql::sqlparser::ast::BinaryOperator::And;
    match expr {
        Expr::Nested(inner) => match terms(inner) {
            parts if parts.len() > 1 => parts,
            _ => vec![expr],
        },
        Expr::BinaryOp { left, op: And, right } => {
            let mut parts = terms(left);
            parts.extend(terms(right));
            parts
        }
        _ => vec![expr],
    }
}

/// The first parts of the names in `expr`, as typed: columns, and whatever else is named.
pub(crate) fn columns(expr: &Expr) -> Vec<String> {
    // Steps of a path and parameters of lambdas are names too, but no columns.
    let (mut columns, mut steps, mut parameters) = (Vec::new(), Vec::new(), Vec::new());
    let _ = visit_expressions(expr, |expr| {
        match expr {
            Expr::CompoundFieldAccess { access_chain, .. } => {
                steps.extend(access_chain.iter().filter_map(|step| match step {
                    AccessExpr::Dot(Expr::Identifier(ident)) => Some(ident.value.clone()),
                    _ => None,
                }));
            }
            Expr::Lambda(lambda) => match &lambda.params {
                OneOrManyWithParens::One(one) => parameters.push(one.name.value.clone()),
                OneOrManyWithParens::Many(many) => {
                    parameters.extend(many.iter().map(|one| one.name.value.clone()));
                }
            },
            Expr::Identifier(ident) => match steps.iter().position(|step| *step == ident.value) {
                Some(at) => drop(steps.remove(at)),
                None => columns.push(ident.value.clone()),
            },
            Expr::CompoundIdentifier(parts) => {
                columns.extend(parts.first().map(|part| part.value.clone()));
            }
            _ => {}
        }
        ControlFlow::<()>::Continue(())
    });
    columns.retain(|name| !parameters.contains(name));
    columns
}

/// `sql` where each field of `fields` that it names is written out.
///
/// # Errors
/// In words, why it is no SQL.
pub(crate) fn with_fields(sql: &str, fields: &BTreeMap<String, String>) -> Result<String, String> {
    let tokens = tokens(sql).map_err(|error| error.strip_backtrace())?;
    let tokens = tokens.into_iter().map(|token| token.token).collect::<Vec<_>>();
    let is_blank = |token: &&Token| matches!(token, Token::Whitespace(_));
    let mut out = String::with_capacity(sql.len());
    for (at, token) in tokens.iter().enumerate() {
        let before = tokens[..at].iter().rev().find(|token| !is_blank(token));
        let after = tokens[at + 1..].iter().find(|token| !is_blank(token));
        let is_part = before == Some(&Token::Period)
            || matches!(after, Some(Token::Period | Token::LParen | Token::LBracket));
        let field = match token {
            Token::Word(word) if !is_part => fields.get(&word.value),
            _ => None,
        };
        let _ = match (field, token) {
            (Some(field), _) => write!(out, "({})", field.trim()),
            (None, Token::SingleQuotedString(text)) => write!(out, "'{}'", text.replace('\'', "''")),
            (None, token) => write!(out, "{token}"),
        };
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_taken_apart() {
        let of = |sql: &str| tree(sql).unwrap();
        for (sql, expected) in [
            ("a", vec!["a"]),
            ("a AND (b OR c) AND NOT d", vec!["a", "(b OR c)", "NOT d"]),
            ("(a AND x BETWEEN 1 AND 2)", vec!["a", "x BETWEEN 1 AND 2"]),
            ("a AND b OR c", vec!["a AND b OR c"]),
        ] {
            let parsed = of(sql);
            assert_eq!(terms(&parsed).iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn columns_are_the_first_parts_of_names() {
        let sql = "requestParameters.items[0].actor = $x AND f(userAgent) AND any_match(list, y -> y = 'z')";
        assert_eq!(columns(&tree(sql).unwrap()), ["requestParameters", "userAgent", "list"]);
    }

    #[test]
    fn fields_are_written_out_where_they_are_names() {
        let fields = BTreeMap::from([("bucket".to_owned(), "requestParameters.bucketName".to_owned())]);
        let sql = "bucket = 'it''s a bucket' AND x.bucket = bucket(1) AND \"bucket\" LIKE 'a%'";
        assert_eq!(
            with_fields(sql, &fields).unwrap(),
            "(requestParameters.bucketName) = 'it''s a bucket' AND x.bucket = bucket(1) \
             AND (requestParameters.bucketName) LIKE 'a%'"
        );
    }
}
