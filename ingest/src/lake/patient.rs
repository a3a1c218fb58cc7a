//! The store of a lake in S3, patient where the storage layer below is not.
//!
//! In: requests, ours and those of the table format. Out: answers that are whole. What must hold: a body that breaks
//! off is continued where it broke off; one that is short, or was changed on the way, does not pass for what is
//! stored; a listing that breaks off goes on behind the last key that came; and nothing is tried for longer than
//! [`Patience`] has it.
//!
//! The layer below tries requests again, and nothing behind the first byte of a listing. A conditional PUT is passed
//! on as it is: whether one went through is for the commit protocol to find out (`slot`).

use crate::fetch::hex;
use crate::patience::{Patience, Tries};
use async_trait::async_trait;
use bytes::Bytes;
use deltalake::ObjectStore;
use deltalake::logstore::object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
    client::HttpError, path::Path,
};
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use md5::{Digest, Md5};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Whole objects up to this many bytes are compared with their `ETag`: all commits, no data file.
const CHECKED: u64 = 4 << 20;

/// So many fetches that bring the same bytes show that an `ETag` is no MD5; more of them where others were, since the
/// same damage twice is likelier then than a store that changed its ways.
const SAME: u32 = 2;
const SURELY_SAME: u32 = 4;

/// The store, seen through patience.
#[derive(Clone, Debug)]
pub(super) struct Patient {
    below: Arc<dyn ObjectStore>,
    patience: Patience,
    /// An `ETag` here may be something else than the MD5 of the bytes, as under SSE-KMS. TLS has to do then.
    has_other_etags: Arc<AtomicBool>,
    /// An `ETag` here was the MD5 of the bytes.
    has_md5: Arc<AtomicBool>,
}

impl std::fmt::Display for Patient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Patient({})", self.below)
    }
}

impl Patient {
    pub(super) fn new(below: Arc<dyn ObjectStore>) -> Self {
        let (has_other_etags, has_md5) = (Arc::default(), Arc::default());
        Self { below, patience: Patience::of_process(), has_other_etags, has_md5 }
    }

    /// After `error`: waits, if trying again may help; else it is the caller's.
    async fn again(&self, tries: &mut Tries, error: Error) -> Result<()> {
        let is_worth_it = is_passing(&error) && tries.again(self.patience.per_request()).await;
        if is_worth_it {
            tracing::warn!(%error, tries = tries.count(), "asking the store of the lake again");
            return Ok(());
        }
        Err(error)
    }

    /// What is left of an object, piece by piece.
    fn body(
        &self,
        location: &Path,
        options: GetOptions,
        result: GetResult,
    ) -> BoxStream<'static, Result<Bytes>> {
        let (etag, rest) = (result.meta.e_tag.clone(), result.range.clone());
        let (store, location, tries) = (self.clone(), location.clone(), Tries::begin());
        let body = Body { store, location, options, etag, rest, pieces: result.into_stream(), tries };
        stream::try_unfold(body, |mut body| async move { Ok(body.next().await?.map(|piece| (piece, body))) })
            .boxed()
    }

    /// Asks until there is an answer; what is to be said of its body comes later.
    async fn ask(&self, location: &Path, options: &GetOptions) -> Result<GetResult> {
        let mut tries = Tries::begin();
        loop {
            match self.below.get_opts(location, options.clone()).await {
                Err(error) => self.again(&mut tries, error).await?,
                result => return result,
            }
        }
    }

    /// All of a small object, compared with its `ETag`: an object of one part has the MD5 of its bytes for one.
    async fn checked(
        &self,
        location: &Path,
        options: GetOptions,
        mut result: GetResult,
    ) -> Result<GetResult> {
        let (mut tries, mut before, mut same) = (Tries::begin(), None, 1);
        loop {
            let (meta, range, attributes) =
                (result.meta.clone(), result.range.clone(), result.attributes.clone());
            let body = collect(self.body(location, options.clone(), result)).await?;
            let is_md5 = etag(&meta) == hex(&Md5::digest(&body));
            same = if before.as_ref() == Some(&body) { same + 1 } else { 1 };
            self.has_md5.fetch_or(is_md5, Relaxed);
            if is_md5 || same >= if self.has_md5.load(Relaxed) { SURELY_SAME } else { SAME } {
                self.has_other_etags.fetch_or(!is_md5, Relaxed);
                let payload = GetResultPayload::Stream(stream::once(async { Ok(body) }).boxed());
                return Ok(GetResult { payload, meta, range, attributes });
            }
            self.again(&mut tries, generic("its bytes do not match its ETag".to_owned())).await?;
            before = Some(body);
            result = self.ask(location, &options).await?;
        }
    }

    /// A listing that goes on behind `last`.
    fn listing(
        &self,
        prefix: Option<&Path>,
        offset: Option<&Path>,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let (store, prefix, last) = (self.clone(), prefix.cloned(), offset.cloned());
        let keys = store.keys(prefix.as_ref(), last.as_ref());
        let listing = Listing { store, prefix, last, keys, tries: Tries::begin() };
        stream::try_unfold(listing, |mut listing| async move {
            Ok(listing.next().await?.map(|object| (object, listing)))
        })
        .boxed()
    }

    fn keys(&self, prefix: Option<&Path>, last: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match last {
            Some(last) => self.below.list_with_offset(prefix, last),
            None => self.below.list(prefix),
        }
    }
}

