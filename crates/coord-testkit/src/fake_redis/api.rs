//! The public handle of a fake server.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::DuplexStream;
use tokio::task::AbortHandle;

use super::builder::FakeRedisBuilder;
use super::clock::Clock;
use super::fault::{Fault, FaultId};
use super::log::LoggedCommand;
use super::reply::Reply;
use super::server::{Origin, serve};
use super::shared::Shared;

/// Bytes an in-process stream holds in each direction.
const DUPLEX_BYTES: usize = 64 * 1024;

/// A Redis server inside the process, for tests.
///
/// It listens on a free loopback port and runs on the runtime that started it, so tokio's paused
/// time works with it. It behaves as Redis 7.0, executes every command, transaction and script
/// whole under one lock, and takes all time from one [`Clock`].
/// Dropping it closes the port and all connections.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use coord_testkit::FakeRedis;
///
/// let server = FakeRedis::start().await?;
/// let client = redis::Client::open(server.url())?;
/// let mut connection = client.get_multiplexed_async_connection().await?;
/// let () = redis::cmd("SET").arg("key").arg(1).query_async(&mut connection).await?;
/// let value: i64 = redis::cmd("INCR").arg("key").query_async(&mut connection).await?;
/// assert_eq!(value, 2);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct FakeRedis {
    pub(crate) shared: Arc<Shared>,
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) listeners: Vec<AbortHandle>,
}

impl FakeRedis {
    /// Starts a server with the defaults of [`FakeRedisBuilder`].
    ///
    /// # Errors
    /// The error of the operating system if no loopback port can be opened.
    pub async fn start() -> std::io::Result<Self> {
        Self::builder().start().await
    }

    /// A server to be set up.
    pub fn builder() -> FakeRedisBuilder {
        FakeRedisBuilder::new()
    }

    /// The address it listens on; of a cluster, that of its first node.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// The address as a URL (`redis://127.0.0.1:port`), with the password if there is one.
    #[must_use]
    pub fn url(&self) -> String {
        let password = self.shared.lock().config.password.clone();
        if password.is_empty() {
            return format!("redis://{}", self.address());
        }
        format!("redis://:{}@{}", String::from_utf8_lossy(&password), self.address())
    }

