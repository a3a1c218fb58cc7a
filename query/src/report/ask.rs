//! The facts of a report: a statement for each part of the page, over all events in scope.

use super::changes::{Change, changes};
use super::events::{Embedded, events};
use super::scope::Scope;
use crate::engine::Engine;
use crate::error::Error;
use crate::names::values::{Value, Values};
use crate::output::cells;
use std::collections::BTreeSet;

/// Rows of the short lists, of sessions, and of the longer tables.
const SHORT: usize = 10;
const SESSIONS: usize = 60;
const LONG: usize = 200;

/// Keys whose origin is looked up.
const KEYS: usize = 40;

/// A call that was not done. `ConsoleLogin` has no `errorCode`.
const FAILED: &str = "(errorCode IS NOT NULL OR coalesce(responseElements.ConsoleLogin = 'Failure', false))";

/// Cells of a table, and how many rows there are in all.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) rows: Vec<Vec<String>>,
    pub(super) total: u64,
}

/// What is said of all events.
#[derive(Debug, Default)]
pub(super) struct Summary {
    pub(super) calls: u64,
    pub(super) failed: u64,
    pub(super) writes: u64,
    /// Seconds since 1970 of the first and the last.
    pub(super) first: i64,
    pub(super) last: i64,
}

/// Everything that the page shows.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) summary: Summary,
    /// Seconds of a bar, and its start, calls and failed calls.
    pub(super) step: i64,
    pub(super) bars: Vec<(i64, u64, u64)>,
    /// Service, hour of the day, calls.
    pub(super) hours: Vec<(String, usize, u64)>,
    /// By [`LISTS`]: a value, calls, failed calls, first and last.
    pub(super) lists: Vec<Table>,
    pub(super) origins: Table,
    pub(super) sessions: Table,
    pub(super) findings: Table,
    pub(super) changes: Vec<Change>,
    pub(super) unlisted: u64,
    pub(super) failures: Table,
    pub(super) on: Table,
    pub(super) events: Embedded,
}

/// The short lists: a title, the column, and what is shown of it.
pub(super) const LISTS: [(&str, &str, &str); 6] = [
    (
        "Identities",
        "userIdentity.type",
        "coalesce(userIdentity.arn, userIdentity.invokedBy, userIdentity.userName, userIdentity.principalId, \
         userIdentity.type)",
    ),
    (
        "Addresses",
        "sourceIPAddress",
        "concat_ws(' · ', sourceIPAddress, country(sourceIPAddress), as_org(sourceIPAddress))",
    ),
    ("Accounts", "recipientAccountId", "recipientAccountId"),
    ("Regions", "awsRegion", "awsRegion"),
    ("Calls", "eventName", "concat(replace(eventSource, '.amazonaws.com', ''), ':', eventName)"),
    ("User agents", "userAgent", "userAgent"),
];

/// The answer of a statement, as text.
pub(super) async fn rows(engine: &Engine, sql: &str, values: &Values) -> Result<Vec<Vec<String>>, Error> {
    let batches = engine.rows(sql, values).await?;
    let batches = batches.iter().map(cells).collect::<Result<Vec<_>, _>>()?;
    Ok(batches.into_iter().flatten().collect())
}

/// One report's questions.
struct Asking<'a> {
    engine: &'a Engine,
    scope: &'a Scope,
}

/// The facts about the events in `scope`, `max_events` of them in full. `None`: there are no events.
pub(super) async fn ask(engine: &Engine, scope: &Scope, max_events: usize) -> Result<Option<Facts>, Error> {
    let asking = Asking { engine, scope };
    let summary = asking.summary().await?;
    if summary.calls == 0 {
        return Ok(None);
    }
    let step = step(summary.last - summary.first);
    let lists =
        futures::future::try_join_all(LISTS.iter().map(|(_, column, label)| asking.list(column, label)));
    let (bars, hours, lists) = futures::try_join!(asking.bars(step), asking.hours(), lists)?;
    let (sessions, findings, failures, on) =
        futures::try_join!(asking.sessions(), asking.findings(), asking.failures(), asking.on())?;
    let origins = asking.origins(&sessions);
    let changes = changes(engine, scope);
    let events = events(engine, scope, FAILED, max_events);
    let (origins, (changes, unlisted), events) = futures::try_join!(origins, changes, events)?;
    Ok(Some(Facts {
        summary,
        step,
        bars,
        hours,
        lists,
        origins,
        sessions,
        findings,
        changes,
        unlisted,
        failures,
        on,
        events,
    }))
}

