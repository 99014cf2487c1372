//! Test doubles for `coord`.

pub mod fake_redis;

pub use fake_redis::FakeRedis;
