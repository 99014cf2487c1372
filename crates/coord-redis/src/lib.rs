#![doc = include_str!("../README.md")]

/// The examples of the guide run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/testing.md")]
struct TestingGuide;

mod acl;
#[cfg(feature = "resilience")]
pub mod breaker;
mod codec;
mod config;
mod connection;
mod coordinator;
mod doctor;
mod error;
mod keys;
mod layout;
mod mailbox;
mod migration;
mod operations;
mod registry;
mod reply;
mod script;
mod server;
mod topology;
mod waiting;

pub use acl::Role;
#[cfg(feature = "resilience")]
pub use breaker::{RedisBreakerRegistry, RedisBreakerStore};
pub use config::{ForwardAcross, RedisConfig};
pub use coordinator::{ConnectError, RedisMessageCoordinator};
pub use doctor::{Finding, Severity};
pub use layout::KeyLayout;
pub use registry::RedisAgentRegistry;
pub use server::ServerWarning;
