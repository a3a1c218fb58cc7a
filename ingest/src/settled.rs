//! Which objects of a run are accounted for: in the lake, known to it, or named in a line of the report.
//!
//! When a run cannot go on, the others are named, so that nothing is missing without a word.

use crate::find::LogObject;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// All objects of a run, with a mark on those that are accounted for.
pub(crate) struct Settled {
    objects: Arc<[LogObject]>,
    marks: Box<[AtomicBool]>,
}

impl Settled {
    pub(crate) fn none_of(objects: &Arc<[LogObject]>) -> Self {
        let marks = objects.iter().map(|_| AtomicBool::new(false)).collect();
        Self { objects: Arc::clone(objects), marks }
    }

    pub(crate) fn objects(&self) -> &Arc<[LogObject]> {
        &self.objects
    }

    /// Marks an object, by its place in the list.
    pub(crate) fn mark(&self, number: usize) {
        self.marks[number].store(true, Relaxed);
    }

    /// The objects without a mark.
    pub(crate) fn rest(&self) -> impl Iterator<Item = &LogObject> {
        self.objects.iter().zip(&self.marks).filter(|(_, mark)| !mark.load(Relaxed)).map(|(object, _)| object)
    }
}
