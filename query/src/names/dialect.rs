//! The SQL that is understood: DataFusion's generic dialect, with lambdas, JSON arrows that bind as in `PostgreSQL`, and
//! the types of Trino in casts.

use super::casts;
use datafusion::sql::sqlparser::ast::Expr;
use datafusion::sql::sqlparser::dialect::{Dialect, GenericDialect};
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

/// How tightly JSON arrows bind: `a ->> 'k' = 'v'` needs no parentheses.
const ARROWS: u8 = 45;

/// The dialect. To DataFusion it is the generic one, so that its own parser treats it as such.
#[derive(Debug, Default)]
pub(super) struct Sql(GenericDialect);

macro_rules! supported {
    ($($feature:ident)*) => { $(fn $feature(&self) -> bool { true })* }
}

impl Dialect for Sql {
    fn dialect(&self) -> std::any::TypeId {
        std::any::TypeId::of::<GenericDialect>()
    }

    fn is_identifier_start(&self, character: char) -> bool {
        self.0.is_identifier_start(character)
    }

    fn is_identifier_part(&self, character: char) -> bool {
        self.0.is_identifier_part(character)
    }

    fn is_delimited_identifier_start(&self, character: char) -> bool {
        character == '"' || character == '`'
    }

    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        let token = &parser.peek_token_ref().token;
        let is_arrow =
            matches!(token, Token::Arrow | Token::LongArrow | Token::HashArrow | Token::HashLongArrow);
        is_arrow.then_some(Ok(ARROWS))
    }

    fn parse_prefix(&self, parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
        casts::parse(parser)
    }

    // What the generic dialect supports, lambdas, and DuckDB's comma at the end of a list.
    supported! {
        allow_extract_custom
        allow_extract_single_quotes
        supports_array_typedef_with_brackets
        supports_dictionary_syntax
        supports_explain_with_utility_options
        supports_filter_during_aggregation
        supports_group_by_expr
        supports_group_by_with_modifier
        supports_interval_options
        supports_lambda_functions
        supports_left_associative_joins_without_parens
        supports_limit_comma
        support_map_literal_syntax
        supports_nested_comments
        supports_parens_around_table_factor
        supports_projection_trailing_commas
        supports_select_wildcard_except
        supports_select_wildcard_exclude
        supports_select_wildcard_replace
        supports_string_escape_constant
        supports_struct_literal
        supports_trailing_commas
        supports_values_as_table_factor
        supports_window_clause_named_window_reference
        supports_window_function_null_treatment_arg
    }
}
