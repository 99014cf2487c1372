//! The breaker a fleet shares, in Redis: [`RedisBreakerStore`] and [`RedisBreakerRegistry`].

mod keys;
mod names;
mod news;
mod records;
mod registry;
mod reply;
mod steps;
mod store;

pub use names::MAX_NAMES;
pub use records::{BreakerReport, CallCounts};
pub use registry::{RedisBreakerRegistry, RedisRegistryError};
pub use store::RedisBreakerStore;

/// The examples of the guide run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../../../../docs/shared-breaker.md")]
struct Guide;