/// An object on its way.
struct Body {
    store: Patient,
    location: Path,
    options: GetOptions,
    etag: Option<String>,
    /// The bytes that have not come yet.
    rest: Range<u64>,
    pieces: BoxStream<'static, Result<Bytes>>,
    tries: Tries,
}

impl Body {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        while !self.rest.is_empty() {
            let error = match self.pieces.next().await {
                Some(Ok(piece)) => {
                    self.rest.start += piece.len() as u64;
                    self.tries = Tries::begin();
                    return Ok(Some(piece));
                }
                Some(Err(error)) => error,
                None => generic(format!("{} of its bytes did not come", self.rest.end - self.rest.start)),
            };
            self.store.again(&mut self.tries, error).await?;
            let options = self.options.clone().with_range(Some(self.rest.clone()));
            let options = options.with_if_match(self.etag.clone());
            match self.store.below.get_opts(&self.location, options).await {
                Ok(result) => self.pieces = result.into_stream(),
                Err(error) => self.store.again(&mut self.tries, error).await?,
            }
        }
        Ok(None)
    }
}

/// The keys below a prefix, on their way.
struct Listing {
    store: Patient,
    prefix: Option<Path>,
    last: Option<Path>,
    keys: BoxStream<'static, Result<ObjectMeta>>,
    tries: Tries,
}

impl Listing {
    async fn next(&mut self) -> Result<Option<ObjectMeta>> {
        loop {
            match self.keys.next().await {
                None => return Ok(None),
                Some(Ok(object)) => {
                    self.last = Some(object.location.clone());
                    self.tries = Tries::begin();
                    return Ok(Some(object));
                }
                Some(Err(error)) => self.store.again(&mut self.tries, error).await?,
            }
            self.keys = self.store.keys(self.prefix.as_ref(), self.last.as_ref());
        }
    }
}

async fn collect(mut pieces: BoxStream<'static, Result<Bytes>>) -> Result<Bytes> {
    let mut body = Vec::new();
    while let Some(piece) = pieces.try_next().await? {
        body.extend_from_slice(&piece);
    }
    Ok(body.into())
}

fn generic(why: String) -> Error {
    Error::Generic { store: "S3", source: Box::new(Incomplete(why)) }
}

/// What came is not what was asked for.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Incomplete(String);

/// Whether asking again may help: something happened on the way. What S3 says itself, the layer below has taken in.
fn is_passing(error: &Error) -> bool {
    let mut below: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = below {
        if error.is::<HttpError>() || error.is::<Incomplete>() {
            return true;
        }
        below = error.source();
    }
    // A page that does not parse; its error is private to the layer below.
    error.to_string().contains("invalid list response")
}

#[async_trait]
impl ObjectStore for Patient {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let mut tries = Tries::begin();
        loop {
            match self.below.put_opts(location, payload.clone(), options.clone()).await {
                Err(error) if options.mode == PutMode::Overwrite => self.again(&mut tries, error).await?,
                result => return result,
            }
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.below.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let result = self.ask(location, &options).await?;
        if options.head {
            return Ok(result);
        }
        let is_whole = result.range == (0..result.meta.size);
        let may_be_md5 = etag(&result.meta).len() == 32 && !self.has_other_etags.load(Relaxed);
        if is_whole && may_be_md5 && result.meta.size <= CHECKED {
            return self.checked(location, options, result).await;
        }
        let (meta, range, attributes) =
            (result.meta.clone(), result.range.clone(), result.attributes.clone());
        let payload = GetResultPayload::Stream(self.body(location, options, result));
        Ok(GetResult { payload, meta, range, attributes })
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.below.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.listing(prefix, None)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.listing(prefix, Some(offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let mut tries = Tries::begin();
        loop {
            match self.below.list_with_delimiter(prefix).await {
                Err(error) => self.again(&mut tries, error).await?,
                result => return result,
            }
        }
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.below.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.below.rename_opts(from, to, options).await
    }
}

/// Without quotes. That of an object of several parts is no MD5, has a dash, and is longer.
fn etag(meta: &ObjectMeta) -> String {
    meta.e_tag.as_deref().unwrap_or_default().trim_matches('"').to_ascii_lowercase()
}

#[cfg(test)]
mod tests;
