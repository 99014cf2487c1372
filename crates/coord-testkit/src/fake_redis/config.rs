//! The settings of CONFIG GET and CONFIG SET.

use bytes::Bytes;

/// Settings that change how the server behaves.
#[derive(Debug, Clone, Default)]
pub(crate) struct Config {
    /// `requirepass`; empty asks for none.
    pub(crate) password: Bytes,
    /// `notify-keyspace-events`.
    pub(crate) notify: u32,
}
