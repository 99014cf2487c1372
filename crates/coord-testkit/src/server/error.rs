//! What can go wrong when a real server is started or driven.

use std::path::PathBuf;
use std::process::ExitStatus;

/// A real server could not be started or did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// Neither `COORD_TEST_SERVER_BIN`, `redis-server` nor `valkey-server`.
    #[error("no redis-server or valkey-server found on the path")]
    NotFound,
    /// The binary exists but cannot be run.
    #[error("cannot run {}", binary.display())]
    Spawn {
        /// The binary that was tried.
        binary: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The server did not answer PING in time, or ended.
    #[error("server on port {port} not ready: {reason}; log ends with:\n{log}")]
    NotReady {
        /// The port it was told to listen on.
        port: u16,
        /// What was seen last.
        reason: String,
        /// The last lines of its log.
        log: String,
    },
    /// `COORD_TEST_REDIS_URL` is not `redis://host:port`.
    #[error("COORD_TEST_REDIS_URL has no port: {url}")]
    Url {
        /// The value found.
        url: String,
    },
    /// The operation needs a private server.
    #[error("cannot {operation} the server of COORD_TEST_REDIS_URL")]
    Given {
        /// The refused operation.
        operation: &'static str,
    },
    /// The server has been killed.
    #[error("server is not running")]
    Stopped,
    /// The `kill` command failed.
    #[error("signal not delivered: {status}")]
    Signal {
        /// Its exit status.
        status: ExitStatus,
    },
    /// The server refused a command.
    #[error("server replied: {message}")]
    Reply {
        /// The error reply, or the unexpected one.
        message: String,
    },
    /// A cluster or a set of sentinels did not settle in time.
    #[error("{what} not reached in time: {last}")]
    Unsettled {
        /// What was waited for.
        what: &'static str,
        /// What was seen last.
        last: String,
    },
    /// Reading or writing failed.
    #[error("connection to the server failed")]
    Io(#[from] std::io::Error),
}
