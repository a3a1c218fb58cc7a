//! Events → issues, and the keys that were in use: two plain scans of a few columns.

use super::among::{one_of, within};
use super::issue::{Issue, Members};
use super::names::Names;
use super::session::{Session, Text};
use super::texts::{COLUMNS, Texts};
use super::windows::Windows;
use super::{Chains, DEPTH, LOOK_BACK};
use crate::engine::Engine;
use crate::functions::json_path::texts_at;
use datafusion::arrow::array::{Array, AsArray, Int64Array, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type, TimeUnit, TimestampMicrosecondType};
use datafusion::catalog::TableProvider;
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::datasource::provider_as_source;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, ident, lit};
use datafusion::physical_plan::{SendableRecordBatchStream, execute_stream};
use futures::TryStreamExt;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Issues that are held at once; each takes some 350 bytes.
const MOST_ISSUES: usize = 2_000_000;

/// Keys in use that are held at once; each takes some 500 bytes.
const MOST_USED: usize = 1_000_000;

/// The calls that give out credentials, and their services.
const CALLS: [&str; 8] = [
    "AssumeRole",
    "AssumeRoleWithSAML",
    "AssumeRoleWithWebIdentity",
    "AssumeRoot",
    "GetFederationToken",
    "GetRoleCredentials",
    "GetSessionToken",
    "GetSigninToken",
];
const SERVICES: [&str; 3] = ["sts.amazonaws.com", "sso.amazonaws.com", "signin.amazonaws.com"];

/// The members of the request that matter, and of the response.
const OF_REQUEST: [&[&str]; 5] =
    [&["roleArn"], &["roleSessionName"], &["targetPrincipal"], &["principalArn"], &["sourceIdentity"]];
const OF_RESPONSE: [&[&str]; 3] =
    [&["credentials", "accessKeyId"], &["assumedRoleUser", "arn"], &["federatedUser", "arn"]];

/// The columns of an issue besides those of a session, [`TIME`] and [`IP`].
const OF_ISSUE: [&str; 4] = ["recipientaccountid", "sharedeventid", "requestparameters", "responseelements"];

/// The columns of both scans besides those of a session.
const TIME: &str = "eventtime";
const IP: &str = "sourceipaddress";

/// The events of a lake, to be asked for issues and keys.
#[derive(Clone)]
pub struct Source {
    state: SessionState,
    events: Arc<dyn TableProvider>,
}

/// A key in use.
#[derive(Clone, Debug)]
pub(super) struct Used {
    pub(super) session: Session,
    pub(super) first: i64,
    /// Where the first call came from.
    pub(super) ip: Text,
}

impl Source {
    pub(super) fn new(state: SessionState, events: Arc<dyn TableProvider>) -> Self {
        Self { state, events }
    }

    /// The events of an engine, if it has a lake.
    #[must_use]
    pub fn of(engine: &Engine) -> Option<Self> {
        Some(Self::new(engine.session().state(), engine.events_of_files()?))
    }

    /// The issues from `from` to `until`, in microseconds since 1970: see [`LOOK_BACK`].
    ///
    /// # Errors
    /// The lake cannot be read, or there are more than two million.
    pub async fn chains(&self, from: Option<i64>, until: Option<i64>) -> Result<Chains> {
        let (mut chains, mut names) = (Chains::default(), Names::default());
        self.issues(bounded(lit(true), from, until), &mut chains, &mut names).await?;
        chains.finish();
        Ok(chains)
    }

