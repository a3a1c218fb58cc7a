//! The SQL that is understood: DataFusion's generic dialect, with lambdas and JSON arrows that bind as in `PostgreSQL`.

use datafusion::sql::sqlparser::dialect::{Dialect, GenericDialect};
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

/// `GenericDialect` + lambdas + Postgres precedence for the JSON arrows (`a ->> 'k' = 'v'` needs no parentheses).
#[derive(Debug, Default)]
pub(crate) struct Sql(GenericDialect);
macro_rules! yes { ($($f:ident)*) => { $(fn $f(&self) -> bool { true })* } }
impl Dialect for Sql {
    fn dialect(&self) -> std::any::TypeId {
        std::any::TypeId::of::<GenericDialect>()
    }
    fn is_identifier_start(&self, c: char) -> bool {
        self.0.is_identifier_start(c)
    }
    fn is_identifier_part(&self, c: char) -> bool {
        self.0.is_identifier_part(c)
    }
    fn is_delimited_identifier_start(&self, c: char) -> bool {
        c == '"' || c == '`'
    }
    yes!(supports_lambda_functions support_map_literal_syntax supports_dictionary_syntax supports_struct_literal supports_filter_during_aggregation supports_group_by_expr supports_select_wildcard_except
      supports_select_wildcard_exclude supports_select_wildcard_replace supports_window_clause_named_window_reference supports_window_function_null_treatment_arg supports_nested_comments supports_string_escape_constant
      supports_array_typedef_with_brackets supports_values_as_table_factor supports_parens_around_table_factor supports_limit_comma allow_extract_custom allow_extract_single_quotes supports_explain_with_utility_options
      supports_left_associative_joins_without_parens supports_projection_trailing_commas supports_interval_options supports_group_by_with_modifier);
    fn get_next_precedence(&self, p: &Parser) -> Option<std::result::Result<u8, ParserError>> {
        matches!(
            p.peek_token_ref().token,
            Token::Arrow | Token::LongArrow | Token::HashArrow | Token::HashLongArrow
        )
        .then_some(Ok(45))
    }
}
