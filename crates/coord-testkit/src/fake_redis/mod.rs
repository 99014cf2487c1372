//! A Redis 7.0 server inside the process, for tests.
#![allow(dead_code, reason = "the parts are being joined")]

mod acl;
mod api;
mod api_nodes;
mod blocking;
mod builder;
mod call;
mod clock;
mod cluster;
mod command;
mod commands;
mod config;
mod dispatch;
mod failure;
mod fault;
mod function_dump;
mod glob;
mod history;
mod log;
mod lua;
mod memory;
mod notify;
mod number;
mod pause;
mod pubsub;
mod reply;
mod request;
mod requests;
mod script_host;
mod scripts;
mod server;
mod session;
mod settings;
mod sha256;
mod state;
mod store;
mod topology;
mod tracking;
mod types;
mod value;

pub use api::FakeRedis;
pub use builder::FakeRedisBuilder;
pub use clock::Clock;
pub use fault::{Fault, FaultId};
pub use log::{LoggedCommand, Source};
pub use reply::Reply;