    /// The issues that lead to these sessions, each in use at a time. Sessions say when they were created; so only those
    /// seconds are read, link by link, however much else was issued.
    ///
    /// # Errors
    /// As for [`Source::chains`].
    pub(super) async fn chains_of(&self, used: impl Iterator<Item = (&Session, i64)>) -> Result<Chains> {
        let (mut chains, mut names) = (Chains::default(), Names::default());
        let (mut looked_at, mut seen) = (Windows::default(), HashSet::new());
        let mut links =
            used.map(|(session, time)| (names.session(session.clone()), time)).collect::<Vec<_>>();
        for _ in 0..=DEPTH {
            links.retain(|link| link.0.is_temporary() && seen.insert(link.clone()));
            if links.is_empty() {
                break;
            }
            let windows = Windows::of(links.iter().map(|(session, time)| session.issued_within(*time)));
            let new = windows.without(&looked_at);
            if !new.is_empty() {
                self.issues(within(TIME, &new), &mut chains, &mut names).await?;
                chains.finish();
                looked_at.add(&new);
            }
            let issues = links.iter().filter_map(|(session, time)| chains.find(session, *time));
            links = issues.map(|issue| (Arc::clone(&issue.caller), issue.time)).collect();
        }
        Ok(chains)
    }

    /// Adds the issues whose events meet `filter`.
    async fn issues(&self, filter: Expr, chains: &mut Chains, names: &mut Names) -> Result<()> {
        let texts = |list: &[&str]| list.iter().map(|text| lit(*text)).collect::<Vec<_>>();
        let is_issue = ident("eventname")
            .in_list(texts(&CALLS), false)
            .and(ident("eventsource").in_list(texts(&SERVICES), false))
            .and(ident("errorcode").is_null().or(ident("errorcode").eq(lit(""))));
        let columns = COLUMNS.iter().chain(&OF_ISSUE).map(|name| ident(*name)).collect();
        let mut rows = self.rows(is_issue.and(filter), columns).await?;
        while let Some(batch) = rows.try_next().await? {
            read_issues(&batch, chains, names)?;
            if chains.issues.len() > MOST_ISSUES {
                return too_many(MOST_ISSUES, "credentials were issued");
            }
        }
        Ok(())
    }

    /// The keys in use from `from` to `until`, of events that meet `filter`.
    pub(super) async fn used(
        &self,
        filter: Expr,
        from: Option<i64>,
        until: Option<i64>,
    ) -> Result<HashMap<Arc<str>, Used>> {
        let filter = ident(COLUMNS[0]).is_not_null().and(filter);
        let columns = COLUMNS.iter().map(|name| ident(*name)).collect();
        let mut rows = self.rows(bounded(filter, from, until), columns).await?;
        let (mut used, mut names) = (HashMap::<Arc<str>, Used>::new(), Names::default());
        while let Some(batch) = rows.try_next().await? {
            read_used(&batch, &mut used, &mut names)?;
            if used.len() > MOST_USED {
                return too_many(MOST_USED, "keys were in use");
            }
        }
        Ok(used)
    }

    /// The identities in the events with these ids, with their time and address. All are in `windows`, which leaves few
    /// rows whose ids have to be read.
    pub(super) async fn sessions(
        &self,
        ids: &HashSet<String>,
        windows: &Windows,
    ) -> Result<HashMap<String, (Session, i64, Text)>> {
        let columns = COLUMNS.iter().chain(&["eventid"]).map(|name| ident(*name)).collect();
        let filter = within(TIME, windows).and(one_of("eventid", ids));
        let mut rows = self.rows(filter, columns).await?;
        let (mut found, mut names) = (HashMap::new(), Names::default());
        while let Some(batch) = rows.try_next().await? {
            let texts = Texts::new(&batch, &[&COLUMNS[..], &["eventid", IP]].concat())?;
            let times = times(&batch)?;
            for row in (0..batch.num_rows()).filter(|&row| times.is_valid(row)) {
                let Some(id) = texts.get(COLUMNS.len(), row) else { continue };
                let ip = texts.get(COLUMNS.len() + 1, row).map(|ip| names.text(ip));
                found.insert(id.to_owned(), (texts.session(row, &mut names), times.value(row), ip));
            }
        }
        Ok(found)
    }

    async fn rows(&self, filter: Expr, mut columns: Vec<Expr>) -> Result<SendableRecordBatchStream> {
        columns.extend([ident(TIME), ident(IP)]);
        let source = provider_as_source(Arc::clone(&self.events));
        let plan = LogicalPlanBuilder::scan("events", source, None)?.filter(filter)?.project(columns)?;
        let plan = self.state.create_physical_plan(&plan.build()?).await?;
        execute_stream(plan, self.state.task_ctx())
    }
}

