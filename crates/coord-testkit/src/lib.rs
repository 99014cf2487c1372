//! Test doubles for `coord`.

pub mod conformance;
pub mod fake_redis;
mod memory;
pub mod server;

pub use fake_redis::{Clock, FakeRedis};
pub use memory::{InMemoryCoordinator, InMemoryCoordinatorBuilder};
