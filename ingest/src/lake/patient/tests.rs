use super::*;
use deltalake::logstore::object_store::ObjectStoreExt;
use deltalake::logstore::object_store::client::HttpErrorKind;
use deltalake::logstore::object_store::memory::InMemory;
use std::sync::Mutex;
use std::time::Duration;

/// What goes wrong with an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fault {
    /// The body, or the listing, breaks off in its middle.
    Breaks,
    /// The body ends in its middle, as if that were all.
    Ends,
    /// A bit of the body is another.
    Flipped,
    /// There is no answer.
    Lost,
    /// S3 says no.
    Denied,
}

/// A store in memory whose next answers go wrong as planned.
#[derive(Debug)]
struct Flaky {
    below: InMemory,
    faults: Mutex<Vec<Fault>>,
    /// What its `ETag`s are, where not the MD5.
    etag: Option<&'static str>,
}

impl std::fmt::Display for Flaky {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Flaky")
    }
}

fn lost() -> Error {
    let source = HttpError::new(HttpErrorKind::Interrupted, std::io::Error::other("reset"));
    Error::Generic { store: "test", source: Box::new(source) }
}

impl Flaky {
    fn fault(&self) -> Result<Option<Fault>> {
        match self.faults.lock().unwrap().pop() {
            Some(Fault::Lost) => Err(lost()),
            Some(Fault::Denied) => Err(Error::PermissionDenied { path: "x".into(), source: "no".into() }),
            fault => Ok(fault),
        }
    }

    /// Half of `pieces`, and then what `fault` has.
    fn cut<T: Send + 'static>(mut pieces: Vec<T>, fault: Option<Fault>) -> BoxStream<'static, Result<T>> {
        let is_cut = matches!(fault, Some(Fault::Breaks | Fault::Ends));
        if is_cut {
            pieces.truncate(pieces.len() / 2);
        }
        let end = (fault == Some(Fault::Breaks)).then(|| Err(lost()));
        stream::iter(pieces.into_iter().map(Ok).chain(end).collect::<Vec<_>>()).boxed()
    }
}

#[async_trait]
impl ObjectStore for Flaky {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.fault()?;
        self.below.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.below.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let fault = self.fault()?;
        let whole = self.below.get(location).await?.bytes().await?;
        let etag = self.etag.map_or_else(|| hex(&Md5::digest(&whole)), str::to_owned);
        assert!(options.if_match.clone().is_none_or(|wanted| wanted == etag));
        let mut result = self.below.get_opts(location, GetOptions { if_match: None, ..options }).await?;
        result.meta.e_tag = Some(etag);
        let (meta, range, attributes) =
            (result.meta.clone(), result.range.clone(), result.attributes.clone());
        let mut bytes = result.bytes().await?.to_vec();
        if fault == Some(Fault::Flipped) {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        }
        let pieces = bytes.chunks(2).map(Bytes::copy_from_slice).collect::<Vec<_>>();
        Ok(GetResult { payload: GetResultPayload::Stream(Self::cut(pieces, fault)), meta, range, attributes })
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.below.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.list_with_offset(prefix, &Path::default())
    }

    fn list_with_offset(&self, prefix: Option<&Path>, last: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        let fault = match self.fault() {
            Ok(fault) => fault,
            Err(error) => return stream::iter([Err(error)]).boxed(),
        };
        let keys = self.below.list_with_offset(prefix, last).try_collect::<Vec<_>>();
        stream::once(async move { Self::cut(keys.await.unwrap(), fault) }).flatten().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.fault()?;
        self.below.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.below.copy_opts(from, to, options).await
    }
}

const TEXT: &[u8] = b"what is stored";

/// A store with six objects that meets `faults`, the last first.
async fn store(faults: &[Fault], etag: Option<&'static str>, give_up: Duration) -> Patient {
    let below = InMemory::new();
    for key in ["a/1", "a/2", "a/3", "a/4", "a/5", "a/6"] {
        below.put(&Path::from(key), Bytes::from_static(TEXT).into()).await.unwrap();
    }
    let flaky = Flaky { below, faults: Mutex::new(faults.to_vec()), etag };
    let patience = Patience { give_up, ..Patience::default() };
    Patient { below: Arc::new(flaky), patience, has_other_etags: Arc::default(), has_md5: Arc::default() }
}

