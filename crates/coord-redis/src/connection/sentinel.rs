//! Who is the master, by the sentinels that watch it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use coord_core::{BackendError, BackendErrorKind};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ConnectionInfo, RedisError, RedisResult, Value};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::client;
use crate::error;
use crate::topology::{SentinelPlace, at};

/// The sentinels of one service.
pub(super) struct Sentinels {
    service: String,
    clients: Vec<Client>,
    /// What the servers need beside an address.
    server: ConnectionInfo,
    /// How long a sentinel may take.
    limit: Duration,
}

/// What one sentinel says.
struct Said {
    /// Grows with every failover; whoever has the highest knows best.
    epoch: u64,
    host: String,
    port: u16,
}

/// A sentinel that is silent for longer is passed over.
const MAX_LIMIT: Duration = Duration::from_secs(1);
/// How long the other sentinels are waited for after the first answer.
const GRACE: Duration = Duration::from_millis(50);
/// The first and the longest pause before listening to a lost sentinel again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// After so much silence a sentinel is asked.
const SILENCE: Duration = Duration::from_secs(5);
/// What a sentinel publishes when a replica became the master.
const CHANNELS: [&str; 2] = ["+switch-master", "+promoted-slave"];

impl Sentinels {
    pub(super) fn new(place: &SentinelPlace, connect: Duration) -> Result<Self, BackendError> {
        let clients = place.sentinels.iter().map(|info| client(info, &info.addr().to_string()));
        Ok(Self {
            service: place.service.clone(),
            clients: clients.collect::<Result<_, _>>()?,
            server: place.server.clone(),
            limit: connect.min(MAX_LIMIT),
        })
    }

    /// A connection to the master, which says itself that it is one, and its address.
    pub(super) async fn connect(
        &self,
        settings: &AsyncConnectionConfig,
    ) -> Result<(MultiplexedConnection, String), BackendError> {
        let client = self.master().await?;
        let address = client.get_connection_info().addr().to_string();
        let made = client.get_multiplexed_async_connection_with_config(settings).await;
        let mut connection = made.map_err(|e| error::connecting(&address, e))?;
        let role = redis::cmd("ROLE").query_async::<Value>(&mut connection).await;
        let role = role.map_err(|e| error::connecting(&address, e))?;
        if is_master(&role) {
            return Ok((connection, address));
        }
        let message = format!(
            "the sentinels name {address} as the master of {:?}, but it says that it is \
             none; a failover is under way, try again later",
            self.service
        );
        Err(BackendError::new(BackendErrorKind::Unavailable, message))
    }

    /// A client of the master.
    pub(super) async fn master(&self) -> Result<Client, BackendError> {
        let said = self.ask_all().await?;
        let info = at(&self.server, &said.host, said.port);
        client(&info, &info.addr().to_string())
    }

    /// Asks all at once and believes the one who has seen the latest failover.
    async fn ask_all(&self) -> Result<Said, BackendError> {
        let mut asked: FuturesUnordered<_> = self.clients.iter().map(|it| self.ask(it)).collect();
        let mut best: Option<Said> = None;
        let mut last = None;
        let mut until = Instant::now() + self.limit;
        while let Ok(Some(said)) = timeout_at(until, asked.next()).await {
            match said {
                Ok(said) => {
                    if best.is_none() {
                        until = until.min(Instant::now() + GRACE);
                    }
                    if best.as_ref().is_none_or(|best| said.epoch > best.epoch) {
                        best = Some(said);
                    }
                }
                Err(error) => last = Some(error),
            }
        }
        best.ok_or_else(|| self.nobody(last))
    }

