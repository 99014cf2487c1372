//! The connection that carries commands: one, multiplexed, shared, replaced when it is spoilt.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use coord_core::BackendError;
use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, ProtocolVersion, RedisError, ServerErrorKind,
    Value,
};
use tokio::sync::OnceCell;

use crate::config::RedisConfig;
use crate::error;
use crate::script::Call;

/// A lane of commands to one server.
///
/// All callers share one multiplexed connection, which pipelines them by itself; the first one
/// that finds none connects, the others wait for it. A connection that broke, that led to a
/// demoted master, or that timed out [`MAX_TIMEOUTS`] times in a row is not used again.
pub(crate) struct CommandLane {
    client: Client,
    settings: AsyncConnectionConfig,
    address: String,
    /// The connection in use, or being made. Never locked across an await.
    current: Mutex<Arc<OnceCell<Live>>>,
}

struct Live {
    connection: MultiplexedConnection,
    timeouts: AtomicU32,
}

/// How many time-outs in a row make a connection suspect.
const MAX_TIMEOUTS: u32 = 3;

impl CommandLane {
    pub(crate) fn new(config: &RedisConfig) -> Result<Self, BackendError> {
        let tcp = TcpSettings::default().set_nodelay(true);
        let info = config.info().clone().set_tcp_settings(tcp);
        let address = info.addr().to_string();
        #[cfg(feature = "tls")]
        choose_cryptography(info.addr());
        let client = Client::open(info).map_err(|e| error::connecting(&address, e))?;
        let (connect, response) = config.timeouts();
        let settings = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(connect))
            .set_response_timeout(Some(response));
        Ok(Self { client, settings, address, current: Mutex::default() })
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

    /// Runs one plain command.
    pub(crate) async fn command(&self, what: &str, command: &Cmd) -> Result<Value, BackendError> {
        self.attempt(command).await?.map_err(|e| error::running(what, e))
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    async fn attempt(&self, command: &Cmd) -> Result<Result<Value, RedisError>, BackendError> {
        let cell = self.cell();
        let live = cell.get_or_try_init(|| self.connect()).await?;
        let mut connection = live.connection.clone();
        let answer = command.query_async::<Value>(&mut connection).await;
        match &answer {
            Ok(_) => live.timeouts.store(0, Ordering::Relaxed),
            Err(error) if error.is_timeout() => {
                if live.timeouts.fetch_add(1, Ordering::Relaxed) + 1 >= MAX_TIMEOUTS {
                    self.replace(&cell);
                }
            }
            Err(error) if error::spoils_connection(error) => self.replace(&cell),
            Err(_) => {}
        }
        Ok(answer)
    }

    /// A connection of its own that speaks RESP3 and hands `hear` what the server pushes.
    pub(crate) async fn listening(
        &self,
        hear: impl redis::aio::AsyncPushSender,
    ) -> Result<MultiplexedConnection, RedisError> {
        let info = self.client.get_connection_info().clone();
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let client = Client::open(info.set_redis_settings(settings))?;
        let settings = self.settings.clone().set_push_sender(hear);
        client.get_multiplexed_async_connection_with_config(&settings).await
    }

    async fn connect(&self) -> Result<Live, BackendError> {
        let made = self.client.get_multiplexed_async_connection_with_config(&self.settings).await;
        let connection = made.map_err(|e| error::connecting(&self.address, e))?;
        Ok(Live { connection, timeouts: AtomicU32::new(0) })
    }

    fn cell(&self) -> Arc<OnceCell<Live>> {
        Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes the next caller connect anew, unless somebody has seen to that already.
    fn replace(&self, spoilt: &Arc<OnceCell<Live>>) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&current, spoilt) {
            *current = Arc::default();
        }
    }
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
