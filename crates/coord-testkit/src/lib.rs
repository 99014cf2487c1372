//! Test doubles for `coord`.

pub mod conformance;
pub mod fake_redis;
pub mod history;
mod memory;
pub mod server;
pub mod strategies;

pub use fake_redis::{Clock, FakeRedis};
pub use memory::{InMemoryCoordinator, InMemoryCoordinatorBuilder};
