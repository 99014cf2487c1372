//! From the client library's errors to ours: what certainly did not run, and what may have.

use coord_core::{BackendError, BackendErrorKind};
use redis::{ErrorKind, RedisError};

/// An error of connecting: nothing was sent yet.
pub(crate) fn connecting(address: &str, error: RedisError) -> BackendError {
    let (kind, message) = why_not_connected(address, &error);
    BackendError::new(kind, message).with_source(error)
}

/// What an error of connecting means.
pub(crate) fn why_not_connected(address: &str, error: &RedisError) -> (BackendErrorKind, String) {
    let kind = match error.kind() {
        ErrorKind::AuthenticationFailed | ErrorKind::InvalidClientConfig => {
            BackendErrorKind::Denied
        }
        ErrorKind::Server(_) | ErrorKind::Extension => by_answer(error),
        _ => BackendErrorKind::Unreachable,
    };
    let advice = match kind {
        BackendErrorKind::Denied => "check user, password and TLS settings in the URL",
        BackendErrorKind::Unavailable => "try again later",
        _ => "check that the server runs and that host, port and firewall are right",
    };
    (kind, format!("no connection to {address}: {error}; {advice}"))
}

/// An error of an operation that was handed to an open connection.
pub(crate) fn running(what: &str, error: RedisError) -> BackendError {
    let kind = match error.kind() {
        ErrorKind::Server(_) | ErrorKind::Extension => by_answer(&error),
        ErrorKind::AuthenticationFailed => BackendErrorKind::Denied,
        ErrorKind::UnexpectedReturnType => BackendErrorKind::Corrupt,
        ErrorKind::InvalidClientConfig | ErrorKind::Client => BackendErrorKind::Unreachable,
        // The request may have reached the server.
        _ => BackendErrorKind::OutcomeUnknown,
    };
    BackendError::new(kind, format!("{what}: {error}")).with_source(error)
}

/// The server answered an error: nothing of the operation was done.
///
/// Scripts check first and write last, so an error inside one leaves nothing half-written.
fn by_answer(error: &RedisError) -> BackendErrorKind {
    match error.code().unwrap_or_default() {
        "LOADING" | "BUSY" | "READONLY" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" | "MOVED"
        | "ASK" | "NOREPLICAS" => BackendErrorKind::Unavailable,
        "NOAUTH" | "WRONGPASS" | "NOPERM" | "OOM" | "MISCONF" => BackendErrorKind::Denied,
        // Before Redis 7.2 the rights of a user inside a script have no code of their own.
        "ERR" if error.detail().is_some_and(|text| text.contains(DENIED_IN_SCRIPT)) => {
            BackendErrorKind::Denied
        }
        "WRONGTYPE" => BackendErrorKind::Incompatible,
        _ => BackendErrorKind::Corrupt,
    }
}

const DENIED_IN_SCRIPT: &str = "The user executing the script can't";

/// Whether the connection should be replaced before the next operation: it is broken, or leads
/// to a server that is no longer the master.
pub(crate) fn spoils_connection(error: &RedisError) -> bool {
    is_demoted(error)
        || (error.is_io_error() && !error.is_timeout())
        || error.is_unrecoverable_error()
}

/// Whether the server is no master any more; it refused the operation.
pub(crate) fn is_demoted(error: &RedisError) -> bool {
    matches!(error.code(), Some("READONLY" | "MASTERDOWN"))
}

/// Whether the server refused who asked.
pub(crate) fn is_denied(error: &RedisError) -> bool {
    error.kind() == ErrorKind::AuthenticationFailed || by_answer(error) == BackendErrorKind::Denied
}

/// A reply that no script of this library gives.
pub(crate) fn unexpected(what: &str, detail: impl std::fmt::Debug) -> BackendError {
    let message = format!("{what}: unexpected reply {detail:?}; is another version at work here?");
    BackendError::new(BackendErrorKind::Corrupt, message)
}
