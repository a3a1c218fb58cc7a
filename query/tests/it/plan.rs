//! What a query reads, and whether its plan could be run elsewhere.

use crate::logs;
use crate::product::{run, trailhound};
use datafusion::physical_plan::displayable;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_proto::bytes::{physical_plan_from_bytes, physical_plan_to_bytes};
use std::sync::Arc;
use trailhound::Engine;
use trailhound_ingest::lake::Lake;

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

#[tokio::test]
async fn a_plan_with_our_functions_survives_serialisation() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path()).await;
    let query = "select json_path(requestparameters, 'bucketName') as bucket, count(*) from cloudtrail \
                 where useridentity_arn like '%ada' group by 1";
    let plan = engine.session().sql(query).await.unwrap().create_physical_plan().await.unwrap();
    let bytes = physical_plan_to_bytes(Arc::clone(&plan)).unwrap();
    // Elsewhere has access to the lake and our functions by name, and nothing else of the session.
    let elsewhere = SessionContext::new_with_config_rt(SessionConfig::new(), engine.session().runtime_env());
    for function in trailhound::functions::all() {
        elsewhere.register_udf(function.as_ref().clone());
    }
    let back = physical_plan_from_bytes(&bytes, &elsewhere.task_ctx()).unwrap();
    let print =
        |plan: &dyn datafusion::physical_plan::ExecutionPlan| displayable(plan).indent(true).to_string();
    assert_eq!(print(plan.as_ref()), print(back.as_ref()));
}
