//! A probe's SQL → expressions over the columns of the files.
//!
//! In: the statement of a probe, as [`crate::rules::probe`] writes it. Out: its condition, and the values of a hit, as
//! physical expressions that can be held against any batch of those columns. A statement goes through the same passes
//! as in `trailhound sql`, so that its names, types and NULLs are the same; then its projections are put into each other,
//! down to the files.
//!
//! Many rules ask for the same paths into JSON. Each path that differs becomes a column of its own, behind those of the
//! files, which is filled once for all rules.

use super::patterns;
use crate::engine::{Engine, Planner};
use crate::error::Error;
use crate::rules::params::Values;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, plan_err};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::utils::split_conjunction_owned;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::utils::collect_columns;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Functions that read a JSON text, whose results rules share.
const SHARED: [&str; 3] = ["json_path", "json_values", "json_items"];

/// A statement's condition and columns, over the columns of the files.
pub(super) struct Flat {
    conditions: Vec<Expr>,
    columns: Vec<(String, Expr)>,
}

/// What reads the statements of probes.
pub(super) struct Reader {
    planner: Planner,
    /// The columns of `cloudtrail`, over those of the files.
    columns: Vec<Expr>,
}

impl Reader {
    /// # Errors
    /// The engine has no lake.
    pub(super) async fn new(engine: &Engine) -> Result<Self, Error> {
        let planner = engine.planner().await?;
        let view = &planner.view;
        let columns = view.schema().columns().into_iter().map(Expr::Column).collect();
        let of_files = |name: &str| Expr::Column(Column::from_name(name));
        let (columns, _) = put_together(view, columns, &|_, name| of_files(name))?;
        Ok(Self { planner, columns })
    }

    /// Reads the statement of a probe.
    ///
    /// # Errors
    /// It is not understood, or is more than columns of rows that meet conditions.
    pub(super) async fn read(&self, text: &str, values: &Values) -> Result<Flat, Error> {
        let (plan, schema) = self.planner.analyzed(text, values).await?;
        let columns = plan.schema().columns().into_iter().map(Expr::Column).collect();
        let (columns, conditions) = put_together(&plan, columns, &|at, _| self.columns[at].clone())?;
        let names = schema.fields().iter().map(|field| field.name().clone());
        let conditions = conditions.into_iter().flat_map(split_conjunction_owned).collect();
        Ok(Flat { conditions, columns: names.zip(columns).collect() })
    }
}

/// Values, which are over the columns of a plan, in terms of what `scanned` says of the columns of its table, by their
/// place and name; and the conditions of the plan's rows.
fn put_together(
    mut plan: &LogicalPlan,
    mut exprs: Vec<Expr>,
    scanned: &dyn Fn(usize, &str) -> Expr,
) -> Result<(Vec<Expr>, Vec<Expr>), Error> {
    let count = exprs.len();
    loop {
        // The columns of a plan in terms of what is below it.
        let below = |expr: Expr, column: &dyn Fn(usize) -> Expr| replaced(expr, plan, column);
        (exprs, plan) = match plan {
            LogicalPlan::TableScan(scan) => {
                let column = |at: usize| scanned(at, scan.projected_schema.field(at).name());
                let mut exprs =
                    exprs.into_iter().map(|expr| below(expr, &column)).collect::<Result<Vec<_>, _>>()?;
                let conditions = exprs.split_off(count);
                return Ok((exprs, conditions));
            }
            LogicalPlan::SubqueryAlias(alias) => {
                let column = |at: usize| Expr::Column(Column::from(alias.input.schema().qualified_field(at)));
                (exprs.into_iter().map(|expr| below(expr, &column)).collect::<Result<_, _>>()?, &alias.input)
            }
            LogicalPlan::Projection(projection) => {
                let column = |at: usize| projection.expr[at].clone().unalias();
                (
                    exprs.into_iter().map(|expr| below(expr, &column)).collect::<Result<_, _>>()?,
                    &projection.input,
                )
            }
            LogicalPlan::Filter(filter) => {
                exprs.push(filter.predicate.clone());
                (exprs, &filter.input)
            }
            other => {
                return Ok(plan_err!("a rule looks at single events, and cannot have {}", other.display())?);
            }
        };
    }
}

/// `expr` with what `column` gives in the place of each column of `plan`.
fn replaced(expr: Expr, plan: &LogicalPlan, column: &dyn Fn(usize) -> Expr) -> Result<Expr, Error> {
    let replaced = expr.transform_down(|expr| match &expr {
        // What is put in is in other names, and must not be looked up again.
        Expr::Column(name) => {
            let at = plan.schema().index_of_column(name)?;
            Ok(Transformed::new(column(at), true, TreeNodeRecursion::Jump))
        }
        _ => Ok(Transformed::no(expr)),
    })?;
    Ok(replaced.data)
}