    async fn ask(&self, sentinel: &Client) -> RedisResult<Said> {
        let settings = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.limit))
            .set_response_timeout(Some(self.limit));
        let mut connection =
            sentinel.get_multiplexed_async_connection_with_config(&settings).await?;
        let mut both = redis::pipe();
        both.cmd("SENTINEL").arg("MASTER").arg(&self.service);
        // While its failover is not over yet, only this names the promoted one.
        both.cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(&self.service);
        let (facts, (host, port)): (HashMap<String, String>, (String, u16)) =
            both.query_async(&mut connection).await?;
        let epoch = facts.get("config-epoch").and_then(|epoch| epoch.parse().ok()).unwrap_or(0);
        Ok(Said { epoch, host, port })
    }

    fn nobody(&self, last: Option<RedisError>) -> BackendError {
        let why = last.as_ref().map_or_else(|| "no answer in time".to_owned(), ToString::to_string);
        let kind = match &last {
            Some(error) if error::is_denied(error) => BackendErrorKind::Denied,
            _ => BackendErrorKind::Unreachable,
        };
        let message = format!(
            "no sentinel names a master of {:?}: {why}; check the addresses, the service's name, \
             and that the sentinels run",
            self.service
        );
        match last {
            Some(error) => BackendError::new(kind, message).with_source(error),
            None => BackendError::new(kind, message),
        }
    }

    /// Listens to one sentinel until somebody else than `master` is the master.
    async fn listen(&self, sentinel: &Client, master: &str) {
        let (first, longest) = PAUSES;
        let mut pause = first;
        loop {
            if let Ok(Ok(mut heard)) = timeout(self.limit, subscribe(sentinel)).await {
                pause = first;
                // What happened before somebody listened.
                while !self.is_other(sentinel, master).await {
                    // A dead connection is as silent as a quiet one: after a while the sentinel is
                    // asked.
                    if let Ok(None) = timeout(SILENCE, heard.next()).await {
                        break;
                    }
                }
            }
            if self.is_other(sentinel, master).await {
                return;
            }
            sleep(pause).await;
            pause = longest.min(pause * 2);
        }
    }

    async fn is_other(&self, sentinel: &Client, master: &str) -> bool {
        let Ok(Ok(said)) = timeout(self.limit, self.ask(sentinel)).await else { return false };
        if at(&self.server, &said.host, said.port).addr().to_string() == master {
            return false;
        }
        // One that lags behind the others still names the old one.
        self.ask_all()
            .await
            .is_ok_and(|best| at(&self.server, &best.host, best.port).addr().to_string() != master)
    }
}

async fn subscribe(sentinel: &Client) -> RedisResult<redis::aio::PubSubStream> {
    let (mut sink, stream) = sentinel.get_async_pubsub().await?.split();
    sink.subscribe(&CHANNELS[..]).await?;
    Ok(stream)
}

/// Watches whether a master is still the master.
pub(super) struct Watch {
    over: watch::Receiver<bool>,
    task: JoinHandle<()>,
}

impl Watch {
    /// Starts to watch. Needs a tokio runtime.
    pub(super) fn start(sentinels: Arc<Sentinels>, master: String) -> Self {
        let (tell, over) = watch::channel(false);
        let task = tokio::spawn(async move {
            let mut listening: FuturesUnordered<_> =
                sentinels.clients.iter().map(|it| sentinels.listen(it, &master)).collect();
            listening.next().await;
            tell.send_replace(true);
            // The channel stays: who waits for a closed one would wait in vain.
            tell.closed().await;
        });
        Self { over, task }
    }

    /// Whether there is another master now.
    pub(super) fn is_over(&self) -> bool {
        *self.over.borrow()
    }

    /// Returns when there is another master.
    pub(super) async fn over(&self) {
        let mut over = self.over.clone();
        if over.wait_for(|over| *over).await.is_err() {
            // The runtime that watched is gone; errors of the connection tell instead.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Whether an answer of ROLE is that of a master.
pub(super) fn is_master(role: &Value) -> bool {
    let Value::Array(parts) = role else { return false };
    let name = parts.first().and_then(|name| redis::from_redis_value_ref::<String>(name).ok());
    name.as_deref() == Some("master")
}
