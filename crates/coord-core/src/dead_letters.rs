//! Dead letters: what lies in a dead-letter queue, which of it is meant, how fast it goes back.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use crate::agent::AgentId;
use crate::envelope::QueueMessage;
use crate::error::InvalidInput;
use crate::inspect::Page;
use crate::message::{MessageId, MessageType};
use crate::time::Timestamp;

/// What lies in a dead-letter queue.
#[derive(Debug, Clone, PartialEq)]
pub enum DeadBody {
    /// A message that failed too often or for good.
    Message(Box<QueueMessage>),
    /// Bytes that are no message, shown as text with what is not UTF-8 replaced.
    Unreadable {
        /// The bytes as text.
        raw: String,
        /// What is wrong with them.
        reason: String,
    },
}

/// One entry of a dead-letter queue.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadLetter {
    /// The message, with its attempts and last error.
    pub body: DeadBody,
    /// When it died, where the layout keeps that.
    pub died_at: Option<Timestamp>,
}

impl DeadLetter {
    /// The message, if it can be read.
    pub fn message(&self) -> Option<&QueueMessage> {
        match &self.body {
            DeadBody::Message(queued) => Some(queued),
            DeadBody::Unreadable { .. } => None,
        }
    }

    /// Its id, if it can be read.
    pub fn message_id(&self) -> Option<&MessageId> {
        self.message().map(|queued| &queued.message.message_id)
    }
}

/// Which dead messages are meant: those that fit every condition.
///
/// What cannot be read has no id, type, sender, attempts or error: it fits only while nothing but
/// the time of its death is asked for, and is never put back.
///
/// # Defaults
/// - no condition: all of them
///
/// ```
/// use coord_core::{DeadSelection, MessageType};
/// use std::time::Duration;
///
/// let stale_requests = DeadSelection::all()
///     .with_type(MessageType::Request)
///     .with_error("timeout")
///     .with_older_than(Duration::from_secs(3_600));
/// assert!(!stale_requests.is_all());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeadSelection {
    ids: Option<BTreeSet<MessageId>>,
    error: Option<String>,
    message_type: Option<MessageType>,
    sender: Option<AgentId>,
    attempts: Option<RangeInclusive<u32>>,
    died_from: Option<Timestamp>,
    died_before: Option<Timestamp>,
    older_than: Option<Duration>,
}

impl DeadSelection {
    /// All of them.
    pub const fn all() -> Self {
        Self {
            ids: None,
            error: None,
            message_type: None,
            sender: None,
            attempts: None,
            died_from: None,
            died_before: None,
            older_than: None,
        }
    }

    /// Those with one of these ids.
    pub fn ids(ids: impl IntoIterator<Item = MessageId>) -> Self {
        Self::all().with_ids(ids)
    }

    /// Only those with one of these ids; none if there is no id.
    #[must_use]
    pub fn with_ids(mut self, ids: impl IntoIterator<Item = MessageId>) -> Self {
        self.ids = Some(ids.into_iter().collect());
        self
    }

    /// Only those whose last error contains this text, byte by byte.
    #[must_use]
    pub fn with_error(mut self, text: impl Into<String>) -> Self {
        self.error = Some(text.into());
        self
    }

    /// Only messages of this type.
    #[must_use]
    pub const fn with_type(mut self, kind: MessageType) -> Self {
        self.message_type = Some(kind);
        self
    }

    /// Only messages of this sender.
    #[must_use]
    pub fn with_sender(mut self, sender: AgentId) -> Self {
        self.sender = Some(sender);
        self
    }

    /// Only those that failed so often.
    #[must_use]
    pub const fn with_attempts(mut self, attempts: RangeInclusive<u32>) -> Self {
        self.attempts = Some(attempts);
        self
    }

    /// Only those that died then or later.
    #[must_use]
    pub const fn with_died_from(mut self, first: Timestamp) -> Self {
        self.died_from = Some(first);
        self
    }

    /// Only those that died before then.
    #[must_use]
    pub const fn with_died_before(mut self, end: Timestamp) -> Self {
        self.died_before = Some(end);
        self
    }

    /// Only those that have been dead for longer than this, by the server's clock, when the
    /// operation begins.
    #[must_use]
    pub const fn with_older_than(mut self, age: Duration) -> Self {
        self.older_than = Some(age);
        self
    }

    /// Whether there is no condition.
    pub fn is_all(&self) -> bool {
        *self == Self::all()
    }

    /// Whether it asks when messages died, which not every layout keeps.
    pub const fn asks_for_time(&self) -> bool {
        self.died_from.is_some() || self.died_before.is_some() || self.older_than.is_some()
    }

    /// Whether it needs to be [`resolved`](Self::resolved).
    pub const fn is_relative(&self) -> bool {
        self.older_than.is_some()
    }

    /// The same with its age turned into a time, as seen from `now`.
    #[must_use]
    pub fn resolved(&self, now: Timestamp) -> Self {
        let mut resolved = self.clone();
        if let Some(age) = resolved.older_than.take() {
            let age = crate::time::micros(age);
            let end = Timestamp::from_micros(now.as_micros().saturating_sub(age));
            let end = resolved.died_before.map_or(end, |before| before.min(end));
            resolved.died_before = Some(end);
        }
        resolved
    }

