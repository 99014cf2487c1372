//! The envelope in which a message lies in a mailbox, and its JSON.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use thiserror::Error;

use crate::failure::trim_error;
use crate::message::{AgentMessage, MessagePriority};
use crate::time::Timestamp;

mod decode;
mod encode;

/// A message as it lies in a mailbox.
///
/// [`QueueMessage::to_wire`] and [`QueueMessage::from_wire`] are the original's JSON. Reading is
/// lenient: any spacing, missing optional fields, unknown fields (kept), timestamps of any shape,
/// `NaN` and lone surrogates in the payload. The payload's own bytes never change.
///
/// ```
/// use coord_core::QueueMessage;
///
/// let wire = r#"{"message":{"message_id":"msg-000001","sender":{"type":"planner"},
///     "recipient":{"type":"writer"},"message_type":"request","payload":{"x":NaN}}}"#;
/// let queued = QueueMessage::from_wire(wire.as_bytes())?;
/// assert_eq!(queued.message.payload.as_json(), r#"{"x":NaN}"#);
/// assert_eq!(queued.delivery_attempts, 0);
/// # Ok::<(), coord_core::Poison>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct QueueMessage {
    /// The message itself.
    pub message: AgentMessage,
    /// The level it is queued at.
    pub priority: MessagePriority,
    /// When it was put into the mailbox, as text; ISO 8601 if this library wrote it.
    pub enqueued_at: Option<String>,
    /// How many deliveries failed so far.
    pub delivery_attempts: u32,
    /// Why the last one failed.
    pub last_error: Option<String>,
    /// Fields of other writers: name and raw value.
    pub(crate) extra: Vec<(String, String)>,
}

/// Stored bytes that are no message; the reason is for people.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unreadable message: {reason}")]
pub struct Poison {
    reason: String,
}

impl Poison {
    /// Bytes that are no message, because of `reason`.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }

    /// What is wrong with the bytes.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl QueueMessage {
    /// A fresh envelope around `message`, at the message's own level.
    pub fn new(message: AgentMessage) -> Self {
        Self {
            priority: message.priority,
            message,
            enqueued_at: None,
            delivery_attempts: 0,
            last_error: None,
            extra: Vec::new(),
        }
    }

    /// Reads the envelope from stored bytes.
    ///
    /// # Errors
    /// [`Poison`] with the reason, for bytes that the original would not accept either.
    pub fn from_wire(bytes: &[u8]) -> Result<Self, Poison> {
        decode::queue_message(bytes)
    }

    /// Writes the envelope exactly as the original does: its field order, separators and escapes.
    pub fn to_wire(&self) -> String {
        encode::queue_message(self, self.enqueued_at.as_deref())
    }

    /// The same as if `enqueued_at` were this time: what a sender writes, without a copy.
    pub fn to_wire_enqueued(&self, at: Timestamp) -> String {
        encode::queue_message(self, Some(&at.to_string()))
    }

    /// The stored text with another `delivery_attempts` and `last_error`; every other byte stays.
    ///
    /// # Errors
    /// [`Poison`] if `wire` is no JSON object.
    pub fn rewrite(wire: &str, attempts: u32, last_error: Option<&str>) -> Result<String, Poison> {
        encode::rewrite(wire, attempts, last_error.map(trim_error).as_deref())
    }
}

impl AgentMessage {
    /// The message alone, as compact JSON in the original's field order.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out);
        out
    }

    /// Appends what [`AgentMessage::to_json`] gives, without a text of its own.
    pub fn write_json(&self, out: &mut String) {
        encode::agent_message(self, out);
    }

    /// Reads a message alone, as leniently as [`QueueMessage::from_wire`].
    ///
    /// # Errors
    /// [`Poison`] with the reason.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Poison> {
        decode::agent_message(decode::text(bytes)?)
    }
}

impl Serialize for AgentMessage {
    /// Fails for a payload that only Python's dialect can carry.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_raw(self.to_json(), serializer)
    }
}

impl<'de> Deserialize<'de> for AgentMessage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        decode::agent_message(raw.get()).map_err(serde::de::Error::custom)
    }
}

impl Serialize for QueueMessage {
    /// Fails for a payload that only Python's dialect can carry.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_raw(self.to_wire(), serializer)
    }
}

impl<'de> Deserialize<'de> for QueueMessage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::from_wire(raw.get().as_bytes()).map_err(serde::de::Error::custom)
    }
}

fn serialize_raw<S: Serializer>(json: String, serializer: S) -> Result<S::Ok, S::Error> {
    RawValue::from_string(json).map_err(serde::ser::Error::custom)?.serialize(serializer)
}

#[cfg(test)]
mod tests;
