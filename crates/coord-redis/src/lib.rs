#![doc = include_str!("../README.md")]

#[cfg(feature = "resilience")]
pub mod breaker;
mod codec;
mod config;
mod connection;
mod coordinator;
mod error;
mod keys;
mod layout;
mod mailbox;
mod operations;
mod reply;
mod script;
mod server;

#[cfg(feature = "resilience")]
pub use breaker::{RedisBreakerRegistry, RedisBreakerStore};
pub use config::RedisConfig;
pub use coordinator::{ConnectError, RedisMessageCoordinator};
pub use layout::KeyLayout;
pub use server::ServerWarning;
