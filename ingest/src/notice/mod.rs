//! What AWS says about new log objects → their buckets and keys.
//!
//! In: the JSON of a notification, by whichever way it came: an S3 event, that event through SNS (wrapped or raw), SQS
//! or EventBridge, or the message that a trail sends itself. Out: the objects it names, with version and size where it
//! tells them. What must hold: a key comes out as S3 has it, however the way encodes it; what is no news of an object
//! (a test event, a removal, the message that checks a topic) is counted and nothing else; what nobody knows is an
//! error, so that it ends where people look and not in silence.
//!
//! Shapes: "Event message structure" in the Amazon S3 user guide (keys are URL-encoded there, and are not in the events
//! of EventBridge); "Configuring Amazon SNS notifications for `CloudTrail`" in the `CloudTrail` user guide.

mod batch;

pub use batch::{Message, messages};

use serde_json::Value;

/// Notices in notices: SNS in SQS is two.
const MOST_WRAPPED: u32 = 4;

/// What a trail writes to a topic to see whether it may.
const VALIDATION: &str = "CloudTrail validation message.";

/// A log object that was announced.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Announced {
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// Its version, where the notice tells it.
    pub version: Option<Version>,
}

/// Which version of an object was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Version {
    /// `ETag`, without quotes.
    pub etag: String,
    /// Bytes as stored.
    pub size: u64,
}

/// What one notification says.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Notice {
    /// The objects that were written.
    pub objects: Vec<Announced>,
    /// Test events, removals, and checks of a topic.
    pub ignored: u64,
}

/// Why a notification could not be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum NoticeError {
    #[error("is no JSON: {0}")]
    NoJson(String),
    #[error(
        "is no notice of an object that AWS is known to send\nhint: only S3, SNS, EventBridge and CloudTrail events belong here"
    )]
    Unknown,
    #[error("lacks {0}")]
    Lacks(&'static str),
    #[error("names a key that is no text when it is decoded")]
    Key,
    #[error("is wrapped more than {MOST_WRAPPED} times")]
    Wrapped,
}

/// Reads one notification.
///
/// # Errors
/// It is not of a shape that AWS sends: see [`NoticeError`].
pub fn read(text: &str) -> Result<Notice, NoticeError> {
    let mut notice = Notice::default();
    read_into(text, MOST_WRAPPED, &mut notice)?;
    Ok(notice)
}

fn read_into(text: &str, wrapped: u32, notice: &mut Notice) -> Result<(), NoticeError> {
    if text.trim() == VALIDATION {
        notice.ignored += 1;
        return Ok(());
    }
    let left = wrapped.checked_sub(1).ok_or(NoticeError::Wrapped)?;
    let value = serde_json::from_str(text).map_err(|error| NoticeError::NoJson(error.to_string()))?;
    read_value(&value, left, notice)
}

pub(super) fn read_value(value: &Value, left: u32, notice: &mut Notice) -> Result<(), NoticeError> {
    if let Some(records) = value["Records"].as_array() {
        return records.iter().try_for_each(|record| read_record(record, left, notice));
    }
    if value["Event"] == "s3:TestEvent" {
        notice.ignored += 1;
        return Ok(());
    }
    if value["Type"] == "Notification" {
        return read_into(text(&value["Message"], "Message")?, left, notice);
    }
    if value["s3Bucket"].is_string() {
        return read_trail(value, notice);
    }
    if value["source"] == "aws.s3" {
        return read_bridge(value, notice);
    }
    Err(NoticeError::Unknown)
}

/// An element of `Records`.
fn read_record(record: &Value, left: u32, notice: &mut Notice) -> Result<(), NoticeError> {
    if record["EventSource"] == "aws:sns" {
        return read_into(text(&record["Sns"]["Message"], "Sns.Message")?, left, notice);
    }
    if record["eventSource"] != "aws:s3" {
        return Err(NoticeError::Unknown);
    }
    if !text(&record["eventName"], "eventName")?.starts_with("ObjectCreated:") {
        notice.ignored += 1;
        return Ok(());
    }
    let object = &record["s3"]["object"];
    notice.objects.push(Announced {
        bucket: text(&record["s3"]["bucket"]["name"], "s3.bucket.name")?.to_owned(),
        key: decode(text(&object["key"], "s3.object.key")?)?,
        version: version(&object["eTag"], &object["size"]),
    });
    Ok(())
}

/// An event of S3 on EventBridge, whose key is not encoded.
fn read_bridge(value: &Value, notice: &mut Notice) -> Result<(), NoticeError> {
    if value["detail-type"] != "Object Created" {
        notice.ignored += 1;
        return Ok(());
    }
    let (detail, object) = (&value["detail"], &value["detail"]["object"]);
    notice.objects.push(Announced {
        bucket: text(&detail["bucket"]["name"], "detail.bucket.name")?.to_owned(),
        key: text(&object["key"], "detail.object.key")?.to_owned(),
        version: version(&object["etag"], &object["size"]),
    });
    Ok(())
}

/// The message of a trail, whose keys are not encoded.
fn read_trail(value: &Value, notice: &mut Notice) -> Result<(), NoticeError> {
    let bucket = text(&value["s3Bucket"], "s3Bucket")?;
    let keys = value["s3ObjectKey"].as_array().ok_or(NoticeError::Lacks("s3ObjectKey"))?;
    for key in keys {
        let key = text(key, "a text in s3ObjectKey")?.to_owned();
        notice.objects.push(Announced { bucket: bucket.to_owned(), key, version: None });
    }
    Ok(())
}

fn text<'a>(value: &'a Value, name: &'static str) -> Result<&'a str, NoticeError> {
    value.as_str().filter(|text| !text.is_empty()).ok_or(NoticeError::Lacks(name))
}

fn version(etag: &Value, size: &Value) -> Option<Version> {
    let etag = etag.as_str()?.trim_matches('"');
    Some(Version { etag: (!etag.is_empty()).then(|| etag.to_owned())?, size: size.as_u64()? })
}

/// A key as the events of S3 have it: a blank is a plus, what is special is `%XX`.
fn decode(key: &str) -> Result<String, NoticeError> {
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.as_bytes();
    while let [first, behind @ ..] = rest {
        rest = behind;
        match (first, behind) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, behind @ ..]) => {
                let digit =
                    |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                let (high, low) = digit(high).zip(digit(low)).ok_or(NoticeError::Key)?;
                bytes.push(high << 4 | low);
                rest = behind;
            }
            (b'%', _) => return Err(NoticeError::Key),
            (other, _) => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).map_err(|_| NoticeError::Key)
}

#[cfg(test)]
mod tests;
