//! Log objects → rows, without a lake.
//!
//! In: objects, and the columns that are wanted. Out: batches of rows as `events` has them, in no order, and counters.
//! Nothing is stored, so nothing is remembered either: an event that was delivered twice is there twice. What must hold:
//! memory is bounded by the settings of [`IngestConfig`], as in an ingest run; who stops to listen stops the work.

use crate::ahead::{self, Queue};
use crate::batch::{Batch, Source};
use crate::books;
use crate::config::{IngestConfig, Limits};
use crate::error::Error;
use crate::fetch::Fetched;
use crate::find::{self, LogObject};
use crate::gunzip;
use crate::record::{Record, State};
use crate::report::Report;
use crate::run::Progress;
use crate::schema::{DATE, Table, file_schema};
use crate::time::{day_of, now};
use crate::transpose::{Columns, Filled};
use crate::write::values::NONE;
use arrow::array::{ArrayRef, Date32Array, RecordBatch, RecordBatchOptions, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::errors::ParquetError;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};

/// Rows of a batch, as many as DataFusion likes.
const ROWS: usize = 8192;

/// Bytes of JSON in a batch of rows; offsets into its texts have 32 bits.
const ROWS_BYTES: usize = 64 << 20;

/// Inflated bytes after which rows are handed over.
const BATCH_BYTES: usize = 8 << 20;

/// Batches that may wait for whoever listens, for each worker.
const WAITING: usize = 2;

/// Log objects that were found.
pub struct Raw {
    config: IngestConfig,
    objects: Vec<LogObject>,
    progress: Arc<dyn Progress>,
    report: Mutex<Report>,
}

/// Batches on their way, or why there are no more.
pub type Batches = mpsc::Receiver<Result<RecordBatch, Error>>;

impl Raw {
    /// Finds the objects of the sources of `config`; its lake is not looked at.
    ///
    /// # Errors
    /// None of the sources can be used.
    pub async fn find(config: IngestConfig, progress: Arc<dyn Progress>) -> Result<Self, Error> {
        let found = find::find(&config.sources, config.days).await?;
        let (digests, list_requests, problems) = (found.digests, found.list_requests, found.problems);
        let report = Mutex::new(Report { digests, list_requests, problems, ..Report::default() });
        Ok(Self { config, objects: found.objects, progress, report })
    }

    /// What was found, oldest delivery first.
    #[must_use]
    pub fn objects(&self) -> &[LogObject] {
        &self.objects
    }

    /// What was read so far, of all calls of [`Raw::rows`] together.
    #[must_use]
    pub fn report(&self) -> Report {
        self.report.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The events in `objects`, with the columns of these numbers in [`schema`]. An object that cannot be read is a line in
    /// the report. Needs tokio's runtime; dropping the receiver ends the work.
    #[must_use]
    pub fn rows(self: &Arc<Self>, objects: Vec<LogObject>, columns: &[usize]) -> Batches {
        let workers = self.config.workers.max(1);
        let (sender, receiver) = mpsc::channel(WAITING * workers);
        self.progress.found(objects.len() as u64, objects.iter().map(|object| object.size).sum());
        let objects = Arc::from(objects);
        let queue = ahead::start(&objects, &self.config);
        let large = Arc::new(Semaphore::new(1));
        let wanted = Wanted::new(columns);
        for _ in 0..workers {
            let mut worker = Worker {
                raw: Arc::clone(self),
                objects: Arc::clone(&objects),
                large: Arc::clone(&large),
                batch: Batch::with_policy(self.config.policy.clone()),
                columns: Columns::new(Table::Events),
                wanted: wanted.clone(),
                sender: sender.clone(),
            };
            let queue = queue.clone();
            tokio::task::spawn_blocking(move || worker.work(&queue));
        }
        receiver
    }

    fn count(&self, report: Report) {
        *self.report.lock().unwrap_or_else(PoisonError::into_inner) += report;
    }
}

/// The columns of rows: those of the files of `events`, then the day.
#[must_use]
pub fn schema() -> SchemaRef {
    let day = Arc::new(Field::new(DATE, DataType::Date32, false));
    Arc::new(Schema::new(
        file_schema(Table::Events).fields().iter().cloned().chain([day]).collect::<Vec<_>>(),
    ))
}

/// The columns that somebody wants.
#[derive(Clone)]
struct Wanted {
    /// Of each column of the files, its places in the rows.
    places: Vec<Vec<usize>>,
    schema: SchemaRef,
}

impl Wanted {
    fn new(columns: &[usize]) -> Self {
        let all = schema();
        let mut places = vec![Vec::new(); all.fields().len()];
        for (place, &column) in columns.iter().enumerate() {
            places[column].push(place);
        }
        let fields = columns.iter().map(|&column| Arc::clone(&all.fields()[column]));
        Self { places, schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())) }
    }
}

/// A worker: object after object onto its batch, and from there into rows.
struct Worker {
    raw: Arc<Raw>,
    objects: Arc<[LogObject]>,
    /// The turn of an object that unwraps to more than a batch.
    large: Arc<Semaphore>,
    batch: Batch,
    columns: Columns,
    wanted: Wanted,
    sender: mpsc::Sender<Result<RecordBatch, Error>>,
}

/// Nobody listens any more.
struct Unheard;

impl Worker {
    fn work(&mut self, queue: &Queue) {
        // Whoever stopped to listen wants nothing more, not even an error.
        let _ = self.take_all(queue).and_then(|()| self.hand_over());
    }

