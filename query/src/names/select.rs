//! The select list: `userIdentity.*` becomes its fields, and each path gets a name.

use super::DOCUMENTED;
use super::pass::{Pass, engine_name};
use datafusion::sql::sqlparser::ast::{
    self, AccessExpr, ExcludeSelectItem, Expr, Ident, ObjectNamePart, SelectItem,
    SelectItemQualifiedWildcardKind, Subscript, Value, VisitorMut, WildcardAdditionalOptions,
};
use std::collections::HashSet;

impl Pass {
    /// Names unaliased paths by their last step, as Trino does, where that is unique in the list; else by the text
    /// that was typed.
    pub(super) fn name_items(&mut self, select: &mut ast::Select) {
        let items = std::mem::take(&mut select.projection);
        let mut items = items.into_iter().flat_map(|item| self.struct_star(item)).collect::<Vec<_>>();
        let typed = items.iter().map(ToString::to_string).collect::<Vec<_>>();
        for item in &mut items {
            if let SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) = item {
                name_left_out(options);
            }
            if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
                let _ = self.pre_visit_expr(expr);
            }
        }
        let names = items.iter().map(|item| self.name_of(item)).collect::<Vec<_>>();
        for (item, typed) in items.iter_mut().zip(typed) {
            self.give_name(item, &typed, &names);
        }
        select.projection = items;
    }

    /// The output name of an item, as far as it has one by itself.
    fn name_of(&mut self, item: &SelectItem) -> Option<String> {
        match item {
            SelectItem::UnnamedExpr(expr) => last_step(expr).or_else(|| match expr {
                Expr::Identifier(ident) => Some(ident.value.clone()),
                Expr::CompoundIdentifier(parts) => parts.last().map(|part| part.value.clone()),
                _ => None,
            }),
            SelectItem::ExprWithAlias { alias, .. } => {
                self.display.entry(alias.value.to_lowercase()).or_insert_with(|| alias.value.clone());
                Some(alias.value.clone())
            }
            _ => None,
        }
    }

    fn give_name(&mut self, item: &mut SelectItem, typed: &str, names: &[Option<String>]) {
        let SelectItem::UnnamedExpr(expr) = item else { return };
        let as_typed = || Ident::with_quote('"', typed.replace('"', ""));
        let alias = match last_step(expr) {
            Some(name) => {
                let same = names.iter().flatten().filter(|other| other.eq_ignore_ascii_case(&name));
                if same.count() == 1 {
                    self.display.entry(name.to_lowercase()).or_insert_with(|| name.clone());
                    Ident::with_quote('"', name.to_lowercase())
                } else {
                    as_typed()
                }
            }
            None if matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_)) => return,
            None => as_typed(),
        };
        *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
    }

    /// `userIdentity.*` → its documented fields; other items as they are.
    fn struct_star(&self, item: SelectItem) -> Vec<SelectItem> {
        let SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) = &item
        else {
            return vec![item];
        };
        let parts = name.0.iter().filter_map(|part| part.as_ident().cloned()).collect::<Vec<_>>();
        if parts.is_empty() {
            return vec![item];
        }
        let column = self.column_at(&parts).min(parts.len() - 1);
        let path = parts[column..].iter().map(|part| part.value.to_lowercase()).collect::<Vec<_>>().join(".");
        let fields = fields_of(&path);
        if fields.is_empty() || self.relations.contains(&path) {
            return vec![item];
        }
        let field = |name: &str| {
            let parts = parts.iter().cloned().chain([Ident::new(name)]);
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts.collect()))
        };
        fields.into_iter().map(field).collect()
    }
}

/// `* EXCEPT (userIdentity)`, `* EXCLUDE userIdentity`: the columns to leave out, as the engine names them.
fn name_left_out(options: &mut WildcardAdditionalOptions) {
    let rename = |ident: &mut Ident| *ident = engine_name(ident.clone());
    if let Some(except) = &mut options.opt_except {
        rename(&mut except.first_element);
        except.additional_elements.iter_mut().for_each(rename);
    }
    let names = match &mut options.opt_exclude {
        Some(ExcludeSelectItem::Single(name)) => std::slice::from_mut(name),
        Some(ExcludeSelectItem::Multiple(names)) => names,
        None => &mut [],
    };
    for part in names.iter_mut().flat_map(|name| &mut name.0) {
        if let ObjectNamePart::Identifier(ident) = part {
            rename(ident);
        }
    }
}

/// The documented fields right below the struct at `path`, which is in lower case.
fn fields_of(path: &str) -> Vec<&'static str> {
    let mut seen = HashSet::new();
    let below = DOCUMENTED.iter().filter_map(|name| {
        let (head, rest) = name.split_at_checked(path.len())?;
        (head.eq_ignore_ascii_case(path)).then(|| rest.strip_prefix('.'))?
    });
    below.filter_map(|rest| rest.split('.').next()).filter(|field| seen.insert(*field)).collect()
}

/// The last step of a path, if it is a key.
fn last_step(expr: &Expr) -> Option<String> {
    let Expr::CompoundFieldAccess { access_chain, .. } = expr else { return None };
    match access_chain.last()? {
        AccessExpr::Subscript(Subscript::Index { index: Expr::Value(value) }) => match &value.value {
            Value::SingleQuotedString(key) => Some(key.clone()),
            _ => None,
        },
        AccessExpr::Dot(Expr::Identifier(ident)) => Some(ident.value.clone()),
        _ => None,
    }
}