/// `filter`, of events from `from` to `until`.
fn bounded(filter: Expr, from: Option<i64>, until: Option<i64>) -> Expr {
    let time = |micros| lit(ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into())));
    let filter = from.iter().fold(filter, |all, from| all.and(ident(TIME).gt_eq(time(*from))));
    until.iter().fold(filter, |all, until| all.and(ident(TIME).lt_eq(time(*until))))
}

/// The time from which issues matter to what was in use from `first` on.
pub(super) fn look_back(first: i64) -> i64 {
    first.saturating_sub(LOOK_BACK)
}

fn too_many<T>(most: usize, what: &str) -> Result<T> {
    exec_err!(
        "more than {most} {what} in this time\nhint: a shorter one takes less: WHERE issuedTime >= '…' AND issuedTime < '…'"
    )
}

fn times(batch: &RecordBatch) -> Result<Int64Array> {
    let column = batch.column(batch.schema_ref().index_of(TIME)?);
    let micros = cast(column, &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))?;
    Ok(micros.as_primitive::<TimestampMicrosecondType>().reinterpret_cast::<Int64Type>())
}

fn read_issues(batch: &RecordBatch, chains: &mut Chains, names: &mut Names) -> Result<()> {
    let texts = Texts::new(batch, &[&COLUMNS[..], &OF_ISSUE, &[IP]].concat())?;
    let times = times(batch)?;
    let mut before = None;
    for row in 0..batch.num_rows() {
        let same = before.take().filter(|_| texts.is_as_before(row));
        if times.is_null(row) {
            continue;
        }
        let caller = same.unwrap_or_else(|| {
            let session = texts.session(row, names);
            names.session(session)
        });
        before = Some(Arc::clone(&caller));
        let more = |number: usize| texts.get(COLUMNS.len() + number, row);
        let [role, session_name, target, saml_provider, source_identity] =
            more(2).map(|request| texts_at(request, OF_REQUEST)).unwrap_or_default();
        let [key, assumed, federated] =
            more(3).map(|response| texts_at(response, OF_RESPONSE)).unwrap_or_default();
        let members = Members {
            key: key.as_deref(),
            assumed: assumed.as_deref(),
            federated: federated.as_deref(),
            role: role.as_deref(),
            session_name: session_name.as_deref(),
            target: target.as_deref(),
            saml_provider: saml_provider.as_deref(),
            source_identity: source_identity.as_deref(),
        };
        let mut issue = Issue::new(caller, times.value(row), &members, names);
        issue.account = more(0).map(|account| names.text(account));
        issue.shared = more(1).filter(|_| !issue.is_by_service()).map(Arc::from);
        issue.ip = more(4).map(|ip| names.text(ip));
        chains.add(issue);
    }
    Ok(())
}

fn read_used(batch: &RecordBatch, used: &mut HashMap<Arc<str>, Used>, names: &mut Names) -> Result<()> {
    let texts = Texts::new(batch, &[&COLUMNS[..], &[IP]].concat())?;
    let times = times(batch)?;
    for row in (0..batch.num_rows()).filter(|&row| times.is_valid(row)) {
        let (Some(key), time) = (texts.get(0, row), times.value(row)) else { continue };
        let ip = || texts.get(COLUMNS.len(), row);
        if let Some(known) = used.get_mut(key) {
            // One of several calls in the first second, whatever the order in which they are read.
            if time < known.first || (time == known.first && ip() < known.ip.as_deref()) {
                (known.session, known.first) = (texts.session(row, names), time);
                known.ip = ip().map(|ip| names.text(ip));
            }
            continue;
        }
        let (session, ip) = (texts.session(row, names), ip().map(|ip| names.text(ip)));
        used.insert(names.text(key), Used { session, first: time, ip });
    }
    Ok(())
}
