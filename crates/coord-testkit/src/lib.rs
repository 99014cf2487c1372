#![doc = include_str!("../README.md")]

pub mod conformance;
pub mod conformance_registry;
pub mod fake_redis;
pub mod history;
mod memory;
#[cfg(feature = "mocks")]
pub mod mocks;
mod registry;
pub mod server;
pub mod strategies;

pub use fake_redis::{Clock, FakeRedis};
pub use memory::{InMemoryCoordinator, InMemoryCoordinatorBuilder};
pub use registry::InMemoryRegistry;
