//! Whether a page of a listing came whole.
//!
//! In: the answer of S3. Out: an error when it is less than it says. What must hold: a page that was cut short never
//! passes for a short one, or objects would be missing without a word. The SDK reads XML as far as it comes, and takes
//! its end for the end of the list.

use aws_sdk_s3::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;

/// Refuses an answer whose XML has no end.
#[derive(Debug)]
pub(super) struct WholeXml;

impl Intercept for WholeXml {
    fn name(&self) -> &'static str {
        "WholeXml"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        let has_end = response.body().bytes().is_none_or(ends);
        if has_end || !response.status().is_success() { Ok(()) } else { Err("its end did not come".into()) }
    }
}

fn ends(xml: &[u8]) -> bool {
    xml.trim_ascii_end().ends_with(b"ListBucketResult>")
}

/// Whether a page has all that it says it has. Not every store counts the folders among the keys.
pub(super) fn is_whole(page: &ListObjectsV2Output) -> bool {
    let (objects, folders) = (page.contents(), page.common_prefixes());
    let counts = |count: usize| page.key_count.is_none() || page.key_count == i32::try_from(count).ok();
    objects.iter().all(|object| object.key.is_some() && object.size.is_some())
        && folders.iter().all(|folder| folder.prefix.is_some())
        && (counts(objects.len() + folders.len()) || counts(objects.len()))
        && (page.next_continuation_token.is_some() || page.is_truncated != Some(true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_s3::types::{CommonPrefix, Object};

    #[test]
    fn xml_without_its_end_is_cut_short() {
        assert!(ends(b"<ListBucketResult><Name>a</Name></ListBucketResult>\n"));
        assert!(!ends(b"<ListBucketResult><Name>a</Name></ListBucketRes"));
        assert!(!ends(b""));
    }

    #[test]
    fn a_damaged_page_is_not_whole() {
        let object = || Object::builder().key("a.json.gz").size(1);
        let page = || ListObjectsV2Output::builder().contents(object().build()).key_count(1);
        let folder = CommonPrefix::builder().prefix("a/").build();
        assert!(is_whole(&page().build()));
        assert!(is_whole(&page().common_prefixes(folder.clone()).build()));
        assert!(is_whole(&page().common_prefixes(folder).key_count(2).build()));
        assert!(is_whole(&page().is_truncated(true).next_continuation_token("x").build()));
        assert!(!is_whole(&page().key_count(2).build()));
        assert!(!is_whole(&page().is_truncated(true).build()));
        assert!(!is_whole(&page().contents(Object::builder().size(1).build()).key_count(2).build()));
        assert!(!is_whole(&page().common_prefixes(CommonPrefix::builder().build()).key_count(2).build()));
    }
}
