//! The family `ransom`.

use super::org::{ARCHIVE, HOME, user};
use super::{Planted, Random, Second, call, on};
use serde_json::{Value, json};

const BUCKET: &str = "example-archive-originals";

/// Sunday 04:10, archive: the key of the user who copies backups to the office was on a disk that was thrown away.
pub(crate) fn the_note(planted: &mut Planted, random: &mut Random) {
    planted.begin("ransom", "the note");
    let agent = "aws-cli/2.17.5 md/awscrt#0.20.11 ua/2.0 os/linux lang/python#3.11.8";
    let who = user(ARCHIVE, "backup-sync", "AKIABACKUPSYNCEXAMPL", "203.0.113.88", agent);
    let begin = on(22, 4, 10);
    let place = |more: Value| {
        let mut request =
            json!({ "bucketName": BUCKET, "Host": format!("{BUCKET}.s3.{HOME}.amazonaws.com") });
        for (key, value) in more.as_object().into_iter().flatten() {
            request[key] = value.clone();
        }
        request
    };
    let bucket = |at: Second, action: &str, more: Value| {
        let resource = json!([{ "accountId": ARCHIVE, "type": "AWS::S3::Bucket", "ARN": format!("arn:aws:s3:::{BUCKET}") }]);
        call(&who, HOME, at, action).request(place(more)).with("resources", resource)
    };
    let schema = "http://s3.amazonaws.com/doc/2006-03-01/";
    let versioning =
        json!({ "versioning": "", "VersioningConfiguration": { "xmlns": schema, "Status": "Suspended" } });
    planted.plant(
        &["s3_unprotected_then_emptied"],
        bucket(begin, "s3:PutBucketVersioning", versioning),
        random,
    );
    let rule = json!({ "ID": "cleanup", "Status": "Enabled", "Filter": { "Prefix": "" }, "Expiration": { "Days": 1 } });
    let lifecycle = json!({ "lifecycle": "", "LifecycleConfiguration": { "xmlns": schema, "Rule": rule } });
    planted.plant(
        &["s3_lifecycle_short_expiry"],
        bucket(begin + 15, "s3:PutBucketLifecycle", lifecycle),
        random,
    );
    for number in 0..24 {
        let key = format!("originals/{}.tif", random.hex(10));
        let made = call(&who, HOME, begin + 40 + number * 2, "s3:DeleteObject")
            .request(place(json!({ "key": key })));
        planted.plant(
            &["s3_unprotected_then_emptied"],
            made.data("AWS::S3::Object", &format!("arn:aws:s3:::{BUCKET}/{key}")),
            random,
        );
    }
    let key = "HOW_TO_RESTORE_YOUR_FILES.txt";
    let note = call(&who, HOME, begin + 110, "s3:PutObject").request(place(json!({ "key": key })));
    let note = note.data("AWS::S3::Object", &format!("arn:aws:s3:::{BUCKET}/{key}"));
    planted.plant(&["s3_ransom_note_uploaded"], note, random);
}
