//! `s3://bucket/prefix` → its log objects.

use super::{Days, Found, LogObject, Place};
use crate::error::Error;
use crate::fetch;
use aws_sdk_s3::types::Object;

/// Adds the log objects below `prefix` to `found`, page by page.
///
/// # Errors
/// The bucket is missing or closed to us, or S3 cannot be reached.
pub async fn list(bucket: &str, prefix: &str, days: Days, found: &mut Found) -> Result<(), Error> {
    let client = fetch::s3_client().await;
    let mut pages = client.list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| fetch::s3_error(format!("s3://{bucket}/{prefix}"), &error))?;
        for object in page.contents.unwrap_or_default() {
            take(bucket, prefix, object, days, found);
        }
    }
    Ok(())
}

fn take(bucket: &str, prefix: &str, object: Object, days: Days, found: &mut Found) {
    let Some(key) = object.key else { return };
    let size = u64::try_from(object.size.unwrap_or(0)).unwrap_or(0);
    let etag = object.e_tag.unwrap_or_default().trim_matches('"').to_owned();
    let place = Place::S3 { bucket: bucket.into(), key: key.clone(), etag };
    found.take(LogObject { place, size, time: None }, &key, key == prefix, days);
}
