//! A Redis 7.0 server inside the process, for tests.
#![allow(dead_code, reason = "the parts are being joined")]

mod acl;
mod api;
mod blocking;
mod call;
mod clock;
mod command;
mod commands;
mod config;
mod dispatch;
mod failure;
mod function_dump;
mod glob;
mod lua;
mod notify;
mod number;
mod pause;
mod pubsub;
mod reply;
mod request;
mod script_host;
mod scripts;
mod server;
mod session;
mod settings;
mod sha256;
mod state;
mod store;
mod tracking;
mod types;
mod value;

pub use api::FakeRedis;
pub use clock::Clock;
pub use reply::Reply;
