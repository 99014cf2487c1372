//! Real Redis servers for tests: started privately, killed on drop.
//!
//! [`RealServer`] finds `redis-server` or `valkey-server`, starts an instance
//! of its own for one test and removes it with its directory afterwards, also
//! when the test panics. See [`RealServer::start_or_ignore`] for how a test
//! behaves on a machine without a server.

mod builder;
mod client;
mod cluster;
mod error;
mod launch;
mod sentinel;

use std::path::Path;
use std::process::{Child, Command};

use tempfile::TempDir;

pub use builder::RealServerBuilder;
pub use client::{Frame, RawClient};
pub use cluster::RealCluster;
pub use error::ServerError;
pub use sentinel::RealSentinel;

/// A Redis or Valkey server that belongs to one test.
///
/// # Defaults
/// - a random free loopback port between 11000 and 21999
/// - a temporary directory of its own, removed on drop
/// - no snapshots, no append-only file, no password
/// - the binary named by `COORD_TEST_SERVER_BIN`, else `redis-server`, else
///   `valkey-server` on the `PATH`
///
/// With `COORD_TEST_REDIS_URL` set, a server without special options is the one
/// at that address: it is shared and never flushed, so every test uses keys
/// with a prefix of its own, and [`kill`](Self::kill), [`restart`](Self::restart),
/// [`pause`](Self::pause) and [`resume`](Self::resume) are refused.
///
/// All methods block the calling thread; they are meant for a test's set-up.
#[derive(Debug)]
pub struct RealServer {
    origin: Origin,
}

#[derive(Debug)]
enum Origin {
    /// Someone else's server, named by `COORD_TEST_REDIS_URL`.
    Given {
        url: String,
        port: u16,
    },
    Private(Box<Instance>),
}

/// A child process and all that is needed to start it once more.
#[derive(Debug)]
struct Instance {
    options: RealServerBuilder,
    binary: std::path::PathBuf,
    port: u16,
    child: Option<Child>,
    // Dropped after `Instance::drop` has ended the process.
    dir: TempDir,
}

impl RealServer {
    /// Options for a server that differs from the defaults.
    pub fn builder() -> RealServerBuilder {
        RealServerBuilder::new()
    }

    /// Starts a server with the defaults and waits until it answers.
    ///
    /// # Errors
    /// [`ServerError::NotFound`] when there is no server on this machine,
    /// [`ServerError::NotReady`] with the log's tail when it does not answer
    /// within a minute.
    pub fn start() -> Result<Self, ServerError> {
        Self::builder().start()
    }

    /// As [`start`](Self::start), or `None` on a machine without a server.
    ///
    /// Then `ignored: no redis-server (NAME)` is written to standard error.
    ///
    /// # Panics
    /// When no server is found and `COORD_REQUIRE_REAL=1` is set, and when a
    /// server was found but did not start.
    pub fn start_or_ignore(name: &str) -> Option<Self> {
        Self::builder().start_or_ignore(name)
    }

    /// The address as `redis://[:password@]127.0.0.1:port`.
    pub fn url(&self) -> String {
        match &self.origin {
            Origin::Given { url, .. } => url.clone(),
            Origin::Private(own) => match &own.options.password {
                Some(password) => format!("redis://:{password}@127.0.0.1:{}", own.port),
                None => format!("redis://127.0.0.1:{}", own.port),
            },
        }
    }

    /// The TCP port.
    pub fn port(&self) -> u16 {
        match &self.origin {
            Origin::Given { port, .. } => *port,
            Origin::Private(own) => own.port,
        }
    }

    /// The process id, or `None` while killed or for a given server.
    pub fn pid(&self) -> Option<u32> {
        match &self.origin {
            Origin::Given { .. } => None,
            Origin::Private(own) => own.child.as_ref().map(Child::id),
        }
    }

    /// The server's working directory (log, AOF, socket); `None` for a given one.
    pub fn dir(&self) -> Option<&Path> {
        match &self.origin {
            Origin::Given { .. } => None,
            Origin::Private(own) => Some(own.dir.path()),
        }
    }

    /// The unix socket, when [`RealServerBuilder::unix_socket`] asked for one.
    pub fn unix_socket(&self) -> Option<std::path::PathBuf> {
        match &self.origin {
            Origin::Private(own) if own.options.unix_socket => {
                Some(own.dir.path().join(launch::SOCKET))
            }
            _ => None,
        }
    }

    /// Sends SIGKILL and waits for the end of the process: a crash.
    ///
    /// # Errors
    /// [`ServerError::Given`] for a server that is not ours.
    pub fn kill(&mut self) -> Result<(), ServerError> {
        self.own("kill")?.end();
        Ok(())
    }

    /// Kills the server if it lives and starts it on the same port and directory.
    ///
    /// Data survives only with [`RealServerBuilder::append_only`].
    ///
    /// # Errors
    /// As [`start`](Self::start), and [`ServerError::Given`].
    pub fn restart(&mut self) -> Result<(), ServerError> {
        let own = self.own("restart")?;
        own.end();
        own.launch()
    }

    /// Stops the process in its tracks (SIGSTOP): connections hang, none breaks.
    ///
    /// # Errors
    /// [`ServerError::Given`], [`ServerError::Stopped`] after a kill, or the
    /// failure of the `kill` command.
    pub fn pause(&mut self) -> Result<(), ServerError> {
        self.own("pause")?.signal("-STOP")
    }

    /// Lets a paused process go on (SIGCONT).
    ///
    /// # Errors
    /// As [`pause`](Self::pause).
    pub fn resume(&mut self) -> Result<(), ServerError> {
        self.own("resume")?.signal("-CONT")
    }

    /// Opens a plain blocking connection, authenticated when there is a password.
    ///
    /// # Errors
    /// [`ServerError::Io`] or the server's refusal.
    pub fn client(&self) -> Result<RawClient, ServerError> {
        let mut client = RawClient::connect(self.port())?;
        if let Origin::Private(own) = &self.origin
            && let Some(password) = &own.options.password
        {
            client.checked(&["AUTH", password])?;
        }
        Ok(client)
    }

    /// Sends one command over a fresh connection; error replies become errors.
    ///
    /// # Errors
    /// [`ServerError::Io`] or [`ServerError::Reply`].
    pub fn command(&self, args: &[&str]) -> Result<Frame, ServerError> {
        self.client()?.checked(args)
    }

    fn own(&mut self, operation: &'static str) -> Result<&mut Instance, ServerError> {
        match &mut self.origin {
            Origin::Given { .. } => Err(ServerError::Given { operation }),
            Origin::Private(own) => Ok(own),
        }
    }
}

impl Instance {
    fn end(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Failing means that it has ended already; `wait` reaps it either way.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    fn signal(&self, signal: &str) -> Result<(), ServerError> {
        let child = self.child.as_ref().ok_or(ServerError::Stopped)?;
        let status = Command::new("kill").arg(signal).arg(child.id().to_string()).status()?;
        if status.success() { Ok(()) } else { Err(ServerError::Signal { status }) }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.end();
    }
}
