//! Plain stand-ins for the collections until each has its own file.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;

/// A list.
#[derive(Debug, Clone, Default)]
pub(crate) struct List(pub(crate) VecDeque<Bytes>);
/// A hash.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hash(pub(crate) BTreeMap<Bytes, Bytes>);
/// A set.
#[derive(Debug, Clone, Default)]
pub(crate) struct Set(pub(crate) BTreeSet<Bytes>);
/// A sorted set.
#[derive(Debug, Clone, Default)]
pub(crate) struct SortedSet(pub(crate) BTreeMap<Bytes, f64>);
/// A stream.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stream(pub(crate) Vec<Bytes>);

impl List {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
impl Hash {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
impl Set {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
impl SortedSet {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
