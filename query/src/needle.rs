//! A filter that names values → the files that may hold one of them, by their bloom filters.
//!
//! The scan asks the filters of a file when it opens it, one file after the other, and an opening takes a third of a
//! millisecond from disk and several round trips to S3, to be told mostly that there is nothing. Here the filters of
//! all files are read at once, and kept for the next question; the files that are left are few.

use datafusion::common::{DataFusionError, Result, ScalarValue, exec_datafusion_err};
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use datafusion::parquet::bloom_filter::Sbbf;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::utils::{Guarantee, LiteralGuarantee};
use futures::{FutureExt, StreamExt, stream};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use trailhound_ingest::write::settings::EVENTS;

/// Files whose filters are read at the same time.
const READS: usize = 32;

/// Bytes of filters that are kept: those of a thousand row groups for ids. What does not fit is read again.
const MOST_HELD: usize = 64 << 20;

/// The filters of a column in a file, one for each row group; `None` where a row group has none.
type OfFile = Arc<[Option<Sbbf>]>;

/// What was read of the filters of a table.
#[derive(Default)]
pub(crate) struct Filters {
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    of: HashMap<(String, &'static str), OfFile>,
    bytes: usize,
}

impl fmt::Debug for Filters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filters").finish_non_exhaustive()
    }
}

/// A column with filters, and the values of which a row must have one.
struct Needle {
    column: &'static str,
    texts: Vec<String>,
}

/// Where files are, and what is known of their ends.
pub(crate) struct Source {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) footers: Arc<FileMetadataCache>,
}

impl Filters {
    /// Which of `files` may hold a row that meets `predicate`; all of them where it names no value of a column with filters.
    pub(crate) async fn may_hold(
        &self,
        source: &Source,
        predicate: &Arc<dyn PhysicalExpr>,
        files: &[ObjectMeta],
    ) -> Vec<bool> {
        let needles = needles(predicate);
        if needles.is_empty() {
            return vec![true; files.len()];
        }
        let asked = files.iter().map(|file| self.may_one_hold(source, &needles, file).boxed());
        stream::iter(asked.collect::<Vec<_>>()).buffered(READS).collect().await
    }

    /// What cannot be read may hold anything: the scan will say what is wrong with it.
    async fn may_one_hold(&self, source: &Source, needles: &[Needle], file: &ObjectMeta) -> bool {
        let mut groups = Vec::new();
        for needle in needles {
            let Ok(filters) = self.of(source, needle.column, file).await else { return true };
            let may_hold = |filter: &Option<Sbbf>| {
                let filter = filter.as_ref();
                filter.is_none_or(|filter| needle.texts.iter().any(|text| filter.check(text.as_str())))
            };
            groups.push(filters.iter().map(may_hold).collect::<Vec<_>>());
        }
        // One row has all of them, so one row group must.
        (0..groups[0].len()).any(|group| groups.iter().all(|of_needle| of_needle[group]))
    }

    async fn of(&self, source: &Source, column: &'static str, file: &ObjectMeta) -> Result<OfFile> {
        let key = (file.location.to_string(), column);
        if let Some(known) = self.held().of.get(&key) {
            return Ok(Arc::clone(known));
        }
        let filters = read(source, column, file).await?;
        let bytes = filters.iter().flatten().map(|filter| filter.num_blocks() * BLOCK_BYTES).sum::<usize>();
        let mut held = self.held();
        if held.bytes + bytes <= MOST_HELD && held.of.insert(key, Arc::clone(&filters)).is_none() {
            held.bytes += bytes;
        }
        Ok(filters)
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes of a block of a split block bloom filter (Parquet format, `BloomFilter.md`).
const BLOCK_BYTES: usize = 32;

/// The filters of a column, as the end of the file says where they are.
async fn read(source: &Source, column: &str, file: &ObjectMeta) -> Result<OfFile> {
    let footer = DFParquetMetadata::new(source.store.as_ref(), file)
        .with_file_metadata_cache(Some(Arc::clone(&source.footers)))
        .fetch_metadata()
        .await?;
    let mut filters = Vec::with_capacity(footer.num_row_groups());
    for group in footer.row_groups() {
        let chunk = group.columns().iter().find(|chunk| chunk.column_path().string() == column);
        let place = chunk.and_then(|chunk| {
            let start = u64::try_from(chunk.bloom_filter_offset()?).ok()?;
            Some(start..start + u64::try_from(chunk.bloom_filter_length()?).ok()?)
        });
        filters.push(match place {
            Some(place) => {
                let bytes = source.store.get_range(&file.location, place).await?;
                let filter = Sbbf::from_bytes(&bytes);
                Some(filter.map_err(|error| exec_datafusion_err!("{}: {error}", file.location))?)
            }
            None => None,
        });
    }
    Ok::<_, DataFusionError>(filters.into())
}

/// What a row must have, of columns with filters, for `predicate` to be true.
fn needles(predicate: &Arc<dyn PhysicalExpr>) -> Vec<Needle> {
    let needle = |guarantee: LiteralGuarantee| {
        let LiteralGuarantee { column, guarantee: Guarantee::In, literals } = guarantee else { return None };
        let setting = EVENTS.iter().find(|setting| setting.bloom && setting.column == column.name)?;
        let text = |value: &ScalarValue| value.try_as_str().flatten().map(str::to_owned);
        let texts = literals.iter().map(text).collect::<Option<Vec<_>>>()?;
        Some(Needle { column: setting.column, texts })
    };
    LiteralGuarantee::analyze(predicate).into_iter().filter_map(needle).collect()
}
