//! Test doubles for `coord`.

pub mod fake_redis;
pub mod server;

pub use fake_redis::FakeRedis;
