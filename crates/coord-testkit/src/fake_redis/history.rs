//! The latest writes, so that a failover can lose them.

use std::collections::VecDeque;

use bytes::Bytes;

use super::state::State;
use super::store::{Db, Entry};

/// Most writes that can be undone.
pub(crate) const MAX_UNDONE: usize = 1024;

/// What there was before each of the latest writing requests.
#[derive(Debug, Default)]
pub(crate) struct History {
    on: bool,
    records: VecDeque<Vec<Before>>,
    open: Vec<Before>,
}

#[derive(Debug)]
enum Before {
    Key(usize, Bytes, Option<Box<Entry>>),
    All(Vec<Db>),
}

impl History {
    /// Starts to record.
    pub(crate) fn start(&mut self) {
        self.on = true;
    }
}

impl State {
    /// Closes the record of the last request.
    pub(crate) fn begin_write_record(&mut self) {
        if !self.history.on || self.history.open.is_empty() {
            return;
        }
        let record = std::mem::take(&mut self.history.open);
        if self.history.records.len() == MAX_UNDONE {
            self.history.records.pop_front();
        }
        self.history.records.push_back(record);
    }

    /// Notes what a writing command is about to change. Without keys that is everything.
    pub(crate) fn note_before_write(&mut self, db: usize, keys: &[&Bytes]) {
        if !self.history.on {
            return;
        }
        if keys.is_empty() {
            self.history.open.push(Before::All(self.dbs.clone()));
            return;
        }
        for key in keys {
            let before = self.dbs[db].get(key).cloned().map(Box::new);
            self.history.open.push(Before::Key(db, (*key).clone(), before));
        }
    }

    /// Undoes the last writing requests; returns how many there were to undo.
    pub(crate) fn undo_writes(&mut self, count: usize) -> usize {
        self.begin_write_record();
        let mut undone = 0;
        while undone < count
            && let Some(record) = self.history.records.pop_back()
        {
            for before in record.into_iter().rev() {
                match before {
                    Before::All(dbs) => self.dbs = dbs,
                    Before::Key(db, key, Some(entry)) => {
                        self.dbs[db].insert(key, *entry);
                    }
                    Before::Key(db, key, None) => {
                        self.dbs[db].remove(&key);
                    }
                }
            }
            undone += 1;
        }
        undone
    }
}
