//! What a query reads, and whether its plan could be run elsewhere.

use crate::logs;
use crate::product::{run, trailhound};
use datafusion::arrow::datatypes::Field;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::physical_plan::displayable;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_proto::bytes::{physical_plan_from_bytes, physical_plan_to_bytes};
use std::fs::File;
use std::sync::Arc;
use trailhound::Engine;
use trailhound_ingest::lake::Lake;
use trailhound_ingest::schema::SEARCHED;

/// A lake of the trail, in small files.
async fn engine(dir: &std::path::Path) -> Engine {
    let lake = dir.join("lake");
    let trail = logs::write(&dir.join("trail")).to_path_buf();
    run(trailhound(["ingest", "--batch-bytes", "300000", "--lake"]).arg(&lake).arg(trail));
    Engine::open(&Lake::open(&lake.to_string_lossy()).await.unwrap()).await.unwrap()
}

/// How many data files the physical plan of a query names.
async fn files(engine: &Engine, query: &str) -> usize {
    let answer = engine.sql(&format!("explain {query}")).await.unwrap();
    let text = format!("{:?}", answer.batches);
    text.matches(".parquet").count()
}

#[tokio::test]
async fn a_time_range_names_only_its_files() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path()).await;
    let all = files(&engine, "select eventName from cloudtrail").await;
    let hour = "select eventName from cloudtrail where eventTime >= '2026-03-17T09:00:00Z'";
    let few = files(&engine, hour).await;
    assert!(all >= 5, "{all} files");
    assert!(few >= 1 && few * 2 < all, "{few} of {all} files");
    assert_eq!(files(&engine, "select eventName from cloudtrail where date = '2020-01-01'").await, 0);
}

/// A metric of a query that was run, added up over its scans: `row_groups_pruned_bloom_filter=3 total → 0 matched`
/// gives (3, 0).
async fn pruned(engine: &Engine, query: &str, metric: &str) -> (u64, u64) {
    let answer = engine.sql(&format!("explain analyze {query}")).await.unwrap();
    let text = format!("{:?}", answer.batches);
    let number = |text: &str| text.split_whitespace().next().and_then(|word| word.parse::<u64>().ok());
    let mut sum = (0, 0);
    for found in text.split(&format!("{metric}=")).skip(1) {
        let (total, matched) = found.split_once("→").unwrap_or_else(|| panic!("{metric} in {text}"));
        sum.0 += number(total).unwrap();
        sum.1 += number(matched).unwrap();
    }
    sum
}

