//! Plain stand-in for the stream until it has its own file.

use bytes::Bytes;

/// A stream.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stream(pub(crate) Vec<Bytes>);
