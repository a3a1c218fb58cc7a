//! One version of a table's log: from what is to be committed to its bytes, and back.
//!
//! In: new files, the objects whose rows they hold, a token. Out: the JSON of one version; and, from the JSON of any
//! version, what the ledger wants to know of it. The ledger rides in `commitInfo`, under keys of our own that other
//! tools keep and ignore: `logobjs` (the identities, 16 bytes each, base64), `logfiles` (the files with the rows of
//! the table of that name), `commitToken` (by which a writer knows its own commit again) and `duplicates` (the rows
//! that an exchange of files left out, since they are in the table once more).

use super::{
    error::LakeError,
    files::{LakeFile, LakeTable, NewFile},
    object_id::ObjectId,
};
use crate::schema::DATE;
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use deltalake::{
    kernel::{Action, CommitInfo, Transaction, transaction::CommitData},
    logstore::get_actions,
    protocol::{DeltaOperation, SaveMode},
};
use serde_json::{Value, json};
use std::collections::HashMap;

const OBJECTS: &str = "logobjs";
const LOGFILES: &str = "logfiles";
const TOKEN: &str = "commitToken";
const DUPLICATES: &str = "duplicates";

/// What is to be committed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Draft<'a> {
    pub(super) adds: &'a [NewFile],
    /// Files whose rows are in `adds`. If there are any, the commit brings nothing new.
    pub(super) removes: &'a [LakeFile],
    /// Rows of `removes` that are not in `adds`.
    pub(super) duplicates: u64,
    /// The rows of `removes` are in `adds` with other values.
    pub(super) is_update: bool,
    /// The ledger; `None` for tables without one.
    pub(super) objects: Option<&'a [ObjectId]>,
    pub(super) logfiles: &'a [NewFile],
    /// Application and its new value.
    pub(super) txn: Option<(&'a str, i64)>,
    /// The same on every try.
    pub(super) token: &'a str,
}

impl Draft<'_> {
    /// The bytes of the version after `read_version`.
    pub(super) fn bytes(&self, table: LakeTable, read_version: u64) -> Result<Bytes, LakeError> {
        let is_append = self.removes.is_empty();
        let mut info = HashMap::from([
            (TOKEN.to_owned(), json!(self.token)),
            ("isBlindAppend".to_owned(), json!(is_append)),
            ("readVersion".to_owned(), json!(read_version)),
        ]);
        if !is_append {
            info.insert(DUPLICATES.to_owned(), json!(self.duplicates));
        }
        if let Some(objects) = self.objects {
            let hashes = objects.iter().flat_map(|id| id.to_bytes()).collect::<Vec<_>>();
            info.insert(OBJECTS.to_owned(), json!(BASE64_STANDARD.encode(hashes)));
        }
        if !self.logfiles.is_empty() {
            info.insert(LOGFILES.to_owned(), json!(self.logfiles));
        }
        let is_new_data = is_append || self.is_update;
        let removes = self.removes.iter().map(|file| Action::Remove(file.remove(is_new_data)));
        let adds = self.adds.iter().map(|file| Action::Add(file.add(is_new_data)));
        let operation = if is_append {
            DeltaOperation::Write {
                mode: SaveMode::Append,
                partition_by: Some(vec![DATE.to_owned()]),
                predicate: None,
            }
        } else if self.is_update {
            DeltaOperation::Update { predicate: None }
        } else {
            let size = self.adds.iter().map(|file| file.size).max().unwrap_or(0);
            DeltaOperation::Optimize { predicate: None, target_size: i64::try_from(size).unwrap_or(i64::MAX) }
        };
        let txns = self.txn.iter().map(|(app, value)| Transaction::new(app, *value)).collect();
        CommitData::new(removes.chain(adds).collect(), operation, info, txns).get_bytes().map_err(|error| {
            LakeError::BadCommit { table: table.name(), version: read_version + 1, reason: error.to_string() }
        })
    }
}

/// A file that a commit adds.
#[derive(Debug)]
pub(super) struct Added {
    pub(super) file: LakeFile,
    /// False when its rows were in the table before, as after a compaction.
    pub(super) is_new_data: bool,
}

/// What the log says about one version.
#[derive(Debug, Default)]
pub(super) struct Commit {
    pub(super) version: u64,
    pub(super) token: Option<String>,
    /// The objects it brought; `None` when the commit carries no ledger.
    pub(super) objects: Option<Vec<ObjectId>>,
    pub(super) logfiles: Vec<NewFile>,
    pub(super) added: Vec<Added>,
    pub(super) removed: Vec<String>,
    pub(super) txns: Vec<(String, i64)>,
    /// Changes the schema, the properties or the protocol.
    pub(super) alters: bool,
}

impl Commit {
    /// Reads the JSON of a version.
    pub(super) fn parse(table: LakeTable, version: u64, bytes: &Bytes) -> Result<Self, LakeError> {
        let bad = |reason| LakeError::BadCommit { table: table.name(), version, reason };
        let mut commit = Self { version, ..Self::default() };
        for action in get_actions(version, bytes).map_err(|error| bad(error.to_string()))? {
            match action {
                Action::CommitInfo(info) => commit.read_info(info).map_err(bad)?,
                Action::Add(add) => {
                    let file = LakeFile::from_add(&add);
                    commit.added.push(Added { file, is_new_data: add.data_change });
                }
                Action::Remove(remove) => commit.removed.push(remove.path),
                Action::Txn(txn) => commit.txns.push((txn.app_id, txn.version)),
                Action::Metadata(_) | Action::Protocol(_) => commit.alters = true,
                Action::Cdc(_) | Action::DomainMetadata(_) => {}
            }
        }
        Ok(commit)
    }