/// A lake of the sample logs, in one file a day: some pages of it hold no event of a rare name.
async fn samples(dir: &std::path::Path) -> Engine {
    let lake = dir.join("lake");
    let logs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../sample-logs/AWSLogs");
    run(trailhound(["ingest", "--workers", "1", "--lake"]).arg(&lake).arg(logs));
    Engine::open(&Lake::open(&lake.to_string_lossy()).await.unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_needle_that_is_not_there_opens_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let engine = samples(dir.path()).await;
    let needles = [
        "userIdentity.accessKeyId = 'AKIAM0000000000000000'",
        "sourceIPAddress = '198.51.100.7'",
        "userIdentity.arn = 'arn:aws:iam::333344445555:user/ci-nobody'",
        "eventID = '7fffffff-0000-4000-a000-000000000000'",
        "requestID = '7fffffff-0000-4000-a000-000000000001'",
    ];
    for needle in needles {
        let query = format!("select eventName from cloudtrail where {needle}");
        assert_eq!(files(&engine, &query).await, 0, "{needle}");
    }
    let there = "select eventName from cloudtrail where userIdentity.accessKeyId = 'AKIACILEGACYEXAMPLE0'";
    let (total, matched) = pruned(&engine, there, "row_groups_pruned_bloom_filter").await;
    assert!(total >= 1 && matched == total, "{total} row groups, {matched} left");
    let few = files(&engine, there).await;
    assert!(few >= 1);
    // One of two is enough, and both must be in one row.
    let either = "userIdentity.accessKeyId IN ('AKIACILEGACYEXAMPLE0', 'AKIAM0000000000000000')";
    assert_eq!(files(&engine, &format!("select eventName from cloudtrail where {either}")).await, few);
    let both = "userIdentity.accessKeyId = 'AKIACILEGACYEXAMPLE0' and sourceIPAddress = '198.51.100.7'";
    assert_eq!(files(&engine, &format!("select eventName from cloudtrail where {both}")).await, 0);
}

#[tokio::test]
async fn a_rare_name_opens_few_pages() {
    let dir = tempfile::tempdir().unwrap();
    let engine = samples(dir.path()).await;
    let query = "select eventTime, userAgent from cloudtrail where eventName = 'ConsoleLogin'";
    let (total, matched) = pruned(&engine, query, "page_index_pages_pruned").await;
    assert!(total >= 2 && matched >= 1 && matched < total, "{matched} of {total} pages left");
}

/// Ways to ask for the bucket of a request.
const BUCKETS: [&str; 7] = [
    "select eventID from cloudtrail where requestParameters.bucketName = 'acme-backups'",
    "select eventID from cloudtrail where requestParameters.bucketName like 'acme-%'",
    "select eventID from cloudtrail where element_at(requestParameters, 'bucketName') = 'acme-backups'",
    "select eventID from cloudtrail where json_extract_scalar(requestParameters, '$.bucketName') = 'acme-backups'",
    "select eventID from cloudtrail where eventJson.requestParameters.bucketName = 'acme-backups'",
    "select eventid from athena.cloudtrail_logs \
     where json_extract_scalar(requestparameters, '$.bucketName') = 'acme-backups'",
    "select event_id from tailpipe.aws_cloudtrail_log where request_parameters.bucketName = 'acme-backups'",
];

#[tokio::test]
async fn a_searched_member_is_read_from_its_column() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path()).await;
    for query in BUCKETS {
        let answer = engine.sql(&format!("explain {query}")).await.unwrap();
        let text = format!("{:?}", answer.batches);
        let (_, scan) = text.split_once("DataSourceExec").unwrap();
        assert!(
            scan.contains("requestparameters_bucketname") && !scan.contains("json_path"),
            "{query}: {text}"
        );
    }
}

/// Takes the columns of searched members out of the files of `events`, as if they were older.
fn make_old(lake: &std::path::Path) {
    let events = lake.join("events");
    let mut sizes = Vec::new();
    for day in std::fs::read_dir(&events).unwrap().map(|entry| entry.unwrap().path()) {
        for path in std::fs::read_dir(day).unwrap().map(|entry| entry.unwrap().path()) {
            if path.extension().is_none_or(|extension| extension != "parquet") {
                continue;
            }
            let before = std::fs::metadata(&path).unwrap().len();
            let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap()).unwrap();
            let is_old = |field: &&Arc<Field>| SEARCHED.iter().all(|(_, column)| column != field.name());
            let names = reader.schema().fields().iter().filter(is_old).map(|f| f.name().clone());
            let names = names.collect::<Vec<_>>();
            let batches = reader.build().unwrap().map(|batch| {
                let batch = batch.unwrap();
                let places = names.iter().map(|name| batch.schema().index_of(name).unwrap());
                batch.project(&places.collect::<Vec<_>>()).unwrap()
            });
            let batches = batches.collect::<Vec<_>>();
            let mut writer =
                ArrowWriter::try_new(File::create(&path).unwrap(), batches[0].schema(), None).unwrap();
            for batch in &batches {
                writer.write(batch).unwrap();
            }
            writer.close().unwrap();
            sizes.push((before, std::fs::metadata(&path).unwrap().len()));
        }
    }
    for path in std::fs::read_dir(events.join("_delta_log")).unwrap().map(|entry| entry.unwrap().path()) {
        let mut log = std::fs::read_to_string(&path).unwrap();
        for (before, after) in &sizes {
            log = log.replace(&format!("\"size\":{before},"), &format!("\"size\":{after},"));
        }
        std::fs::write(&path, log).unwrap();
    }
}

