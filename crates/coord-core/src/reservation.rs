//! A message in a consumer's hands.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::agent::AgentId;
use crate::envelope::QueueMessage;
use crate::error::InvalidInput;
use crate::message::AgentMessage;
use crate::policy::MailboxPolicy;
use crate::send::SendRefusal;
use crate::time::Timestamp;
use crate::trail::Trail;

/// What proves that a consumer holds a message: `res_` and 16 lower-case hex digits.
///
/// A token that came out of a receive also remembers the stored envelope, which saves a round
/// trip when the message is given back on a layout that keeps attempts inside the JSON, and the
/// way of work that was handed on, which a forward carries on. A token that was parsed from text
/// works everywhere too, but with it a forward begins a new way. Equality is that of the text.
#[derive(Clone)]
pub struct ReservationToken {
    text: Box<str>,
    envelope: Option<Arc<str>>,
    trail: Option<Arc<Trail>>,
}

impl ReservationToken {
    /// Makes the token of a number; adapters draw it at random.
    pub fn from_bits(bits: u64) -> Self {
        Self { text: format!("res_{bits:016x}").into(), envelope: None, trail: None }
    }

    /// Reads a token.
    ///
    /// # Errors
    /// [`InvalidInput`] about `token` if it is not of the form.
    pub fn parse(text: &str) -> Result<Self, InvalidInput> {
        let hex = text.strip_prefix("res_").unwrap_or_default();
        let is_hex = |b: &u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        if hex.len() == 16 && hex.as_bytes().iter().all(is_hex) {
            return Ok(Self { text: text.into(), envelope: None, trail: None });
        }
        let problem = format!("{text:?} is not `res_` and 16 lower-case hex digits");
        Err(InvalidInput::new("token", problem))
    }

    /// The same token, remembering the stored envelope.
    #[must_use]
    pub fn with_envelope(mut self, envelope: Arc<str>) -> Self {
        self.envelope = Some(envelope);
        self
    }

    /// The stored envelope, if this token came out of a receive.
    pub fn envelope(&self) -> Option<&str> {
        self.envelope.as_deref()
    }

    /// The way of the message it was received with, if that was handed on before.
    pub fn trail(&self) -> Option<&Trail> {
        self.trail.as_deref()
    }

    /// The message that `agent` hands on to `recipient` instead of the one reserved here, whose way
    /// it carries on; for adapters.
    ///
    /// # Errors
    /// As [`Trail::handed_on`].
    pub fn hand_on(
        &self,
        agent: &AgentId,
        recipient: &AgentId,
        mut message: AgentMessage,
        policy: &MailboxPolicy,
    ) -> Result<AgentMessage, SendRefusal> {
        let before = self.trail().cloned().unwrap_or_else(|| Trail::of(&message));
        before.handed_on(agent, recipient, policy)?.mark(&mut message);
        Ok(message)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialEq for ReservationToken {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for ReservationToken {}

impl PartialOrd for ReservationToken {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ReservationToken {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}

impl std::hash::Hash for ReservationToken {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Debug for ReservationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for ReservationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::str::FromStr for ReservationToken {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        Self::parse(text)
    }
}

/// A reserved message: nobody else gets it until the deadline.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ReceivedMessage {
    /// What settles it.
    pub token: ReservationToken,
    /// The message in its envelope, with the attempts so far.
    pub queue_message: QueueMessage,
    /// Until when it is reserved, on the server's clock.
    pub visibility_deadline: Timestamp,
    /// Grows with every reservation of the mailbox: whoever guards a side effect by it refuses
    /// the holder of an older reservation.
    pub fence: u64,
}

impl ReceivedMessage {
    /// A reservation of `queue_message` under `token`.
    pub fn new(
        mut token: ReservationToken,
        queue_message: QueueMessage,
        visibility_deadline: Timestamp,
        fence: u64,
    ) -> Self {
        let trail = Trail::of(&queue_message.message);
        token.trail = (trail.hops() > 0).then(|| Arc::new(trail));
        Self { token, queue_message, visibility_deadline, fence }
    }
}

/// A reservation that was extended, and what others want its holder to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extended {
    /// The new deadline, on the server's clock.
    pub deadline: Timestamp,
    /// The message was cancelled: the work is no longer wanted. An ack settles it, given back it
    /// is gone.
    pub is_cancelled: bool,
    /// Notes to the holder, oldest first, the same at every extend: those behind the ones read
    /// before are new. At most [`MAX_NOTES`](crate::mailbox::MAX_NOTES).
    pub notes: Vec<String>,
}

impl Extended {
    /// A reservation that lasts until `deadline`, with no news.
    pub const fn until(deadline: Timestamp) -> Self {
        Self { deadline, is_cancelled: false, notes: Vec::new() }
    }
}

/// What became of settling one message and asking for the next in one step.
#[derive(Debug, Clone, PartialEq)]
pub struct AckAndReceive {
    /// Whether the token held a message; false if the reservation was lost.
    pub settled: bool,
    /// The next message, if one is due.
    pub next: Option<ReceivedMessage>,
}

/// The longest visibility timeout.
pub const MAX_VISIBILITY: Duration = Duration::from_secs(30 * 86_400);

/// The longest time to wait for a message.
pub const MAX_WAIT: Duration = Duration::from_secs(86_400);

/// Checks how long to wait for a message; zero is allowed and means not to wait.
///
/// # Errors
/// [`InvalidInput`] about `timeout` above [`MAX_WAIT`].
pub fn check_wait(timeout: Duration) -> Result<(), InvalidInput> {
    if timeout <= MAX_WAIT {
        return Ok(());
    }
    Err(InvalidInput::new("timeout", format!("{timeout:?}, at most {MAX_WAIT:?} is allowed")))
}

/// Checks a visibility timeout; zero is allowed, as in the original.
///
/// # Errors
/// [`InvalidInput`] about `visibility timeout` above [`MAX_VISIBILITY`].
pub fn check_visibility(timeout: Duration) -> Result<(), InvalidInput> {
    if timeout <= MAX_VISIBILITY {
        return Ok(());
    }
    let problem = format!("{timeout:?}, at most {MAX_VISIBILITY:?} is allowed");
    Err(InvalidInput::new("visibility timeout", problem))
}