    fn read_info(&mut self, mut info: CommitInfo) -> Result<(), String> {
        if let Some(Value::String(token)) = info.info.remove(TOKEN) {
            self.token = Some(token);
        }
        if let Some(objects) = info.info.remove(OBJECTS) {
            self.objects =
                Some(read_objects(&objects).ok_or_else(|| format!("'{OBJECTS}' is not a list of hashes"))?);
        }
        if let Some(logfiles) = info.info.remove(LOGFILES) {
            self.logfiles =
                serde_json::from_value(logfiles).map_err(|error| format!("'{LOGFILES}': {error}"))?;
        }
        Ok(())
    }

    /// Rows came in that the ledger knows nothing about.
    pub(super) fn is_foreign(&self) -> bool {
        self.objects.is_none() && self.added.iter().any(|added| added.is_new_data)
    }
}

fn read_objects(value: &Value) -> Option<Vec<ObjectId>> {
    let bytes = BASE64_STANDARD.decode(value.as_str()?).ok()?;
    let (hashes, rest) = bytes.as_chunks::<{ ObjectId::BYTES }>();
    rest.is_empty().then(|| hashes.iter().map(|hash| ObjectId::from_bytes(*hash)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> NewFile {
        NewFile { path: path.to_owned(), size: 7, date: 20_423, rows: 2, stats: json!({"numRecords": 2}) }
    }

    #[test]
    fn a_commit_reads_back() {
        let (adds, logfiles) =
            ([file("date=2025-12-01/part-a b.parquet")], [file("date=2025-12-01/x.parquet")]);
        let objects = [ObjectId(1), ObjectId(u128::MAX)];
        let draft = Draft {
            adds: &adds,
            objects: Some(&objects),
            logfiles: &logfiles,
            txn: Some(("app", 9)),
            token: "t",
            ..Draft::default()
        };
        let commit =
            Commit::parse(LakeTable::Events, 4, &draft.bytes(LakeTable::Events, 3).unwrap()).unwrap();
        assert_eq!((commit.version, commit.token.as_deref()), (4, Some("t")));
        assert_eq!(commit.objects.as_deref(), Some(&objects[..]));
        assert_eq!(commit.logfiles, logfiles);
        assert_eq!(commit.txns, [("app".to_owned(), 9)]);
        let [Added { file, is_new_data: true }] = &commit.added[..] else { panic!("{:?}", commit.added) };
        assert_eq!(
            (file.path.as_str(), file.date, file.rows, file.size),
            (adds[0].path.as_str(), 20_423, 2, 7)
        );
        assert!(!commit.alters && !commit.is_foreign());
    }

    #[test]
    fn an_exchange_brings_nothing_new() {
        let old = LakeFile::new("date=2025-12-01/part-a b.parquet", 7, Some("2025-12-01"), None, 5);
        let draft =
            Draft { adds: &[file("new.parquet")], removes: std::slice::from_ref(&old), ..Draft::default() };
        let bytes = draft.bytes(LakeTable::Events, 3).unwrap();
        let commit = Commit::parse(LakeTable::Events, 4, &bytes).unwrap();
        assert_eq!(commit.removed, [old.path]);
        assert!(!commit.added[0].is_new_data && commit.objects.is_none() && !commit.is_foreign());
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert_eq!(text.matches("\"dataChange\":false").count(), 2, "{text}");
    }

    #[test]
    fn an_update_says_that_rows_changed() {
        let old = LakeFile::new("old.parquet", 7, Some("2025-12-01"), None, 5);
        let (adds, removes) = ([file("new.parquet")], [old]);
        let draft = Draft { adds: &adds, removes: &removes, is_update: true, ..Draft::default() };
        let bytes = draft.bytes(LakeTable::Logfiles, 3).unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert_eq!(text.matches("\"dataChange\":true").count(), 2, "{text}");
        assert!(text.contains("\"operation\":\"UPDATE\""), "{text}");
    }

    #[test]
    fn rows_without_a_ledger_are_foreign() {
        let adds = [file("part.parquet")];
        let draft = Draft { adds: &adds, ..Draft::default() };
        let bytes = draft.bytes(LakeTable::Events, 0).unwrap();
        assert!(Commit::parse(LakeTable::Events, 1, &bytes).unwrap().is_foreign());
    }

    #[test]
    fn a_damaged_ledger_is_an_error() {
        for ledger in ["\"AAAA\"", "\"?\"", "7"] {
            let text = format!("{{\"commitInfo\":{{\"logobjs\":{ledger}}}}}");
            let result = Commit::parse(LakeTable::Events, 1, &Bytes::from(text));
            assert!(matches!(result, Err(LakeError::BadCommit { version: 1, .. })), "{ledger}: {result:?}");
        }
    }
}
