//! A small trail of ours, made on the spot: log files in S3's layout, a part of the events delivered twice.

use flate2::{Compression, write::GzEncoder};
use std::fs;
use std::io::Write;
use std::path::Path;

/// Log files that [`write`] makes.
pub(crate) const OBJECTS: u64 = 80;
/// Records in them.
pub(crate) const RECORDS: u64 = OBJECTS * EACH;
/// Records among them that repeat one of the file before.
pub(crate) const DUPLICATES: u64 = (OBJECTS - 1) * TWICE;

/// Different records in the first `objects` files.
pub(crate) const fn unique(objects: u64) -> u64 {
    objects * EACH - (objects - 1) * TWICE
}

const EACH: u64 = 50;
const TWICE: u64 = 5;

/// Event `n` of the trail: one a second, four names, two accounts, three people.
pub(crate) fn record(n: u64) -> String {
    let name = ["GetObject", "PutObject", "AssumeRole", "DescribeInstances"][usize::try_from(n % 4).unwrap()];
    let source = ["s3", "s3", "sts", "ec2"][usize::try_from(n % 4).unwrap()];
    let (minute, second, hour) = (n / 60 % 60, n % 60, 8 + n / 3600);
    let (day, hour) = (17 + hour / 24, hour % 24);
    let account = ["111122223333", "444455556666"][usize::try_from(n % 2).unwrap()];
    let user = ["ada", "grace", "edsger"][usize::try_from(n % 3).unwrap()];
    let (size, odd) =
        (n * 1000, if n.is_multiple_of(10) { r#","futureField":{"a":[1.0,-0,1e3,null]}"# } else { "" });
    format!(
        r#"{{"eventVersion":"1.11","userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::{account}:user/{user}","accountId":"{account}","accessKeyId":"AKIAEXAMPLE{user}","userName":"{user}"}},"eventTime":"2026-03-{day}T{hour:02}:{minute:02}:{second:02}Z","eventSource":"{source}.amazonaws.com","eventName":"{name}","awsRegion":"eu-west-1","sourceIPAddress":"192.0.2.{}","userAgent":"=cmd|' /C calc'!A0\u001b[2J","requestParameters":{{"bucketName":"b-{}","maxResults":{size},"Key":"k"}},"responseElements":null,"eventID":"00000000-0000-4000-8000-{n:012}","readOnly":{},"recipientAccountId":"{account}","eventCategory":"Management"{odd}}}"#,
        n % 3,
        n % 5,
        n.is_multiple_of(2),
    )
}

/// Writes the trail below `folder`, and gives the folder back.
pub(crate) fn write(folder: &Path) -> &Path {
    write_first(OBJECTS, folder)
}

/// Writes the first `objects` files of the trail.
pub(crate) fn write_first(objects: u64, folder: &Path) -> &Path {
    for object in 0..objects {
        // Each file brings new events, and from the second on the last ones of the file before once more.
        let fresh = EACH - if object == 0 { 0 } else { TWICE };
        let first = if object == 0 { 0 } else { EACH + (EACH - TWICE) * (object - 1) };
        let again = first - if object == 0 { 0 } else { TWICE }..first;
        let records = again.chain(first..first + fresh).map(record).collect::<Vec<_>>().join(",");
        let key = format!(
            "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/17/111122223333_CloudTrail_eu-west-1_20260317T{:02}{:02}Z_{object:016}.json.gz",
            (8 + object / 60) % 24,
            object % 60,
        );
        let path = folder.join(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut gzip = GzEncoder::new(fs::File::create(path).unwrap(), Compression::fast());
        write!(gzip, "{{\"Records\":[{records}]}}").unwrap();
        gzip.finish().unwrap();
    }
    folder
}