#[tokio::test]
async fn files_without_the_columns_of_searched_members_say_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake");
    let ask = async || {
        let engine = Engine::open(&Lake::open(&lake.to_string_lossy()).await.unwrap()).await.unwrap();
        let members =
            SEARCHED.map(|(key, _)| format!("requestParameters.{key}, count(requestParameters.{key})"));
        let mut said = Vec::new();
        for members in members {
            let query = format!("select {members} from cloudtrail group by 1 order by 1");
            said.push(format!("{:?}", engine.sql(&query).await.unwrap().batches));
        }
        let buckets = "select requestParameters.bucketName = 'example-orders', count(*) from cloudtrail \
                       where requestParameters.bucketName is not null group by 1 order by 1";
        said.push(format!("{:?}", engine.sql(buckets).await.unwrap().batches));
        said
    };
    samples(dir.path()).await;
    let said = ask().await;
    let told = said.concat();
    assert!(
        ["example-backups", "prod/ledger/db", "role/ci-deploy"].iter().all(|name| told.contains(name)),
        "{told}"
    );
    make_old(&lake);
    assert_eq!(said, ask().await);
    run(trailhound(["ingest", "--lake"]).arg(&lake).arg(logs::write(&dir.path().join("trail"))));
    let with_new = ask().await;
    assert_ne!(said, with_new);
    run(trailhound(["lake", "compact", "--lake"]).arg(&lake));
    assert_eq!(with_new, ask().await);
}

#[tokio::test]
async fn a_plan_with_our_functions_survives_serialisation() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path()).await;
    let query = "select json_path(requestparameters, 'bucketName') as bucket, count(*) from cloudtrail \
                 where useridentity_arn like '%ada' and not in_list(actor, make_array('x')) \
                 and not policy_public(requestparameters) \
                 and not any_account_outside(json_values(requestparameters, 'a[*]'), recipientaccountid, as_list('1')) \
                 and not policy_outside(requestparameters, recipientaccountid, as_list('1')) group by 1";
    // Elsewhere has access to the lake and our functions by name, and nothing else of the session.
    let elsewhere = SessionContext::new_with_config_rt(SessionConfig::new(), engine.session().runtime_env());
    for function in trailhound::functions::all() {
        elsewhere.register_udf(function.as_ref().clone());
    }
    let print =
        |plan: &dyn datafusion::physical_plan::ExecutionPlan| displayable(plan).indent(true).to_string();
    for query in [query.to_owned(), every_function()] {
        let plan = engine.session().sql(&query).await.unwrap().create_physical_plan().await.unwrap();
        let bytes = physical_plan_to_bytes(Arc::clone(&plan)).unwrap();
        let back = physical_plan_from_bytes(&bytes, &elsewhere.task_ctx()).unwrap();
        assert_eq!(print(plan.as_ref()), print(back.as_ref()));
    }
}

/// A query that calls each function of ours on a column.
fn every_function() -> String {
    let functions = trailhound::functions::all();
    let called = functions.iter().map(|function| match function.name() {
        // The steps of a path, and the number of a field, are constants; a record is a struct.
        "json_path" => "json_path(requestparameters, 'a', 0)".to_owned(),
        "row_field" => "row_field(requestparameters, 1)".to_owned(),
        "event_json" => "event_json(named_struct('rest', rest))".to_owned(),
        name => {
            let arguments = function.documentation().unwrap().syntax_example.split(',').count();
            format!("{name}({})", vec!["requestparameters"; arguments].join(", "))
        }
    });
    format!("select {} from cloudtrail", called.collect::<Vec<_>>().join(", "))
}
