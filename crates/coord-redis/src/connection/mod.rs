//! The connections that carry commands: shared, replaced when they are spoilt, and led to where
//! the data is now.

mod cluster;
mod confirm;
mod node;
mod sentinel;
mod slots;

use std::time::Duration;

use coord_core::BackendError;
use redis::aio::{AsyncPushSender, MultiplexedConnection};
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionInfo, ErrorKind, ProtocolVersion,
    ServerErrorKind, Value,
};

use crate::config::RedisConfig;
use crate::error;
use crate::script::Call;
use crate::topology::Topology;
use cluster::ClusterLane;
use confirm::Waiters;
use node::{Answer, Door, NodeLane};
use sentinel::Sentinels;

/// A lane of commands to one server, to whichever the sentinels call the master, or to a cluster.
///
/// All callers share one multiplexed connection per server, which pipelines them by itself. What
/// certainly did not run is led on (a cluster's redirections, a demoted master); what may have
/// run is never run again here.
pub(crate) struct CommandLane {
    route: Route,
    address: String,
    limits: Limits,
    waiters: Waiters,
}

enum Route {
    One(NodeLane),
    Cluster(ClusterLane),
}

/// How long connecting, and a reply, may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) connect: Duration,
    pub(crate) response: Duration,
}

impl Limits {
    fn settings(self) -> AsyncConnectionConfig {
        AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.connect))
            .set_response_timeout(Some(self.response))
    }
}

impl CommandLane {
    pub(crate) fn new(config: &RedisConfig) -> Result<Self, BackendError> {
        let topology = config.topology();
        let address = topology.address();
        let (connect, response) = config.timeouts();
        let limits = Limits { connect, response };
        let route = match topology {
            Topology::Single(info) => {
                let door = Door::Fixed(Box::new(client(info, &address)?));
                Route::One(NodeLane::new(door, limits, address.clone()))
            }
            Topology::Sentinel(place) => {
                let door = Door::Sentinel(Sentinels::new(place, connect)?.into());
                Route::One(NodeLane::new(door, limits, address.clone()))
            }
            Topology::Cluster(nodes) => Route::Cluster(ClusterLane::new(nodes, limits)?),
        };
        Ok(Self { route, address, limits, waiters: Waiters::default() })
    }

    /// Runs a script: by digest, and by source if the server does not know it.
    pub(crate) async fn call(&self, call: &Call<'_>) -> Result<Value, BackendError> {
        let what = call.script.name();
        match self.attempt(call.by_digest()).await? {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                let again = self.attempt(&call.by_source()).await?;
                again.map_err(|e| error::running(what, e))
            }
            answer => answer.map_err(|e| error::running(what, e)),
        }
    }

    /// Runs one plain command, on a cluster where its first key is.
    pub(crate) async fn command(&self, what: &str, command: &Cmd) -> Result<Value, BackendError> {
        self.attempt(command).await?.map_err(|e| error::running(what, e))
    }

    /// Runs a command without keys on the server that has `key`.
    pub(crate) async fn command_at(
        &self,
        key: &str,
        what: &str,
        command: &Cmd,
    ) -> Result<Value, BackendError> {
        let answer = match &self.route {
            Route::One(node) => node.attempt(command).await,
            Route::Cluster(cluster) => {
                cluster.attempt(Some(slots::of(key.as_bytes())), command).await
            }
        };
        answer?.map_err(|e| error::running(what, e))
    }

    /// Runs a command without keys on every master: its address and answer.
    pub(crate) async fn command_everywhere(
        &self,
        what: &str,
        command: &Cmd,
    ) -> Result<Vec<(String, Value)>, BackendError> {
        match &self.route {
            Route::One(_) => Ok(vec![(self.address.clone(), self.command(what, command).await?)]),
            Route::Cluster(cluster) => cluster.everywhere(what, command).await,
        }
    }

    /// A connection of the caller's own, to the server that has `key` now.
    ///
    /// Nobody replaces it: whoever holds it opens another one when it fails.
    pub(crate) async fn open_at(
        &self,
        key: &str,
        settings: &AsyncConnectionConfig,
    ) -> Result<MultiplexedConnection, BackendError> {
        match &self.route {
            Route::One(node) => node.open(settings).await,
            Route::Cluster(cluster) => cluster.open(slots::of(key.as_bytes()), settings).await,
        }
    }

    /// A client of the server that has `key` now: what is published anywhere is heard there.
    pub(crate) async fn client_at(&self, key: &str) -> Result<Client, BackendError> {
        match &self.route {
            Route::One(node) => node.client().await,
            Route::Cluster(cluster) => cluster.client(slots::of(key.as_bytes())).await,
        }
    }

    /// A connection of its own that speaks RESP3 and hands `hear` what the server pushes.
    pub(crate) async fn listening(
        &self,
        key: &str,
        hear: impl AsyncPushSender,
    ) -> Result<MultiplexedConnection, BackendError> {
        let info = self.client_at(key).await?.get_connection_info().clone();
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let client = client(&info.set_redis_settings(settings), &self.address)?;
        let settings = self.limits.settings().set_push_sender(hear);
        let opened = client.get_multiplexed_async_connection_with_config(&settings).await;
        opened.map_err(|e| error::connecting(&self.address, e))
    }

    pub(crate) const fn is_cluster(&self) -> bool {
        matches!(self.route, Route::Cluster(_))
    }

    /// Whether no script can have both keys.
    pub(crate) fn are_apart(&self, one: &str, other: &str) -> bool {
        self.is_cluster() && slots::of(one.as_bytes()) != slots::of(other.as_bytes())
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    async fn attempt(&self, command: &Cmd) -> Answer {
        match &self.route {
            Route::One(node) => node.attempt(command).await,
            Route::Cluster(cluster) => cluster.attempt(slots::of_command(command), command).await,
        }
    }
}

/// A client of one server.
fn client(info: &ConnectionInfo, address: &str) -> Result<Client, BackendError> {
    let tcp = TcpSettings::default().set_nodelay(true);
    #[cfg(feature = "tls")]
    choose_cryptography(info.addr());
    let info = info.clone().set_tcp_settings(tcp);
    Client::open(info).map_err(|e| error::connecting(address, e))
}

/// Makes ring the process's provider of cryptography if TLS is wanted and none was chosen yet:
/// rustls guesses only while exactly one is compiled in.
#[cfg(feature = "tls")]
fn choose_cryptography(address: &redis::ConnectionAddr) {
    if matches!(address, redis::ConnectionAddr::TcpTls { .. }) {
        // An error says that the application has chosen: its choice stands.
        let _chosen_before = rustls::crypto::ring::default_provider().install_default();
    }
}