async fn patient(faults: &[Fault]) -> Patient {
    store(faults, None, Duration::from_mins(1)).await
}

#[tokio::test]
async fn a_body_comes_whole_whatever_happens_to_it() {
    use Fault::{Breaks, Ends, Flipped, Lost};
    for faults in [&[][..], &[Breaks], &[Ends], &[Lost], &[Flipped], &[Breaks, Lost, Ends, Flipped, Breaks]] {
        let path = Path::from("a/1");
        let whole = patient(faults).await.get(&path).await.unwrap();
        assert_eq!(whole.meta.size, TEXT.len() as u64, "{faults:?}");
        assert_eq!(whole.bytes().await.unwrap(), TEXT, "{faults:?}");
        if !faults.contains(&Flipped) {
            let part = patient(faults).await.get_range(&path, 5..7).await.unwrap();
            assert_eq!(part, TEXT[5..7], "{faults:?}");
        }
    }
}

#[tokio::test]
async fn an_etag_that_is_no_md5_is_believed_once_two_fetches_agree() {
    let etag = Some("0123456789abcdef0123456789abcdef");
    let store = store(&[Fault::Flipped], etag, Duration::from_mins(1)).await;
    for _ in 0..2 {
        assert_eq!(store.get(&Path::from("a/1")).await.unwrap().bytes().await.unwrap(), TEXT);
        assert!(store.has_other_etags.load(Relaxed));
    }
}

#[tokio::test]
async fn the_same_damage_twice_is_not_believed_where_etags_are_md5() {
    let store = patient(&[]).await;
    store.has_md5.store(true, Relaxed);
    let faults = [Fault::Flipped; 3];
    let store = Patient { below: patient(&faults).await.below, ..store };
    assert_eq!(store.get(&Path::from("a/1")).await.unwrap().bytes().await.unwrap(), TEXT);
    assert!(!store.has_other_etags.load(Relaxed));
}

#[tokio::test]
async fn a_listing_goes_on_behind_the_last_key() {
    for faults in [&[][..], &[Fault::Breaks], &[Fault::Lost], &[Fault::Breaks, Fault::Lost, Fault::Breaks]] {
        let store = patient(faults).await;
        let keys = store.list(Some(&Path::from("a"))).map_ok(|object| object.location.to_string());
        assert_eq!(keys.try_collect::<Vec<_>>().await.unwrap(), ["a/1", "a/2", "a/3", "a/4", "a/5", "a/6"]);
        let store = patient(faults).await;
        let keys = store.list_with_offset(Some(&Path::from("a")), &Path::from("a/2"));
        assert_eq!(keys.try_collect::<Vec<_>>().await.unwrap().len(), 4, "{faults:?}");
    }
    assert_eq!(
        patient(&[Fault::Lost]).await.list_with_delimiter(None).await.unwrap().common_prefixes.len(),
        1
    );
}

#[tokio::test]
async fn only_what_may_be_put_twice_is() {
    let path = Path::from("a/7");
    let put = async |mode| {
        let store = patient(&[Fault::Lost]).await;
        let options = PutOptions { mode, ..PutOptions::default() };
        store.put_opts(&path, Bytes::from_static(TEXT).into(), options).await.is_ok()
    };
    assert!(put(PutMode::Overwrite).await);
    assert!(!put(PutMode::Create).await);
}

#[tokio::test]
async fn patience_has_an_end() {
    let path = Path::from("a/1");
    let impatient = store(&[Fault::Lost; 9], None, Duration::ZERO).await;
    assert!(impatient.get(&path).await.is_err());
    let denied = patient(&[Fault::Lost, Fault::Denied]).await;
    assert!(matches!(denied.get(&path).await, Err(Error::PermissionDenied { .. })));
}
