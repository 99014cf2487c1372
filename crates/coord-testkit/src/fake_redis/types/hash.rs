//! Hash value: fields in insertion order.

use bytes::Bytes;

use super::limits::Limits;
use super::table::Table;

/// Fields and values of a hash, with the encoding Redis would report.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hash {
    table: Table<Bytes>,
    limits: Limits,
    /// Set once a threshold was passed; as in Redis it never goes back.
    large: bool,
}

impl Hash {
    /// Changes the thresholds for what is written from now on.
    pub(crate) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Number of fields.
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is no field.
    pub(crate) fn is_empty(&self) -> bool {
        self.table.len() == 0
    }

    /// Value of `field`.
    pub(crate) fn get(&self, field: &[u8]) -> Option<&Bytes> {
        self.table.get(field)
    }

    /// Sets `field`; true if it is new.
    pub(crate) fn set(&mut self, field: Bytes, value: Bytes) -> bool {
        self.note(&field);
        self.note(&value);
        let new = self.table.insert(field, value).is_none();
        self.large |= self.table.len() > self.limits.hash_entries;
        new
    }

    /// Takes note of a field or value that is about to be written, as its length may change the
    /// encoding.
    pub(crate) fn note(&mut self, text: &[u8]) {
        self.large |= text.len() > self.limits.hash_value;
    }

    /// Removes `field`, returning its value.
    pub(crate) fn remove(&mut self, field: &[u8]) -> Option<Bytes> {
        self.table.remove(field)
    }

    /// Fields and values in insertion order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Bytes, &Bytes)> {
        self.table.iter()
    }

    /// A uniformly random field.
    pub(crate) fn sample(&self, random: &mut dyn FnMut() -> u64) -> Option<(&Bytes, &Bytes)> {
        self.table.sample(random)
    }

    /// One step of a scan; a listpack is returned whole, as in Redis.
    pub(crate) fn scan(&self, cursor: u64, count: usize) -> (u64, Vec<(&Bytes, &Bytes)>) {
        if self.large { self.table.scan(cursor, count) } else { (0, self.iter().collect()) }
    }

    /// What `OBJECT ENCODING` answers.
    pub(crate) fn encoding(&self) -> &'static str {
        if self.large { "hashtable" } else { "listpack" }
    }
}