    fn take_all(&mut self, queue: &Queue) -> Result<(), Unheard> {
        loop {
            match queue.next() {
                Ok(None) => return Ok(()),
                Ok(Some((_, Ok(queued)))) => {
                    self.read(&queued.object)?;
                    self.raw.progress.done(0, queued.object.body.len() as u64);
                }
                Ok(Some((number, Err(error)))) => self.give_up(number, &error),
                Err(error) => return self.say(Err(error)),
            }
            if self.batch.bytes() >= BATCH_BYTES {
                self.hand_over()?;
            }
        }
    }

    /// Reads an object. One that unwraps to more than a batch waits for its turn among those of all workers.
    fn read(&mut self, object: &Fetched) -> Result<(), Unheard> {
        let config = &self.raw.config;
        let share = config.batch_bytes.min(config.limits.max_inflated);
        if gunzip::expected_len(&object.body) <= share {
            let limits = Limits { max_inflated: share, ..config.limits.clone() };
            self.batch.read(&source_of(object), &object.body, &limits);
            if share == config.limits.max_inflated || !self.batch.lacks_room(&limits) {
                return Ok(());
            }
            self.batch.remove_object(object.identity);
        }
        self.hand_over()?;
        let Ok(turn) = Handle::current().block_on(Arc::clone(&self.large).acquire_owned()) else {
            return Err(Unheard);
        };
        self.batch.read(&source_of(object), &object.body, &self.raw.config.limits);
        self.hand_over()?;
        self.batch.clear_to(2 * BATCH_BYTES);
        drop(turn);
        Ok(())
    }

    fn give_up(&self, number: usize, error: &Error) {
        let open = self.objects.get(number).map(|object| object.place.clone()).into_iter().collect();
        let problems = vec![error.to_string()];
        self.raw.count(Report { objects_failed: 1, open, problems, ..Report::default() });
    }

    /// Makes rows of what the batch has, and empties it.
    fn hand_over(&mut self) -> Result<(), Unheard> {
        let report = books::report(&self.batch, &self.raw.config.policy);
        self.raw.progress.done(report.records_read, 0);
        self.raw.count(report);
        let records = std::mem::take(&mut self.batch.records);
        let rows = records.iter().filter(|r| r.table == Table::Events && r.state == State::Kept);
        let rows = rows.collect::<Vec<_>>();
        self.columns.begin(now());
        let mut rest = rows.as_slice();
        while !rest.is_empty() {
            let (rows, behind) = rest.split_at(fitting(rest));
            let made = self.rows(rows).map_err(Error::from);
            self.say(made)?;
            rest = behind;
        }
        self.batch.records = records;
        self.batch.clear();
        Ok(())
    }

    fn rows(&mut self, records: &[&Record]) -> Result<RecordBatch, ParquetError> {
        let schema = &self.wanted.schema;
        let mut arrays = vec![None::<ArrayRef>; schema.fields().len()];
        let places = &self.wanted.places;
        let mut put = |column: usize, array: ArrayRef| {
            places[column].iter().for_each(|&place| arrays[place] = Some(Arc::clone(&array)));
        };
        let days = places.len() - 1;
        // Whoever only counts needs no values at all.
        if places[..days].iter().any(|places| !places.is_empty()) {
            for record in records {
                self.columns.push(&self.batch, record);
            }
            self.columns.fill(|column, filled| {
                if !places[column].is_empty() {
                    put(column, array(filled));
                }
                Ok(())
            })?;
        }
        if !places[days].is_empty() {
            put(days, Arc::new(records.iter().map(|record| Some(record.date)).collect::<Date32Array>()));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(records.len()));
        let arrays = arrays.into_iter().flatten().collect();
        Ok(RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options)?)
    }

    fn say(&self, batch: Result<RecordBatch, Error>) -> Result<(), Unheard> {
        self.sender.blocking_send(batch).map_err(|_| Unheard)
    }
}

/// How many of `records`, which are some, make a batch of rows.
fn fitting(records: &[&Record]) -> usize {
    let mut bytes = 0;
    let fits = |record: &&&Record| {
        bytes += (record.end - record.start) as usize;
        bytes <= ROWS_BYTES
    };
    records.iter().take(ROWS).take_while(fits).count().max(1)
}

fn source_of(object: &Fetched) -> Source<'_> {
    Source {
        identity: object.identity,
        key: &object.name,
        etag: &object.etag,
        key_date: object.date,
        ingest_date: day_of(now()),
    }
}

/// What a column has, as an array. Texts were made valid UTF-8 when they were read.
fn array(filled: Filled<'_>) -> ArrayRef {
    let text = |bytes| std::str::from_utf8(bytes).unwrap_or_default();
    match filled {
        Filled::Array(array) => array,
        Filled::Keys(keys, values) => {
            let bytes = keys.iter().filter(|&&key| key != NONE).map(|&key| values.get(key).len()).sum();
            let mut texts = StringBuilder::with_capacity(keys.len(), bytes);
            for &key in keys {
                texts.append_option((key != NONE).then(|| text(values.get(key))));
            }
            Arc::new(texts.finish())
        }
        Filled::Texts(all) => {
            let mut texts = StringBuilder::with_capacity(all.lengths().len(), all.bytes().len());
            let mut values = all.iter();
            for &length in all.lengths() {
                texts.append_option(if length == NONE { None } else { values.next().map(text) });
            }
            Arc::new(texts.finish())
        }
    }
}
