//! A Redis 7.0 server inside the process, for tests.
#![allow(dead_code, reason = "the parts are being joined")]

mod api;
mod blocking;
mod call;
mod clock;
mod command;
mod commands;
mod config;
mod dispatch;
mod failure;
mod glob;
mod lua;
mod notify;
mod number;
mod pubsub;
mod reply;
mod request;
mod script_host;
mod server;
mod session;
mod state;
mod store;
mod types;
mod value;

pub use api::FakeRedis;
pub use clock::Clock;
pub use reply::Reply;