    /// Whether `letter` is meant, as seen from `now`.
    pub fn takes(&self, now: Timestamp, letter: &DeadLetter) -> bool {
        self.takes_time(now, letter.died_at)
            && match &letter.body {
                DeadBody::Message(queued) => self.takes_message(queued),
                DeadBody::Unreadable { .. } => {
                    let nothing = &Self::all();
                    self.ids == nothing.ids
                        && self.error == nothing.error
                        && self.message_type == nothing.message_type
                        && self.sender == nothing.sender
                        && self.attempts == nothing.attempts
                }
            }
    }

    /// Whether a message that died then is meant.
    pub(crate) fn takes_dead(
        &self,
        now: Timestamp,
        queued: &QueueMessage,
        died_at: Timestamp,
    ) -> bool {
        self.takes_time(now, Some(died_at)) && self.takes_message(queued)
    }

    fn takes_message(&self, queued: &QueueMessage) -> bool {
        let message = &queued.message;
        let error = queued.last_error.as_deref();
        let mailbox = message.sender.mailbox_key();
        self.ids.as_ref().is_none_or(|ids| ids.contains(&message.message_id))
            && self.error.as_ref().is_none_or(|text| error.is_some_and(|it| it.contains(text)))
            && self.message_type.is_none_or(|kind| kind == message.message_type)
            && self.sender.as_ref().is_none_or(|sender| sender.mailbox_key() == mailbox)
            && self.attempts.as_ref().is_none_or(|it| it.contains(&queued.delivery_attempts))
    }

    fn takes_time(&self, now: Timestamp, died_at: Option<Timestamp>) -> bool {
        if !self.asks_for_time() {
            return true;
        }
        let Some(died_at) = died_at else { return false };
        let age = Duration::from_micros(now.as_micros().saturating_sub(died_at.as_micros()));
        self.died_from.is_none_or(|first| died_at >= first)
            && self.died_before.is_none_or(|end| died_at < end)
            && self.older_than.is_none_or(|limit| age > limit)
    }
}

/// What a selection would take, looked at without touching it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeadMatches {
    /// How many are meant: what a purge would delete.
    pub total: u64,
    /// How many of them can be read: what a redrive would put back, given the room.
    pub readable: u64,
    /// One page of them, oldest first.
    pub letters: Vec<DeadLetter>,
}

impl DeadMatches {
    /// Counts those of `letters` that `selection` takes, as seen from `now`, and keeps those on
    /// `page`; for adapters, which read one part of the queue after the other.
    pub fn take_in(
        &mut self,
        now: Timestamp,
        selection: &DeadSelection,
        page: Page,
        letters: impl IntoIterator<Item = DeadLetter>,
    ) {
        for letter in letters.into_iter().filter(|letter| selection.takes(now, letter)) {
            self.readable += u64::from(letter.message().is_some());
            let has_room = self.letters.len() < page.bounded_limit() as usize;
            if self.total >= page.offset && has_room {
                self.letters.push(letter);
            }
            self.total += 1;
        }
    }
}

/// How fast dead letters go back.
///
/// ```
/// use coord_core::RedriveRate;
/// use std::time::Duration;
///
/// let rate: RedriveRate = "25/s".parse()?;
/// assert_eq!(rate.step(), (3, Duration::from_millis(120)));
/// # Ok::<(), coord_core::InvalidInput>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RedriveRate(u32);

impl RedriveRate {
    /// The highest rate.
    pub const MAX_PER_SECOND: u32 = 1_000_000;
    /// How many steps a second is spread over at most.
    const STEPS: u32 = 10;

    /// So many messages in a second.
    ///
    /// # Errors
    /// [`InvalidInput`] about `rate`: 0, or more than [`RedriveRate::MAX_PER_SECOND`].
    pub fn per_second(messages: u32) -> Result<Self, InvalidInput> {
        if (1..=Self::MAX_PER_SECOND).contains(&messages) {
            return Ok(Self(messages));
        }
        let problem = format!("{messages} in a second, 1 to {} are allowed", Self::MAX_PER_SECOND);
        Err(InvalidInput::new("rate", problem))
    }

    /// How many may go at once, and the pause before the next ones.
    pub fn step(self) -> (u64, Duration) {
        let at_once = self.0.div_ceil(Self::STEPS);
        (u64::from(at_once), Duration::from_secs(u64::from(at_once)) / self.0)
    }
}

impl fmt::Display for RedriveRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", self.0)
    }
}

impl FromStr for RedriveRate {
    type Err = InvalidInput;

    /// Reads a number and `/s`.
    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        let number = text.strip_suffix("/s").and_then(|number| number.parse().ok());
        number.and_then(|number| Self::per_second(number).ok()).ok_or_else(|| {
            let max = Self::MAX_PER_SECOND;
            let problem = format!("{text:?} is not a number from 1 to {max} and `/s`");
            InvalidInput::new("rate", problem)
        })
    }
}

#[cfg(test)]
mod tests;
