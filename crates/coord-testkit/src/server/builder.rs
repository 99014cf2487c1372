//! Options of a private real server.

use super::{RealServer, ServerError, launch};

/// Options for a [`RealServer`] that differs from the defaults.
///
/// A server built with any option set is always a private one, even when
/// `COORD_TEST_REDIS_URL` names another.
#[derive(Debug, Clone, Default)]
pub struct RealServerBuilder {
    pub(super) append_only: bool,
    pub(super) unix_socket: bool,
    pub(super) password: Option<String>,
    pub(super) args: Vec<String>,
    pub(super) private: bool,
    /// The configuration of a sentinel, which this server is then.
    pub(super) sentinel: Option<String>,
}

impl RealServerBuilder {
    /// The defaults of [`RealServer`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Turns the append-only file on, synced at every write: data outlives a kill.
    #[must_use]
    pub fn append_only(mut self) -> Self {
        self.append_only = true;
        self.private()
    }

    /// Also listens on a unix socket, see [`RealServer::unix_socket`].
    #[must_use]
    pub fn unix_socket(mut self) -> Self {
        self.unix_socket = true;
        self.private()
    }

    /// Asks for a password (letters and digits, it goes into the URL as it is).
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self.private()
    }

    /// One more command-line argument, for example `--maxmemory` then `1mb`.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self.private()
    }

    /// Makes the server a sentinel with these lines as its configuration.
    pub(super) fn sentinel(mut self, lines: String) -> Self {
        self.sentinel = Some(lines);
        self.private()
    }

    /// Never uses the server of `COORD_TEST_REDIS_URL`.
    #[must_use]
    pub fn private(mut self) -> Self {
        self.private = true;
        self
    }

    /// Starts the server and waits until it answers.
    ///
    /// # Errors
    /// As [`RealServer::start`].
    pub fn start(&self) -> Result<RealServer, ServerError> {
        launch::start(self)
    }

    /// As [`start`](Self::start), or `None` on a machine without a server.
    ///
    /// # Panics
    /// As [`RealServer::start_or_ignore`].
    pub fn start_or_ignore(&self, name: &str) -> Option<RealServer> {
        found_or_ignore(self.start(), name)
    }
}

/// Turns "no server on this machine" into `None`, said aloud.
///
/// # Panics
/// On every other error, and on that one when `COORD_REQUIRE_REAL=1`.
#[expect(clippy::print_stderr, reason = "a test that does not run says so")]
pub(super) fn found_or_ignore<T>(started: Result<T, ServerError>, name: &str) -> Option<T> {
    match started {
        Ok(server) => Some(server),
        Err(ServerError::NotFound) => {
            let required = std::env::var("COORD_REQUIRE_REAL").is_ok_and(|value| value == "1");
            assert!(
                !required,
                "COORD_REQUIRE_REAL=1 but no redis-server ({name}): install redis-server or \
                 valkey-server, or set COORD_TEST_SERVER_BIN or COORD_TEST_REDIS_URL"
            );
            eprintln!("ignored: no redis-server ({name})");
            None
        }
        Err(error) => panic!("real server for {name}: {error:?}"),
    }
}
