//! Databases: keys, values and expiry.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::types::scan_map::ScanMap;
use super::value::Value;

/// How a string is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Form {
    /// As a number where possible.
    #[default]
    Shortest,
    /// The text of a computed float: never as a number.
    Text,
    /// Edited in place.
    Raw,
}

/// The LFU counter of a new key.
pub(crate) const FRESH: u8 = 5;

/// A value with its expiry and its age.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) value: Value,
    /// Milliseconds since 1970; the key is gone once the clock has passed it.
    pub(crate) expire_at: Option<u64>,
    /// When it was last read or written, in milliseconds since 1970.
    pub(crate) used_at: u64,
    /// The counter of the LFU policies; accesses do not change it here.
    pub(crate) freq: u8,
    /// What OBJECT ENCODING says of a string.
    pub(crate) form: Form,
}

/// One numbered database. Expiry is a plain fact here: who looks says what time it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Db {
    entries: ScanMap<Entry>,
    expiries: BTreeSet<(u64, Bytes)>,
}

impl Db {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
    pub(crate) fn with_expiry(&self) -> usize {
        self.expiries.len()
    }
    pub(crate) fn get(&self, key: &Bytes) -> Option<&Entry> {
        self.entries.get(key)
    }
    /// The value to change in place; the expiry has its own setter.
    pub(crate) fn value_mut(&mut self, key: &Bytes) -> Option<&mut Value> {
        self.entries.get_mut(key).map(|entry| &mut entry.value)
    }
    pub(crate) fn touch(&mut self, key: &Bytes, now_ms: u64) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.used_at = now_ms;
        }
    }
    /// Notes that a string is the text of a computed float.
    pub(crate) fn mark_text(&mut self, key: &Bytes) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.form = Form::Text;
        }
    }
    /// Notes that a string was edited in place.
    pub(crate) fn mark_raw(&mut self, key: &Bytes) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.form = Form::Raw;
        }
    }
    pub(crate) fn contains(&self, key: &Bytes) -> bool {
        self.entries.contains(key)
    }
    /// Stores an entry whole and returns the one it replaced.
    pub(crate) fn insert(&mut self, key: Bytes, entry: Entry) -> Option<Entry> {
        let expire_at = entry.expire_at;
        let old = self.entries.insert(key.clone(), entry);
        if let Some(at) = old.as_ref().and_then(|old| old.expire_at) {
            self.expiries.remove(&(at, key.clone()));
        }
        if let Some(at) = expire_at {
            self.expiries.insert((at, key));
        }
        old
    }
    pub(crate) fn remove(&mut self, key: &Bytes) -> Option<Entry> {
        let entry = self.entries.remove(key)?;
        if let Some(at) = entry.expire_at {
            self.expiries.remove(&(at, key.clone()));
        }
        Some(entry)
    }
    /// Sets or clears the expiry; false if there is no such key.
    pub(crate) fn set_expiry(&mut self, key: &Bytes, expire_at: Option<u64>) -> bool {
        let Some(entry) = self.entries.get_mut(key) else {
            return false;
        };
        if let Some(at) = std::mem::replace(&mut entry.expire_at, expire_at) {
            self.expiries.remove(&(at, key.clone()));
        }
        if let Some(at) = expire_at {
            self.expiries.insert((at, key.clone()));
        }
        true
    }
    /// The key that expires first, if its time has passed.
    pub(crate) fn first_due(&self, now_ms: u64) -> Option<Bytes> {
        let (at, key) = self.expiries.first()?;
        (*at < now_ms).then(|| key.clone())
    }
    pub(crate) fn is_due(&self, now_ms: u64) -> bool {
        self.expiries.first().is_some_and(|(at, _)| *at < now_ms)
    }
    /// When the next key expires, in milliseconds since 1970.
    pub(crate) fn next_expiry(&self) -> Option<u64> {
        self.expiries.first().map(|(at, _)| *at)
    }
    /// Sum of the expiry times, for the average of INFO.
    pub(crate) fn expiries(&self) -> impl Iterator<Item = u64> {
        self.expiries.iter().map(|(at, _)| *at)
    }
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Bytes> {
        self.entries.keys()
    }
    pub(crate) fn entries(&self) -> &ScanMap<Entry> {
        &self.entries
    }
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.expiries.clear();
    }
}