/// Whether there is any event that `scope` names.
pub(super) async fn is_known(engine: &Engine, scope: &Scope) -> Result<bool, Error> {
    let sql = format!("SELECT 1 FROM cloudtrail WHERE {} LIMIT 1", scope.all());
    Ok(!rows(engine, &sql, &scope.values).await?.is_empty())
}

impl Asking<'_> {
    async fn rows(&self, sql: &str) -> Result<Vec<Vec<String>>, Error> {
        rows(self.engine, sql, &self.scope.values).await
    }

    /// A table whose last column says how many rows there are without its limit.
    async fn table(&self, sql: &str) -> Result<Table, Error> {
        let mut rows = self.rows(sql).await?;
        let totals = rows.iter_mut().map(|row| row.pop().map_or(0, |total| number(&total)));
        let total = totals.max().unwrap_or(0);
        Ok(Table { rows, total })
    }

    async fn summary(&self) -> Result<Summary, Error> {
        let all = self.scope.all();
        let rows = self
            .rows(&format!(
                "SELECT count(*), count(*) FILTER (WHERE {FAILED}), count(*) FILTER (WHERE readOnly = false), \
                 to_unixtime(min(eventTime)), to_unixtime(max(eventTime)) FROM cloudtrail WHERE {all}"
            ))
            .await?;
        let Some([calls, failed, writes, first, last]) = rows.first().map(Vec::as_slice) else {
            return Ok(Summary::default());
        };
        let moment = |text: &String| text.parse().unwrap_or(0);
        let (first, last) = (moment(first), moment(last));
        Ok(Summary { calls: number(calls), failed: number(failed), writes: number(writes), first, last })
    }

    async fn bars(&self, step: i64) -> Result<Vec<(i64, u64, u64)>, Error> {
        let all = self.scope.all();
        let start = format!("CAST(to_unixtime(eventTime) AS BIGINT) / {step} * {step}");
        let sql = format!(
            "SELECT {start}, count(*), count(*) FILTER (WHERE {FAILED}) FROM cloudtrail \
             WHERE ({all}) AND eventTime IS NOT NULL GROUP BY 1 ORDER BY 1"
        );
        let bar = |row: Vec<String>| match row.as_slice() {
            [start, calls, failed] => Some((start.parse().ok()?, number(calls), number(failed))),
            _ => None,
        };
        Ok(self.rows(&sql).await?.into_iter().filter_map(bar).collect())
    }

    async fn hours(&self) -> Result<Vec<(String, usize, u64)>, Error> {
        let all = self.scope.all();
        let sql = format!(
            "SELECT eventSource, CAST(date_part('hour', eventTime) AS BIGINT), count(*) FROM cloudtrail \
             WHERE ({all}) AND eventTime IS NOT NULL AND eventSource IS NOT NULL GROUP BY 1, 2"
        );
        let cell = |row: Vec<String>| match row.as_slice() {
            [service, hour, calls] => Some((service.clone(), hour.parse().ok()?, number(calls))),
            _ => None,
        };
        Ok(self.rows(&sql).await?.into_iter().filter_map(cell).collect())
    }

    async fn list(&self, column: &str, label: &str) -> Result<Table, Error> {
        let by = &self.scope.by;
        self.table(&format!(
            "SELECT {label}, count(*), count(*) FILTER (WHERE {FAILED}), min(eventTime), max(eventTime), \
             count(*) OVER () FROM cloudtrail WHERE ({by}) AND {column} IS NOT NULL \
             GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {SHORT}"
        ))
        .await
    }

    async fn sessions(&self) -> Result<Table, Error> {
        let by = &self.scope.by;
        self.table(&format!(
            "SELECT userIdentity.accessKeyId, coalesce(userIdentity.arn, userIdentity.invokedBy, userIdentity.type), \
             sourceIPAddress, userAgent, min(eventTime), max(eventTime), count(*), \
             count(*) FILTER (WHERE {FAILED}), count(*) OVER () FROM cloudtrail WHERE {by} \
             GROUP BY 1, 2, 3, 4 ORDER BY 7 DESC, 5 LIMIT {SESSIONS}"
        ))
        .await
    }

    /// Who is behind the keys of the sessions.
    async fn origins(&self, sessions: &Table) -> Result<Table, Error> {
        let keys = sessions.rows.iter().filter_map(|row| row.first()).filter(|key| !key.is_empty());
        let keys = keys.take(KEYS).collect::<BTreeSet<_>>();
        if keys.is_empty() {
            return Ok(Table::default());
        }
        let name = |number: usize| format!("key{number}");
        let values = keys.iter().enumerate().map(|(number, key)| (name(number), Value::Text((*key).clone())));
        let values = values.collect::<Values>();
        // A list of literals is what the table can narrow its work by.
        let names = (0..keys.len()).map(|number| format!("${}", name(number))).collect::<Vec<_>>().join(", ");
        let sql = format!(
            "SELECT origin, originType, originIP, array_to_string(path, ' → '), count(*), min(issuedTime) \
             FROM actor_chain WHERE accessKeyId IN ({names}) GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC, 1 LIMIT {SHORT}"
        );
        let rows = rows(self.engine, &sql, &values).await?;
        Ok(Table { total: rows.len() as u64, rows })
    }

    /// Findings that name the entity, or an event of the report.
    async fn findings(&self) -> Result<Table, Error> {
        let by = &self.scope.by;
        let bound = |name: &str, test: &str| {
            self.scope.values.get(name).map_or_else(String::new, |_| format!(" AND {test} ${name}"))
        };
        let range = bound("since", "lasttime >=") + &bound("until", "firsttime <");
        self.table(&format!(
            "SELECT firsttime, severity, rule, alert, count, id, count(*) OVER () FROM findings WHERE id IN ( \
               SELECT id FROM findings WHERE id = $entity OR actor = $entity OR strpos(entities, $quoted) > 0 \
               UNION SELECT held.id FROM (SELECT id, unnest(eventids) AS event FROM findings) held \
               JOIN cloudtrail ON cloudtrail.eventID = held.event WHERE {by}) \
             {range} ORDER BY firsttime LIMIT {LONG}"
        ))
        .await
    }

    async fn failures(&self) -> Result<Table, Error> {
        let all = self.scope.all();
        self.table(&format!(
            "SELECT replace(eventSource, '.amazonaws.com', ''), eventName, coalesce(errorCode, 'Failure'), count(*), \
             min(eventTime), max(eventTime), min(errorMessage), count(*) OVER () FROM cloudtrail \
             WHERE ({all}) AND {FAILED} GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2 LIMIT {LONG}"
        ))
        .await
    }

    async fn on(&self) -> Result<Table, Error> {
        let Some(on) = &self.scope.on else { return Ok(Table::default()) };
        self.table(&format!(
            "SELECT eventTime, replace(eventSource, '.amazonaws.com', ''), eventName, actor, sourceIPAddress, \
             errorCode, count(*) OVER () FROM cloudtrail WHERE {on} ORDER BY eventTime LIMIT {LONG}"
        ))
        .await
    }
}

/// A count that the engine printed.
fn number(text: &str) -> u64 {
    text.parse().unwrap_or(0)
}

/// The narrowest bar of a common length of which a hundred or so cover `seconds`.
fn step(seconds: i64) -> i64 {
    const STEPS: [i64; 13] =
        [1, 5, 15, 60, 300, 900, 3_600, 10_800, 21_600, 86_400, 604_800, 2_592_000, 31_536_000];
    STEPS.into_iter().find(|step| seconds / step < 120).unwrap_or(STEPS[12])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_has_a_common_length() {
        for (seconds, expected) in [(0, 1), (119, 1), (120, 5), (86_400, 900), (7 * 86_400, 10_800)] {
            assert_eq!(step(seconds), expected, "{seconds}");
        }
    }
}