/// A probe, ready to be held against batches.
pub(super) struct Compiled {
    /// Conditions that read no JSON, over the columns of the files.
    pub(super) cheap: Vec<OfText>,
    /// The other conditions, over `input`.
    pub(super) dear: Vec<Arc<dyn PhysicalExpr>>,
    /// The values of a hit, over `input`: those that every hit has, then its own.
    pub(super) values: Vec<OfText>,
    /// Their names.
    pub(super) output: SchemaRef,
    /// The columns of the files, and behind them the shared ones that the probe reads.
    pub(super) input: SchemaRef,
    /// Which these are, and whether a condition reads them.
    pub(super) reads: Vec<(usize, bool)>,
    /// Of each column of the files, whether it is read once the cheap conditions are met.
    pub(super) needs: Vec<bool>,
}

/// An expression that may be about one text.
#[derive(Clone)]
pub(super) struct OfText {
    /// Over all columns.
    pub(super) of_rows: Arc<dyn PhysicalExpr>,
    /// The number of the one text of the files that it is about, and the same over nothing but that: a text is often the
    /// same in many rows, and need be held against a pattern only once. None where comparing is as quick as looking up.
    pub(super) of_text: Option<(usize, Arc<dyn PhysicalExpr>)>,
}

/// All probes of a run.
pub(super) struct Program {
    pub(super) probes: Vec<Compiled>,
    /// Names of the columns of the files that they read.
    pub(super) columns: Vec<String>,
    /// How the shared columns are made of them.
    pub(super) shared: Vec<Arc<dyn PhysicalExpr>>,
}

/// A probe whose paths are shared, but that is no physical expression yet.
struct Logical {
    cheap: Vec<Expr>,
    dear: Vec<Expr>,
    names: Vec<String>,
    values: Vec<Expr>,
}

/// Compiles probes for batches that have the columns `always` and what else they need. Every hit has the columns of
/// `every`, which read no JSON.
///
/// # Errors
/// An expression cannot be executed.
pub(super) fn compile(
    engine: &Engine,
    every: Flat,
    probes: Vec<Flat>,
    always: &[&str],
) -> Result<Program, Error> {
    let files = engine.flat_schema();
    let all = DFSchema::try_from(Arc::clone(&files))?;
    let state = engine.session().state();
    let context = SimplifyContext::builder().with_schema(Arc::new(all.clone()));
    let context = context.with_config_options(Arc::clone(state.config_options())).build();
    let simplifier = ExprSimplifier::new(context);
    let mut paths = Paths { found: Vec::new(), numbers: HashMap::new() };
    let mut shared = |exprs: Vec<Expr>| {
        exprs
            .into_iter()
            .map(|expr| paths.share(patterns::compiled(simplifier.simplify(expr)?)?))
            .collect::<Result<Vec<_>, Error>>()
    };
    let (every_names, every_values) = every.columns.into_iter().unzip::<_, _, Vec<_>, Vec<_>>();
    let every_values = shared(every_values)?;
    let mut logical = Vec::new();
    for Flat { conditions, mut columns } in probes {
        columns.retain(|(name, _)| name != "nothing");
        let (names, values) = columns.into_iter().unzip::<_, _, Vec<_>, Vec<_>>();
        let (dear, cheap) = shared(conditions)?.into_iter().partition(|expr| !shared_of([expr]).is_empty());
        logical.push(Logical { cheap, dear, names, values: shared(values)? });
    }
    let exprs = logical.iter().flat_map(|probe| probe.cheap.iter().chain(&probe.dear).chain(&probe.values));
    let columns = exprs
        .chain(&paths.found)
        .chain(&every_values)
        .flat_map(Expr::column_refs)
        .map(|column| column.name.as_str());
    let columns = columns.filter(|name| shared_number(name).is_none()).chain(always.iter().copied());
    let columns = columns.map(str::to_owned).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>();
    let base = columns.iter().map(|name| Ok(files.field_with_name(name)?.clone()));
    let base = base.collect::<Result<Vec<_>, Error>>()?;
    let physical = |exprs: &[Expr], schema: &DFSchema| {
        let exprs = exprs.iter().map(|expr| state.create_physical_expr(expr.clone(), schema));
        exprs.collect::<datafusion::common::Result<Vec<_>>>()
    };
    let named = |fields: &[Field]| DFSchema::try_from(Schema::new(fields.to_vec()));
    let over_base = named(&base)?;
    let shared = physical(&paths.found, &over_base)?;
    let plain = |of_rows| OfText { of_rows, of_text: None };
    let every_values = physical(&every_values, &over_base)?.into_iter().map(plain).collect::<Vec<_>>();
    let every_fields = fields(&every_names, &every_values, over_base.as_arrow())?;
    let mut probes = Vec::new();
    for Logical { cheap, dear, names, values } in logical {
        let of_conditions = shared_of(&dear);
        let reads = shared_of(dear.iter().chain(&values)).into_iter();
        let reads = reads.map(|number| (number, of_conditions.contains(&number))).collect::<Vec<_>>();
        let mut input = base.clone();
        for &(number, _) in &reads {
            input.push(Field::new(shared_name(number), paths.found[number].get_type(&all)?, true));
        }
        let input = named(&input)?;
        let of_text = |exprs: &[Expr], over: &DFSchema| {
            let of_rows = physical(exprs, over)?.into_iter();
            let both = of_rows.zip(exprs).map(|(of_rows, expr)| {
                let of_text = text_of(expr, &base).map(|number| {
                    let of_text = physical(std::slice::from_ref(expr), &named(&base[number..=number])?)?;
                    Ok::<_, Error>((number, Arc::clone(&of_text[0])))
                });
                Ok(OfText { of_rows, of_text: of_text.transpose()? })
            });
            both.collect::<Result<Vec<_>, Error>>()
        };
        let (cheap, values) = (of_text(&cheap, &over_base)?, of_text(&values, &input)?);
        let dear = physical(&dear, &input)?;
        let input = Arc::clone(input.inner());
        let own = fields(&names, &values, &input)?;
        let output = Arc::new(Schema::new([&every_fields[..], &own].concat()));
        let values = every_values.iter().cloned().chain(values).collect::<Vec<_>>();
        let of_values = values.iter().map(|value: &OfText| &value.of_rows);
        let read = of_values.chain(&dear).chain(reads.iter().map(|&(number, _)| &shared[number]));
        let read = read.flat_map(collect_columns).map(|column| column.index()).collect::<BTreeSet<_>>();
        let needs = (0..base.len()).map(|number| read.contains(&number)).collect();
        probes.push(Compiled { cheap, dear, values, output, input, reads, needs });
    }
    Ok(Program { probes, columns, shared })
}

