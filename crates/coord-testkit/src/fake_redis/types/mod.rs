//! The data types as pure structures: no I/O, no clock.

mod big;
pub(crate) mod extended;
pub(crate) mod float;
pub(crate) mod geo;
mod hash;
pub(crate) mod hyperloglog;
mod limits;
pub(crate) mod list;
pub(crate) mod range;
mod rank_tree;
pub(crate) mod scan_map;
mod set;
mod sorted_set;
pub(crate) mod stream;
pub(crate) mod table;
#[cfg(test)]
mod tests;

pub(crate) use hash::Hash;
pub(crate) use limits::Limits;
pub(crate) use list::List;
pub(crate) use set::Set;
pub(crate) use sorted_set::SortedSet;
pub(crate) use stream::Stream;
