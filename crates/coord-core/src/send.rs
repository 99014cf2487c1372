//! Options and results of a send.

use std::time::Duration;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use thiserror::Error;

use crate::error::InvalidInput;
use crate::message::MessageId;
use crate::receipt::ReceiptTicket;

/// What a send may ask for beside the message.
///
/// # Defaults
/// - `delay`: none, the message is ready at once
/// - `expires_in`: none, the message never expires
/// - `dedup_window`: none, the same id twice is two messages
/// - `durability`: [`Durability::Accepted`]
/// - `receipt`: none
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SendOptions {
    delay: Option<Duration>,
    expires_in: Option<Duration>,
    dedup_window: Option<Duration>,
    durability: Durability,
    receipt: bool,
}

/// How safe a message must be before its send is answered.
///
/// Whatever is asked for, the message is taken once. What was not confirmed in time is answered
/// as [`SendOutcome::Unconfirmed`]: the mailbox holds it all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Durability {
    /// The server took it.
    #[default]
    Accepted,
    /// So many replicas have it as well.
    Replicas {
        /// How many, at least one.
        count: u32,
        /// How long to wait for them: a millisecond to an hour.
        within: Duration,
    },
    /// The server has it in its append-only file, synced to the disk. Needs Redis 7.2.
    Aof {
        /// How long to wait for that: a millisecond to an hour.
        within: Duration,
    },
}

impl Durability {
    /// The longest wait.
    pub const MAX_WAIT: Duration = Duration::from_secs(3_600);

    fn validate(self) -> Result<(), InvalidInput> {
        let (count, within) = match self {
            Self::Accepted => return Ok(()),
            Self::Replicas { count, within } => (count, within),
            Self::Aof { within } => (1, within),
        };
        if count == 0 {
            return Err(InvalidInput::new("durability", "0 replicas, at least 1 is needed"));
        }
        if within < Duration::from_millis(1) || within > Self::MAX_WAIT {
            let problem = format!("{within:?}, 1 ms to {:?} are allowed", Self::MAX_WAIT);
            return Err(InvalidInput::new("durability", problem));
        }
        Ok(())
    }
}

impl SendOptions {
    /// The longest delay, expiry or window.
    pub const MAX: Duration = Duration::from_secs(366 * 86_400);

    /// The defaults.
    pub const fn new() -> Self {
        Self {
            delay: None,
            expires_in: None,
            dedup_window: None,
            durability: Durability::Accepted,
            receipt: false,
        }
    }

    /// The message becomes ready this long after the server took it.
    #[must_use]
    pub const fn with_delay(mut self, delay: Duration) -> Self {
        self.delay = Some(delay);
        self
    }

    /// The message is dropped if nobody has reserved it this long after the server took it.
    #[must_use]
    pub const fn with_expires_in(mut self, expires_in: Duration) -> Self {
        self.expires_in = Some(expires_in);
        self
    }

    /// The same message id inside this window is accepted once; later ones are answered as
    /// duplicates. The library then repeats a send of unknown outcome by itself.
    #[must_use]
    pub const fn with_dedup_window(mut self, window: Duration) -> Self {
        self.dedup_window = Some(window);
        self
    }

    /// The send is answered when the message is as safe as this, or the wait for that is over.
    #[must_use]
    pub const fn with_durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// The message leaves a receipt when it is settled: its result has a
    /// [`ReceiptTicket`] to ask with. Not on the original's layout.
    #[must_use]
    pub const fn with_receipt(mut self) -> Self {
        self.receipt = true;
        self
    }

    /// Whether it leaves a receipt.
    pub const fn leaves_receipt(&self) -> bool {
        self.receipt
    }

    /// How safe the message must be.
    pub const fn durability(&self) -> Durability {
        self.durability
    }

    /// The delay, zero if none.
    pub fn delay(&self) -> Duration {
        self.delay.unwrap_or_default()
    }

    /// The time to live, if any.
    pub const fn expires_in(&self) -> Option<Duration> {
        self.expires_in
    }

    /// The dedup window, if any.
    pub const fn dedup_window(&self) -> Option<Duration> {
        self.dedup_window
    }

    /// Checks every duration.
    ///
    /// # Errors
    /// [`InvalidInput`] that names the first one above [`SendOptions::MAX`], a window or expiry of
    /// zero, or a durability of no replicas or with a wait outside its bounds.
    pub fn validate(&self) -> Result<(), InvalidInput> {
        self.durability.validate()?;
        let fields = [
            ("delay", self.delay, true),
            ("expires_in", self.expires_in, false),
            ("dedup_window", self.dedup_window, false),
        ];
        for (field, duration, may_be_zero) in fields {
            let Some(duration) = duration else { continue };
            if duration > Self::MAX {
                let problem = format!("{duration:?}, at most {:?} is allowed", Self::MAX);
                return Err(InvalidInput::new(field, problem));
            }
            if duration.as_micros() == 0 && !may_be_zero {
                return Err(InvalidInput::new(field, "it must be at least one microsecond"));
            }
        }
        Ok(())
    }
}