/// The number of the text that an expression is about, where that is all it is about, and it costs more than a comparison.
fn text_of(expr: &Expr, base: &[Field]) -> Option<usize> {
    let is_dear = |expr: &Expr| {
        Ok(matches!(expr, Expr::ScalarFunction(_) | Expr::Like(_) | Expr::SimilarTo(_) | Expr::Cast(_)))
    };
    let is_dear = expr.exists(is_dear).unwrap_or(false);
    let columns = expr.column_refs();
    let mut columns = columns.iter();
    let (Some(column), None, true) = (columns.next(), columns.next(), is_dear && !expr.is_volatile()) else {
        return None;
    };
    let is_it = |field: &Field| field.name() == &column.name && field.data_type() == &DataType::Utf8View;
    base.iter().position(is_it)
}

/// The fields of values over `input`.
fn fields(names: &[String], values: &[OfText], input: &Schema) -> Result<Vec<Field>, Error> {
    let fields = names.iter().zip(values);
    fields.map(|(name, value)| Ok(Field::new(name, value.of_rows.data_type(input)?, true))).collect()
}

/// The numbers of the shared columns that expressions read.
fn shared_of<'a>(exprs: impl IntoIterator<Item = &'a Expr>) -> BTreeSet<usize> {
    let names = exprs.into_iter().flat_map(Expr::column_refs).map(|column| &column.name);
    names.filter_map(|name| shared_number(name)).collect()
}

/// No column of ours begins so.
const PREFIX: &str = "__shared_";

fn shared_name(number: usize) -> String {
    format!("{PREFIX}{number}")
}

fn shared_number(name: &str) -> Option<usize> {
    name.strip_prefix(PREFIX)?.parse().ok()
}

/// Paths into JSON columns, each once.
struct Paths {
    found: Vec<Expr>,
    numbers: HashMap<Expr, usize>,
}

impl Paths {
    /// `expr` with a column in the place of each path.
    fn share(&mut self, expr: Expr) -> Result<Expr, Error> {
        let shared = expr.transform_down(|expr| {
            if !is_path(&expr) {
                return Ok(Transformed::no(expr));
            }
            let number = *self.numbers.entry(expr.clone()).or_insert_with(|| {
                self.found.push(expr);
                self.found.len() - 1
            });
            Ok(Transformed::yes(Expr::Column(Column::from_name(shared_name(number)))))
        })?;
        Ok(shared.data)
    }
}

/// A function of [`SHARED`] over a column, with constants.
fn is_path(expr: &Expr) -> bool {
    let Expr::ScalarFunction(call) = expr else { return false };
    let mut arguments = call.args.iter();
    SHARED.contains(&call.name())
        && matches!(arguments.next(), Some(Expr::Column(_)))
        && arguments.all(|argument| matches!(argument, Expr::Literal(..)))
}
