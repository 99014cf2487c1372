//! Taking replies of scripts apart.

use coord_core::BackendError;
use redis::Value;

use crate::error::unexpected;

/// The elements of a reply that is a list.
pub(crate) fn list(what: &str, reply: Value) -> Result<Vec<Value>, BackendError> {
    match reply {
        Value::Array(items) => Ok(items),
        other => Err(unexpected(what, other)),
    }
}

/// A reply that is a number.
pub(crate) fn number(what: &str, reply: &Value) -> Result<u64, BackendError> {
    match reply {
        Value::Int(number) => u64::try_from(*number).map_err(|_| unexpected(what, number)),
        other => Err(unexpected(what, other)),
    }
}

/// A reply that is all numbers.
pub(crate) fn numbers(what: &str, reply: Value) -> Result<Vec<u64>, BackendError> {
    list(what, reply)?.iter().map(|item| number(what, item)).collect()
}

/// A reply that is bytes.
pub(crate) fn bytes(what: &str, reply: Value) -> Result<Vec<u8>, BackendError> {
    match reply {
        Value::BulkString(bytes) => Ok(bytes),
        other => Err(unexpected(what, other)),
    }
}

/// A reply that is text.
pub(crate) fn text(what: &str, reply: Value) -> Result<String, BackendError> {
    String::from_utf8(bytes(what, reply)?).map_err(|e| unexpected(what, e))
}

/// Pairs of token and stored bytes.
pub(crate) fn token_pairs(
    what: &str,
    items: impl IntoIterator<Item = Value>,
) -> Result<Vec<(String, Vec<u8>)>, BackendError> {
    let mut items = items.into_iter();
    let mut pairs = Vec::new();
    while let Some(token) = items.next() {
        let stored = items.next().ok_or_else(|| unexpected(what, "a token without a message"))?;
        pairs.push((text(what, token)?, bytes(what, stored)?));
    }
    Ok(pairs)
}

/// A reply that is bytes or nothing.
pub(crate) fn optional_bytes(what: &str, reply: Value) -> Result<Option<Vec<u8>>, BackendError> {
    match reply {
        Value::Nil => Ok(None),
        other => bytes(what, other).map(Some),
    }
}