/// Why a mailbox did not take a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SendRefusal {
    /// The mailbox holds as many messages as it may.
    #[error("queue full")]
    QueueFull {
        /// Ready, delayed and reserved messages in it.
        depth: u64,
        /// The most it may hold; for a message that is neither HIGH nor a response, without what
        /// is kept for those.
        limit: u64,
    },
    /// The sender has as many messages in it as it may.
    #[error("sender quota reached")]
    SenderQuota {
        /// The most unsettled messages of one sender.
        limit: u64,
    },
    /// The message was handed on more often than it may be; see
    /// [`Trail`](crate::Trail).
    #[error("hop limit reached")]
    HopLimit {
        /// The most hops.
        limit: u32,
    },
    /// Two agents hand the same work to each other again and again; see
    /// [`Trail`](crate::Trail).
    #[error("handed back and forth")]
    PingPong {
        /// How often this sender may hand it to this recipient.
        limit: u32,
    },
}

/// What a mailbox did with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendOutcome {
    /// It holds the message.
    Accepted,
    /// It took a message of this id before, inside the dedup window; nothing was written.
    Duplicate,
    /// It holds the message (or took it before, inside the dedup window), but not as many copies
    /// as its [`Durability`] asks for were confirmed in time.
    Unconfirmed {
        /// How many were.
        confirmed: u32,
        /// How many were asked for.
        wanted: u32,
    },
    /// It refused; nothing was written.
    Refused(SendRefusal),
}

/// The answer to one send.
///
/// Its JSON is the original's: `{"message_id", "delivered", "error"}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageResult {
    /// The message it is about.
    pub message_id: MessageId,
    /// What the mailbox did.
    pub outcome: SendOutcome,
    /// To ask with what became of it, if it was taken and leaves a receipt.
    pub ticket: Option<ReceiptTicket>,
}

impl MessageResult {
    /// An answer about `message_id`.
    pub const fn new(message_id: MessageId, outcome: SendOutcome) -> Self {
        Self { message_id, outcome, ticket: None }
    }

    /// The same with a ticket.
    #[must_use]
    pub fn with_ticket(mut self, ticket: ReceiptTicket) -> Self {
        self.ticket = Some(ticket);
        self
    }

    /// Whether the mailbox holds (or, for a duplicate, has held) the message.
    pub const fn delivered(&self) -> bool {
        !matches!(self.outcome, SendOutcome::Refused(_))
    }

    /// Why not, if not.
    pub const fn refusal(&self) -> Option<SendRefusal> {
        match self.outcome {
            SendOutcome::Refused(refusal) => Some(refusal),
            SendOutcome::Accepted | SendOutcome::Duplicate | SendOutcome::Unconfirmed { .. } => {
                None
            }
        }
    }

    /// The original's error text: exactly `queue full` for a full mailbox.
    pub fn error(&self) -> Option<String> {
        self.refusal().map(|refusal| refusal.to_string())
    }

    /// The id, or the refusal as an error, for callers that treat one as failure.
    ///
    /// # Errors
    /// The [`SendRefusal`].
    pub fn into_result(self) -> Result<MessageId, SendRefusal> {
        match self.refusal() {
            Some(refusal) => Err(refusal),
            None => Ok(self.message_id),
        }
    }
}

impl Serialize for MessageResult {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("MessageResult", 3)?;
        object.serialize_field("message_id", &self.message_id)?;
        object.serialize_field("delivered", &self.delivered())?;
        object.serialize_field("error", &self.error())?;
        object.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_the_original_one() {
        let id = MessageId::new("msg-000041").unwrap();
        let full = SendOutcome::Refused(SendRefusal::QueueFull { depth: 1, limit: 1 });
        let json =
            |outcome| serde_json::to_string(&MessageResult::new(id.clone(), outcome)).unwrap();
        assert_eq!(
            json(full),
            r#"{"message_id":"msg-000041","delivered":false,"error":"queue full"}"#
        );
        assert_eq!(
            json(SendOutcome::Duplicate),
            r#"{"message_id":"msg-000041","delivered":true,"error":null}"#
        );
    }

    #[test]
    fn bad_options_are_named() {
        let year = Duration::from_secs(367 * 86_400);
        let options = SendOptions::new();
        for (bad, field) in [
            (options.with_delay(year), "delay"),
            (options.with_expires_in(Duration::ZERO), "expires_in"),
            (options.with_dedup_window(Duration::ZERO), "dedup_window"),
        ] {
            assert_eq!(bad.validate().unwrap_err().field(), field);
        }
        options.with_delay(Duration::ZERO).validate().unwrap();
    }
}
