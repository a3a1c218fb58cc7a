//! The family `massdelete`.

use super::org::{HOME, person_named, person_session};
use super::{Planted, Random, call, clock};
use serde_json::json;

/// 14:30, production: an administrator on the last afternoon.
pub(crate) fn the_last_afternoon(planted: &mut Planted, random: &mut Random) {
    planted.begin("massdelete", "the last afternoon");
    let who = person_session(person_named("mara.holt"), false, random);
    let begin = clock(14, 30);
    for number in 0..84 {
        let key = format!("2026/{:02}/{}.parquet", 1 + number % 3, random.hex(12));
        let made = call(&who, HOME, begin + number * 6, "s3:DeleteObject")
            .request(json!({ "bucketName": "example-orders", "key": key }));
        planted.plant(
            &["s3_mass_object_delete"],
            made.data("AWS::S3::Object", &format!("arn:aws:s3:::example-orders/{key}")),
            random,
        );
    }
    for number in 0..4 {
        let request = json!({ "bucketName": format!("example-archive-{}", 2022 + number) });
        planted.plant(
            &["s3_mass_bucket_delete", "s3_bucket_deleted"],
            call(&who, HOME, begin + 540 + number * 20, "s3:DeleteBucket").request(request),
            random,
        );
    }
    for batch in 0..2 {
        let items =
            (0..4).map(|_| json!({ "instanceId": format!("i-0{}", random.hex(16)) })).collect::<Vec<_>>();
        let made = call(&who, HOME, begin + 660 + batch * 40, "ec2:TerminateInstances");
        planted.plant(
            &["ec2_mass_terminate"],
            made.request(json!({ "instancesSet": { "items": items } })),
            random,
        );
    }
    for (number, name) in (0..).zip(["orders", "ledger", "customers"]) {
        let request = json!({ "dBInstanceIdentifier": name, "skipFinalSnapshot": true, "deleteAutomatedBackups": true });
        planted.plant(
            &["rds_mass_delete", "rds_deleted_without_snapshot"],
            call(&who, HOME, begin + 780 + number * 30, "rds:DeleteDBInstance").request(request),
            random,
        );
    }
    for number in 0..7 {
        let request = json!({ "snapshotId": format!("snap-0{}", random.hex(16)) });
        planted.plant(
            &["ebs_mass_snapshot_delete"],
            call(&who, HOME, begin + 900 + number * 8, "ec2:DeleteSnapshot").request(request),
            random,
        );
    }
    let key = json!({ "keyId": "1234abcd-12ab-34cd-56ef-1234567890ab", "pendingWindowInDays": 7 });
    planted.plant(
        &["kms_key_deletion_scheduled"],
        call(&who, HOME, begin + 1000, "kms:ScheduleKeyDeletion").request(key),
        random,
    );
}