    /// A connection inside the process, without a socket. It ends with the server.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn duplex(&self) -> DuplexStream {
        let (client, server) = tokio::io::duplex(DUPLEX_BYTES);
        let origin = Origin { peer: "duplex:0".into(), local: "duplex:0".into(), node: 0 };
        tokio::spawn(serve(server, Arc::clone(&self.shared), origin));
        client
    }

    /// Executes one command at once, on a connection of its own as the all-powerful user.
    /// A command that would wait answers as if its time were up.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
    /// use coord_testkit::fake_redis::{FakeRedis, Reply};
    ///
    /// let server = FakeRedis::start().await?;
    /// assert_eq!(server.command(["SET", "key", "value"]), Reply::OK);
    /// assert_eq!(server.command(["GET", "key"]), Reply::bulk("value"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    /// Without arguments.
    #[must_use]
    pub fn command<I>(&self, args: I) -> Reply
    where
        I: IntoIterator,
        I::Item: AsRef<[u8]>,
    {
        let args: Vec<Bytes> =
            args.into_iter().map(|arg| Bytes::copy_from_slice(arg.as_ref())).collect();
        assert!(!args.is_empty(), "a command has a name");
        self.shared.lock().run_inside(&args)
    }

    /// Moves a manual clock forward: keys expire and waiting clients get their answers.
    /// The other clocks take no notice.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
    /// use std::time::Duration;
    /// use coord_testkit::fake_redis::{Clock, FakeRedis, Reply};
    ///
    /// let clock = Clock::manual(Duration::from_secs(1_800_000_000));
    /// let server = FakeRedis::builder().clock(clock).start().await?;
    /// assert_eq!(server.command(["SET", "lease", "mine", "EX", "30"]), Reply::OK);
    /// server.advance(Duration::from_secs(31));
    /// assert_eq!(server.command(["GET", "lease"]), Reply::Null);
    /// # Ok(()) }
    /// ```
    pub fn advance(&self, by: Duration) {
        let mut state = self.shared.lock();
        state.clock.advance(by);
        state.tick();
        state.wake_all();
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.shared.lock().clock.clone()
    }

    /// Puts a fault into force. Rules are looked at in the order they came.
    pub fn inject(&self, fault: Fault) -> FaultId {
        self.shared.lock().faults.add(fault)
    }

    /// Takes a fault away; false if it was not there.
    pub fn heal(&self, id: FaultId) -> bool {
        self.shared.lock().faults.remove(id)
    }

    /// Takes all faults away and accepts connections again.
    pub fn heal_all(&self) {
        let mut state = self.shared.lock();
        state.faults.clear();
        state.refuses = false;
    }

    /// How often a fault has fired; 0 once it is taken away.
    #[must_use]
    pub fn fired(&self, id: FaultId) -> u64 {
        self.shared.lock().faults.fired(id)
    }

    /// From now on new connections are closed at once, until [`FakeRedis::heal_all`].
    pub fn refuse_connections(&self) {
        self.shared.lock().refuses = true;
    }

    /// Closes every connection; returns how many there were.
    pub fn kill_connections(&self) -> usize {
        self.shared.lock().kill_all()
    }

    /// Empties the script cache, as a restart does.
    pub fn flush_scripts(&self) {
        self.shared.lock().flush_scripts();
    }

    /// Bounds the virtual-machine instructions of one script or function; a run beyond it
    /// fails with an error that says so. 500 million unless told otherwise, a few seconds:
    /// enough for a real server to answer BUSY to everyone else.
    pub fn limit_script_instructions(&self, most: u64) {
        let mut state = self.shared.lock();
        state.scripts.limits.instructions = most;
        for scripts in &mut state.other_scripts {
            scripts.limits.instructions = most;
        }
    }

    /// Breaks scripts on purpose: from now on `from` is replaced by `to`, where it occurs first,
    /// in the code of every script that comes in, while clients go on to name it by the digest
    /// of what they sent. So one sees whether tests notice.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
    /// use coord_testkit::fake_redis::{FakeRedis, Reply};
    ///
    /// let server = FakeRedis::start().await?;
    /// server.replace_in_scripts("return 1", "return 2");
    /// assert_eq!(server.command(["EVAL", "return 1", "0"]), Reply::Integer(2));
    /// # Ok(()) }
    /// ```
    pub fn replace_in_scripts(&self, from: impl Into<Vec<u8>>, to: impl Into<Vec<u8>>) {
        let edit = (from.into(), to.into());
        let mut state = self.shared.lock();
        for scripts in &mut state.other_scripts {
            scripts.edits.push(edit.clone());
        }
        state.scripts.edits.push(edit);
        drop(state);
        self.flush_scripts();
    }

    /// How many connections are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.lock().sessions.len()
    }

    /// How many connections wait in a blocking command.
    #[must_use]
    pub fn blocked_connections(&self) -> usize {
        self.shared.lock().sessions.values().filter(|session| session.blocked.is_some()).count()
    }

    /// The latest executed commands, the oldest first; at most 10 000 are kept.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
    /// use coord_testkit::FakeRedis;
    ///
    /// let server = FakeRedis::start().await?;
    /// let _ok = server.command(["SET", "key", "value"]);
    /// assert_eq!(server.log().last().map(|command| command.line()), Some("SET key value".into()));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn log(&self) -> Vec<LoggedCommand> {
        self.shared.lock().log.commands.iter().cloned().collect()
    }

    /// How many batches of requests have arrived from connections: a pipeline that arrives in one
    /// piece is one round trip.
    #[must_use]
    pub fn round_trips(&self) -> u64 {
        self.shared.lock().log.round_trips
    }

    /// How often each script (by SHA-1) and function (by name) has run.
    #[must_use]
    pub fn script_runs(&self) -> BTreeMap<String, u64> {
        self.shared.lock().log.scripts.clone()
    }

    /// Empties the log and sets its counters to 0.
    pub fn clear_log(&self) {
        self.shared.lock().log = super::log::Log::default();
    }

    /// Ends the server and waits until its port is free.
    pub async fn stop(mut self) {
        let listeners = std::mem::take(&mut self.listeners);
        drop(self);
        for listener in listeners {
            listener.abort();
            while !listener.is_finished() {
                tokio::task::yield_now().await;
            }
        }
    }
}

impl Drop for FakeRedis {
    fn drop(&mut self) {
        for listener in &self.listeners {
            listener.abort();
        }
        let mut state = self.shared.lock();
        state.stopped = true;
        state.kill_all();
    }
}
