//! Sends that wait until the server's replicas, or its disk, have them too.
//!
//! WAIT blocks its connection, and speaks of the writes of that connection; so each such send has
//! a connection to itself meanwhile.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use coord_core::{BackendError, BackendErrorKind, Durability};
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Cmd, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value,
};
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::{Instant, sleep, timeout};

use super::CommandLane;
use crate::error;
use crate::script::Call;

/// What the connections of waiting sends have in common.
pub(super) struct Waiters {
    permits: Semaphore,
    /// Of one server only: on a cluster each send opens its own.
    idle: Mutex<Vec<MultiplexedConnection>>,
    has_waitaof: OnceCell<bool>,
}

/// What the script answered, and how many copies were confirmed.
pub(crate) struct Confirmed {
    pub(crate) answer: Value,
    pub(crate) copies: u32,
}

/// How many sends wait at once at most; further ones wait for a connection.
const MAX_WAITING: usize = 64;
/// How many connections are kept for the next ones.
const MAX_IDLE: usize = 8;
/// The first and the longest pause before what certainly did not run is tried again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(100));

impl Default for Waiters {
    fn default() -> Self {
        let permits = Semaphore::new(MAX_WAITING);
        Self { permits, idle: Mutex::default(), has_waitaof: OnceCell::new() }
    }
}

impl CommandLane {
    /// Whether the servers can tell what is on their disk.
    pub(crate) async fn has_waitaof(&self) -> Result<bool, BackendError> {
        let ask = async || {
            let command = redis::cmd("COMMAND").arg("INFO").arg("WAITAOF").take();
            let all = self.command_everywhere("COMMAND INFO", &command).await?;
            let is_known =
                |it: &Value| matches!(it, Value::Array(it) if it.first() != Some(&Value::Nil));
            Ok(all.iter().all(|(_, known)| is_known(known)))
        };
        self.waiters.has_waitaof.get_or_try_init(ask).await.copied()
    }

    /// Runs a script on the server that has `key`, and waits for the copies.
    ///
    /// What certainly did not run is led on until the limit of a reply is over. Once the script
    /// has run no failure is one of it: what was not confirmed counts as no copy.
    pub(crate) async fn call_confirmed(
        &self,
        key: &str,
        call: &Call<'_>,
        durability: Durability,
    ) -> Result<Confirmed, BackendError> {
        let what = call.script.name();
        let _permit = self.waiters.permits.acquire().await.map_err(|e| {
            BackendError::new(BackendErrorKind::Unreachable, format!("{what}: {e}"))
        })?;
        let until = Instant::now() + self.limits.response;
        let mut pause = PAUSES.0;
        loop {
            let mut connection = self.take_idle_or_open(key).await?;
            let error = match self.run(&mut connection, call).await {
                Ok(answer) => {
                    let copies = self.wait(&mut connection, durability).await;
                    return Ok(Confirmed { answer, copies });
                }
                Err(error) => error,
            };
            let is_elsewhere = matches!(
                error.code(),
                Some("MOVED" | "ASK" | "TRYAGAIN" | "CLUSTERDOWN" | "READONLY" | "MASTERDOWN")
            );
            if !is_elsewhere || Instant::now() + pause >= until {
                return Err(error::running(what, error));
            }
            sleep(pause).await;
            pause = PAUSES.1.min(pause * 2);
            // The shared lane follows where the key went, and remembers it.
            self.command("EXISTS", redis::cmd("EXISTS").arg(key)).await?;
        }
    }

    async fn run(
        &self,
        connection: &mut MultiplexedConnection,
        call: &Call<'_>,
    ) -> RedisResult<Value> {
        match self.limited(call.by_digest(), connection, self.limits.response).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.limited(&call.by_source(), connection, self.limits.response).await
            }
            answer => answer,
        }
    }

    async fn wait(&self, connection: &mut MultiplexedConnection, durability: Durability) -> u32 {
        let (command, within) = match durability {
            Durability::Replicas { count, within } => {
                (redis::cmd("WAIT").arg(count).arg(millis(within)).take(), within)
            }
            Durability::Aof { within } => {
                (redis::cmd("WAITAOF").arg(1).arg(0).arg(millis(within)).take(), within)
            }
            _ => return 0,
        };
        let limit = within + self.limits.response;
        let Ok(answer) = self.limited(&command, connection, limit).await else { return 0 };
        self.keep(connection.clone());
        match &answer {
            Value::Array(both) => both.first().and_then(count_of),
            other => count_of(other),
        }
        .unwrap_or(0)
    }

    async fn limited(
        &self,
        command: &Cmd,
        connection: &mut MultiplexedConnection,
        limit: Duration,
    ) -> RedisResult<Value> {
        match timeout(limit, command.query_async(connection)).await {
            Ok(answer) => answer,
            Err(_) => Err(RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut))),
        }
    }

    async fn take_idle_or_open(&self, key: &str) -> Result<MultiplexedConnection, BackendError> {
        let idle = || self.waiters.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        while let Some(mut connection) = idle() {
            // It may be broken, or lead to a master of yesterday.
            let role =
                self.limited(&redis::cmd("ROLE"), &mut connection, self.limits.connect).await;
            if role.is_ok_and(|role| super::sentinel::is_master(&role)) {
                return Ok(connection);
            }
        }
        let settings = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.limits.connect))
            .set_response_timeout(None);
        self.open_at(key, &settings).await
    }

    fn keep(&self, connection: MultiplexedConnection) {
        let mut idle = self.waiters.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_cluster() && idle.len() < MAX_IDLE {
            idle.push(connection);
        }
    }
}

fn millis(within: Duration) -> u64 {
    // 0 would wait for ever; options are checked to lie between a millisecond and an hour.
    u64::try_from(within.as_millis()).unwrap_or(u64::MAX).max(1)
}

fn count_of(value: &Value) -> Option<u32> {
    redis::from_redis_value_ref(value).ok()
}
