//! The connection to one server: multiplexed, shared, replaced when it is spoilt.

use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use coord_core::{BackendError, BackendErrorKind};
use futures_util::future::{Either, select};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, RedisError, RedisResult, Value};
use tokio::sync::OnceCell;

use super::Limits;
use super::sentinel::{Sentinels, Watch};
use crate::error;

/// What a server answered, or why it was not reached: then nothing ran.
pub(super) type Answer = Result<Result<Value, RedisError>, BackendError>;

/// How a connection is made.
pub(super) enum Door {
    Fixed(Box<Client>),
    Sentinel(Arc<Sentinels>),
}

/// A lane of commands to one server.
///
/// The first caller that finds no connection makes one, the others wait for it and share its
/// fate. A connection that broke, that led to a demoted master, or that was in trouble
/// [`MAX_TROUBLES`] times in a row is not used again.
pub(super) struct NodeLane {
    door: Door,
    limits: Limits,
    address: String,
    /// The connection in use, or being made. Never locked across an await.
    current: Mutex<Arc<Cell>>,
}

type Cell = OnceCell<Result<Live, Failed>>;

struct Live {
    connection: MultiplexedConnection,
    troubles: AtomicU32,
    /// With sentinels: whether they have named another master since.
    watch: Option<Watch>,
}

/// Why no connection could be made, for all who waited for it.
struct Failed {
    kind: BackendErrorKind,
    message: String,
    cause: Option<Arc<RedisError>>,
}

/// How many time-outs, or answers that the server is loading, in a row make a connection suspect.
const MAX_TROUBLES: u32 = 3;

impl NodeLane {
    pub(super) fn new(door: Door, limits: Limits, address: String) -> Self {
        Self { door, limits, address, current: Mutex::default() }
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Sends one command. Behind sentinels, what a demoted master refused goes to the new one.
    pub(super) async fn attempt(&self, command: &Cmd) -> Answer {
        let answer = self.send(command, false).await;
        match (&answer, &self.door) {
            (Ok(Err(error)), Door::Sentinel(_)) if error::is_demoted(error) => {
                self.send(command, false).await
            }
            _ => answer,
        }
    }

    /// As [`attempt`](Self::attempt), once; `asking` for a slot that is on its way here.
    pub(super) async fn send(&self, command: &Cmd, asking: bool) -> Answer {
        let cell = self.cell();
        let live = match cell.get_or_init(|| self.connect()).await {
            Ok(live) => live,
            Err(failed) => {
                self.replace(&cell);
                return Err(failed.again());
            }
        };
        let answer = live.query(command, asking).await;
        match &answer {
            Ok(_) => live.troubles.store(0, Ordering::Relaxed),
            Err(error) if error.is_timeout() || error.code() == Some("LOADING") => {
                if live.troubles.fetch_add(1, Ordering::Relaxed) + 1 >= MAX_TROUBLES {
                    self.replace(&cell);
                }
            }
            Err(error) if error::spoils_connection(error) => self.replace(&cell),
            Err(_) => {}
        }
        Ok(answer)
    }

    /// A connection of the caller's own.
    pub(super) async fn open(
        &self,
        settings: &AsyncConnectionConfig,
    ) -> Result<MultiplexedConnection, BackendError> {
        let made = match &self.door {
            Door::Fixed(client) => {
                client.get_multiplexed_async_connection_with_config(settings).await
            }
            Door::Sentinel(sentinels) => return Ok(sentinels.connect(settings).await?.0),
        };
        made.map_err(|e| error::connecting(&self.address, e))
    }

    /// A client of the server.
    pub(super) async fn client(&self) -> Result<Client, BackendError> {
        match &self.door {
            Door::Fixed(client) => Ok((**client).clone()),
            Door::Sentinel(sentinels) => sentinels.master().await,
        }
    }

    async fn connect(&self) -> Result<Live, Failed> {
        let settings = self.limits.settings();
        let (connection, watch) = match &self.door {
            Door::Fixed(client) => {
                let made = client.get_multiplexed_async_connection_with_config(&settings).await;
                (made.map_err(|e| Failed::connecting(&self.address, e))?, None)
            }
            Door::Sentinel(sentinels) => {
                let (connection, master) =
                    sentinels.connect(&settings).await.map_err(Failed::from)?;
                (connection, Some(Watch::start(Arc::clone(sentinels), master)))
            }
        };
        Ok(Live { connection, troubles: AtomicU32::new(0), watch })
    }

    /// The connection to use: not one that leads to a master of yesterday.
    fn cell(&self) -> Arc<Cell> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |live: &Live| live.watch.as_ref().is_some_and(Watch::is_over);
        if current.get().is_some_and(|made| made.as_ref().is_ok_and(is_over)) {
            *current = Arc::default();
        }
        Arc::clone(&current)
    }

    /// Makes the next caller connect anew, unless somebody has seen to that already.
    fn replace(&self, spoilt: &Arc<Cell>) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&current, spoilt) {
            *current = Arc::default();
        }
    }
}

impl Live {
    async fn query(&self, command: &Cmd, asking: bool) -> RedisResult<Value> {
        let mut connection = self.connection.clone();
        if asking {
            let mut pipe = redis::pipe();
            pipe.cmd("ASKING").ignore().add_command(command.clone());
            let (value,) = pipe.query_async::<(Value,)>(&mut connection).await?;
            return Ok(value);
        }
        let answer = command.query_async::<Value>(&mut connection);
        match &self.watch {
            None => answer.await,
            // What hangs at a master of yesterday may have run there.
            Some(watch) => match select(pin!(answer), pin!(watch.over())).await {
                Either::Left((answer, _)) => answer,
                Either::Right(_) => {
                    let kind = std::io::ErrorKind::ConnectionAborted;
                    let why = "the sentinels have named another master";
                    Err(std::io::Error::new(kind, why).into())
                }
            },
        }
    }
}

impl Failed {
    fn connecting(address: &str, error: RedisError) -> Self {
        let (kind, message) = error::why_not_connected(address, &error);
        Self { kind, message, cause: Some(Arc::new(error)) }
    }

    fn again(&self) -> BackendError {
        let error = BackendError::new(self.kind, self.message.clone());
        match &self.cause {
            Some(cause) => error.with_source(Arc::clone(cause)),
            None => error,
        }
    }
}

impl From<BackendError> for Failed {
    fn from(error: BackendError) -> Self {
        let message = error.to_string();
        // The text of the kind stands before it once more when it is shown.
        let message = message.split_once(": ").map_or(message.as_str(), |(_, it)| it).to_owned();
        Self { kind: error.kind(), message, cause: None }
    }
}
