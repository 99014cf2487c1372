//! A Redis 7.0 server inside the process, for tests.
//!
//! [`FakeRedis::start`] opens a loopback port that any client can use, [`FakeRedis::duplex`] a
//! stream without a socket, [`FakeRedis::cluster`] several nodes that share the slots, and
//! [`FakeRedis::sentinel`] a master, its replica and a sentinel that watches them.
//! Scripts run in a real Lua 5.1. A command, a transaction and a script are each atomic.
//!
//! - Time: [`Clock`] is the one clock for TIME, expiry, stream ids and time-outs. A manual one
//!   moves by [`FakeRedis::advance`], tokio's follows its paused time. It stands still during a
//!   command, a transaction and a script.
//! - Faults: [`Fault`] makes commands fail, hang or lose their connection.
//! - Assertions: [`FakeRedis::log`], [`FakeRedis::round_trips`], [`FakeRedis::script_runs`].
//! - Strict mode (the default) refuses scripts that use keys their caller did not declare.
//!
//! Losing a reply, to see what a client makes of a command that may or may not have run:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use coord_testkit::fake_redis::{FakeRedis, Fault, Reply};
//!
//! let server = FakeRedis::start().await?;
//! server.inject(Fault::execute_then_drop().command("INCR").times(1));
//! let client = redis::Client::open(server.url())?;
//! let mut connection = client.get_multiplexed_async_connection().await?;
//! let outcome: redis::RedisResult<i64> =
//!     redis::cmd("INCR").arg("orders").query_async(&mut connection).await;
//! assert!(outcome.is_err());
//! assert_eq!(server.command(["GET", "orders"]), Reply::bulk("1"));
//! # Ok(()) }
//! ```
//!
//! # Differences from Redis 7.0
//!
//! - Nothing is written to disk and nothing is evicted; memory figures are estimates.
//! - A key is removed as soon as its time has passed, not by a periodic sweep.
//! - DUMP writes nothing packed or compressed. RESTORE reads the payloads of real servers up to
//!   7.0, except those of modules.
//! - Time stands still inside a script (as in Redis 7.2 and later).
//! - It feeds replicas (`SYNC`, `PSYNC`: always everything anew, and no pings; `WAIT` does not
//!   count them) but follows nobody: after `REPLICAOF` it is a replica whose master is down. The
//!   replica of a sentinel set-up shares the data of its master until a failover loses some.
//! - There is no module, no ACL file and no ACL selector.
//! - The nodes of a cluster have no replicas; slots move by [`FakeRedis::begin_slot_migration`],
//!   not by commands.
//! - HELP subcommands and COMMAND DOCS are short; COMMAND INFO has no key
//!   specifications.
//! - SHUTDOWN is refused: drop the server instead.

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
mod errand;
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
mod rdb;
mod replication;
mod reply;
mod request;
mod requests;
mod script_calls;
mod script_host;
mod scripts;
mod server;
mod session;
mod settings;
mod sha256;
mod shared;
mod slow;
mod state;
mod store;
mod topology;
mod tracking;
mod types;
mod value;
mod watchers;

pub use api::FakeRedis;
pub use builder::FakeRedisBuilder;
pub use clock::Clock;
pub use fault::{Fault, FaultId};
pub use log::{LoggedCommand, Source};
pub use reply::Reply;
