//! The data types as pure structures: no I/O, no clock.

mod placeholder;
pub(crate) mod scan_map;

pub(crate) use placeholder::{Hash, List, Set, SortedSet, Stream};
