//! Many objects at once.

use super::{Cloud, Said};
use crate::bucket::Bucket;
use crate::ground::files;
use crate::logs;
use futures::{StreamExt, stream};

/// PUTs at the same time.
const AT_ONCE: usize = 8;

/// 2,000 objects, put twice each while two calls of the function at a time take their news, are in the lake once; no
/// message is handed back or left over.
#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_objects_twice_each() {
    const OBJECTS: u64 = 2000;
    let Some(cloud) = Cloud::start() else { return };
    let stack = cloud.stack_of_topic("trailhound", &[]);
    // What came at once is taken in batches as large as the template says.
    cloud.drive(&["poll", stack.output("QueueArn"), "off"]);
    let bucket = &Bucket::of(&cloud.emulator, "logs").await;
    let dir = tempfile::tempdir().unwrap();
    let root = logs::write_first(OBJECTS, dir.path());
    let all = files(root);
    stream::iter(all.iter().chain(&all))
        .map(|file| async move {
            let key = file.strip_prefix(root).unwrap().display().to_string();
            bucket.put(&key, std::fs::read(file).unwrap()).await;
        })
        .buffer_unordered(AT_ONCE)
        .collect::<Vec<_>>()
        .await;
    cloud.wait(stack.output("QueueUrl"), |depth| depth == (2 * OBJECTS, 0)).await;
    cloud.drive(&["poll", stack.output("QueueArn"), "on"]);
    cloud.wait(stack.output("QueueUrl"), |depth| depth == (0, 0)).await;
    cloud.wait(stack.output("DlqUrl"), |depth| depth == (0, 0)).await;
    cloud.holds(stack.output("LakeUrl"), logs::unique(OBJECTS));
    let Said { read, failed, again, .. } = cloud.said(&stack.ingest());
    assert_eq!((read, failed, again), (OBJECTS, 0, 0));
}
