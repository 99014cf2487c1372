#![doc = include_str!("../README.md")]

mod agent;
pub mod capability;
mod coordinator;
mod dead_letters;
mod envelope;
mod error;
mod failure;
mod filter;
mod gate;
mod headers;
mod inspect;
mod json;
pub mod mailbox;
mod message;
mod metrics;
mod payload;
mod policy;
mod recall;
mod receipt;
mod reconcile;
pub mod registry;
mod reservation;
mod send;
mod subscription;
#[cfg(test)]
mod test_values;
mod time;
mod trail;

pub use agent::AgentId;
pub use coordinator::{MessageCoordinator, SharedCoordinator};
pub use dead_letters::{DeadBody, DeadLetter, DeadMatches, DeadSelection, RedriveRate};
pub use envelope::{Poison, QueueMessage};
pub use error::{
    AdminError, AdminResult, BackendError, BackendErrorKind, InvalidInput, ReceiveError, RetryHint,
    SendError, SettleError, Unsupported,
};
pub use failure::{
    FailureType, MAX_ERROR_BYTES, NackOutcome, VISIBILITY_TIMEOUT_EXPIRED, trim_error,
};
pub use filter::{Filter, TopicPattern};
pub use gate::{Gate, RateLimit};
pub use headers::Headers;
pub use inspect::{MailboxStats, Page, PeekedMessage, Place, ReadyCounts};
pub use message::{AgentMessage, MessageId, MessagePriority, MessageType, RoutingKey};
pub use metrics::{
    DeliveryCounters, InMemoryMetrics, MessageMetrics, MetricsSnapshot, NullMetrics, RetryCounters,
};
pub use payload::Payload;
pub use policy::{ExpiryPolicy, MailboxPolicy};
pub use recall::{
    CancelOutcome, MAX_NOTE_BYTES, MessagePlace, MessageReport, NoteOutcome, check_note,
};
pub use receipt::{Receipt, ReceiptCount, ReceiptTicket};
pub use reconcile::{MAX_GRACE, Reconciliation, check_grace};
pub use reservation::{
    AckAndReceive, Extended, MAX_VISIBILITY, MAX_WAIT, ReceivedMessage, ReservationToken,
    check_visibility, check_wait,
};
pub use send::{Durability, MessageResult, SendOptions, SendOutcome, SendRefusal};
pub use subscription::{MessageSubscription, Publication, SubscriptionCloser};
pub use time::{Timestamp, micros};
pub use trail::Trail;
