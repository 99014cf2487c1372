//! Messages between agents.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::agent::AgentId;
use crate::error::InvalidInput;
use crate::headers::Headers;
use crate::payload::Payload;

/// The id of a message: at least six characters, chosen by its sender.
///
/// # Limits
/// [`MessageId::MIN_CHARS`] Unicode code points (the original's rule) to
/// [`MessageId::MAX_BYTES`] bytes, no control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct MessageId(String);

impl MessageId {
    /// The fewest Unicode code points of an id.
    pub const MIN_CHARS: usize = 6;
    /// The longest id, in bytes.
    pub const MAX_BYTES: usize = 256;

    /// Takes `text` as an id.
    ///
    /// # Errors
    /// [`InvalidInput`] about `message id` with the limit.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidInput> {
        let text = text.into();
        let chars = text.chars().count();
        let problem = if chars < Self::MIN_CHARS {
            format!("{text:?} has {chars} characters, at least {} are needed", Self::MIN_CHARS)
        } else if text.len() > Self::MAX_BYTES {
            format!("{} bytes long, at most {} are allowed", text.len(), Self::MAX_BYTES)
        } else if text.chars().any(char::is_control) {
            format!("{text:?} has a control character")
        } else {
            return Ok(Self(text));
        };
        Err(InvalidInput::new("message id", problem))
    }

    /// An id as somebody else wrote it: only the original's lower limit holds.
    pub(crate) fn foreign(text: String) -> Option<Self> {
        (text.chars().count() >= Self::MIN_CHARS).then_some(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for MessageId {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        Self::new(text)
    }
}

/// What a message is for. Exhaustive: the wire knows these three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageType {
    /// Asks for something.
    Request,
    /// Answers a request.
    Response,
    /// Tells what happened.
    Event,
}

impl MessageType {
    /// All types.
    pub const ALL: [Self; 3] = [Self::Request, Self::Response, Self::Event];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
            Self::Event => "event",
        }
    }
}

impl std::str::FromStr for MessageType {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
            InvalidInput::new(
                "message type",
                format!("{text:?} is none of request, response, event"),
            )
        })
    }
}

/// How urgent a message is. Exhaustive: a mailbox has these three levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum MessagePriority {
    /// 1: after everything else.
    Low,
    /// 5: the default.
    #[default]
    Normal,
    /// 9: before everything else.
    High,
}

impl MessagePriority {
    /// All levels in the order in which they are served.
    pub const SERVED: [Self; 3] = [Self::High, Self::Normal, Self::Low];

    /// The number on the wire: 1, 5 or 9.
    pub const fn number(self) -> u8 {
        match self {
            Self::Low => 1,
            Self::Normal => 5,
            Self::High => 9,
        }
    }

    /// The level of a number on the wire.
    pub const fn from_number(number: i64) -> Option<Self> {
        match number {
            1 => Some(Self::Low),
            5 => Some(Self::Normal),
            9 => Some(Self::High),
            _ => None,
        }
    }

    /// `low`, `normal` or `high`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }
}

impl std::str::FromStr for MessagePriority {
    type Err = InvalidInput;

    /// Reads `low`, `normal`, `high` or the number.
    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        let number = text.parse().ok().and_then(Self::from_number);
        let word = Self::SERVED.into_iter().find(|level| level.as_str() == text);
        word.or(number).ok_or_else(|| {
            InvalidInput::new("priority", format!("{text:?} is none of low, normal, high, 1, 5, 9"))
        })
    }
}

impl Serialize for MessagePriority {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.number())
    }
}

impl<'de> Deserialize<'de> for MessagePriority {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = i64::deserialize(deserializer)?;
        Self::from_number(number).ok_or_else(|| {
            serde::de::Error::custom(format!("priority {number} is none of 1, 5, 9"))
        })
    }
}

/// What a message is about, for filters.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RoutingKey {
    /// The topic, if any.
    #[serde(default)]
    pub topic: Option<String>,
    /// Free tags.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// A message from one agent to another.
///
/// The JSON of this type is a public contract shared with the original: see
/// [`QueueMessage`](crate::QueueMessage), which wraps it on the wire.
///
/// # Defaults
/// - `payload`: `{}`
/// - `priority`: [`MessagePriority::Normal`]
/// - `routing`: no topic, no tags
/// - `timestamp`: none; the coordinator fills it when it sends
/// - `headers`: none
///
/// ```
/// use coord_core::{AgentId, AgentMessage, MessageId, MessagePriority, MessageType, Payload};
///
/// let message = AgentMessage::new(
///     MessageId::new("msg-000001")?,
///     AgentId::parse("planner")?,
///     AgentId::parse("writer:w1")?,
///     MessageType::Request,
/// )
/// .with_payload(Payload::from_json(r#"{"chapter": 3}"#)?)
/// .with_priority(MessagePriority::High)
/// .with_header("correlation_id", "c-17")?;
/// assert_eq!(message.headers.correlation_id(), Some("c-17"));
/// # Ok::<(), coord_core::InvalidInput>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct AgentMessage {
    /// The id, chosen by the sender.
    pub message_id: MessageId,
    /// Who sends.
    pub sender: AgentId,
    /// Whom the sender addressed; a broadcast keeps it for every recipient.
    pub recipient: AgentId,
    /// What the message is for.
    pub message_type: MessageType,
    /// The body.
    pub payload: Payload,
    /// How urgent it is.
    pub priority: MessagePriority,
    /// What it is about.
    pub routing: RoutingKey,
    /// When it was made, as text of any shape; ISO 8601 if the coordinator filled it.
    pub timestamp: Option<String>,
    /// Names and values for tracing, correlation and replies.
    pub headers: Headers,
    /// Fields of other writers: name and raw value, kept as they are.
    pub(crate) extra: Vec<(String, String)>,
}

impl AgentMessage {
    /// A message with every optional part at its default.
    pub fn new(
        message_id: MessageId,
        sender: AgentId,
        recipient: AgentId,
        message_type: MessageType,
    ) -> Self {
        Self {
            message_id,
            sender,
            recipient,
            message_type,
            payload: Payload::empty(),
            priority: MessagePriority::Normal,
            routing: RoutingKey::default(),
            timestamp: None,
            headers: Headers::default(),
            extra: Vec::new(),
        }
    }

    /// The same with a body.
    #[must_use]
    pub fn with_payload(mut self, payload: Payload) -> Self {
        self.payload = payload;
        self
    }

    /// The same at another level.
    #[must_use]
    pub fn with_priority(mut self, priority: MessagePriority) -> Self {
        self.priority = priority;
        self
    }

    /// The same with a routing key.
    #[must_use]
    pub fn with_routing(mut self, routing: RoutingKey) -> Self {
        self.routing = routing;
        self
    }

    /// The same with a timestamp of the sender's own.
    #[must_use]
    pub fn with_timestamp(mut self, timestamp: impl Into<String>) -> Self {
        self.timestamp = Some(timestamp.into());
        self
    }

    /// The same with one more header.
    ///
    /// # Errors
    /// [`InvalidInput`] as [`Headers::insert`].
    pub fn with_header(
        mut self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<Self, InvalidInput> {
        self.headers.insert(name, value)?;
        Ok(self)
    }

    /// Unknown fields that another writer added: name and raw JSON value.
    pub fn unknown_fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.extra.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}
