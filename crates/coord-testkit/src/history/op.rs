//! The steps of a history.

use std::fmt;
use std::time::Duration;

use coord_core::{FailureType, MailboxPolicy, MessagePriority};

/// A policy and what happens under it.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// The policy of coordinator and model.
    pub policy: MailboxPolicy,
    /// What happens, in order.
    pub ops: Vec<Op>,
}

/// Which token a step uses: counted back from the newest one, over at most as many as there are.
///
/// Before anything was received, it is a token that nobody ever got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pick(pub u8);

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Op {
    /// A message arrives.
    Send {
        /// Its level.
        priority: MessagePriority,
        /// Whether it has the id of the message sent before it.
        again: bool,
        /// How long it is delayed.
        delay: Duration,
        /// How long it lives, if not for ever.
        expires_in: Option<Duration>,
        /// The dedup window, if any.
        dedup_window: Option<Duration>,
    },
    /// A consumer asks for a message.
    Receive {
        /// For how long.
        visibility: Duration,
    },
    /// A consumer is done.
    Ack {
        /// Its token.
        pick: Pick,
    },
    /// A consumer gives a message back.
    Nack {
        /// Its token.
        pick: Pick,
        /// Why.
        failure: FailureType,
        /// Whether it says why in words.
        says_why: bool,
    },
    /// A consumer needs longer.
    Extend {
        /// Its token.
        pick: Pick,
        /// How much longer, from now.
        visibility: Duration,
    },
    /// A consumer puts a message back untouched.
    Release {
        /// Its token.
        pick: Pick,
    },
    /// Expired reservations are taken back.
    Recover {
        /// Of every mailbox, not of this one.
        everywhere: bool,
    },
    /// Time passes.
    Wait {
        /// How much, at least.
        by: Duration,
    },
    /// Counts, waiting messages and dead letters are compared.
    Look,
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send { priority, again, delay, expires_in, dedup_window } => {
                let again = if *again { "again " } else { "" };
                write!(f, "send {again}{}", priority.as_str())?;
                if !delay.is_zero() {
                    write!(f, " in {delay:?}")?;
                }
                if let Some(life) = expires_in {
                    write!(f, " for {life:?}")?;
                }
                match dedup_window {
                    Some(window) => write!(f, " once in {window:?}"),
                    None => Ok(()),
                }
            }
            Self::Receive { visibility } => write!(f, "receive for {visibility:?}"),
            Self::Ack { pick } => write!(f, "ack #{}", pick.0),
            Self::Nack { pick, failure, says_why } => {
                let why = if *says_why { ", says why" } else { "" };
                write!(f, "nack #{} {}{why}", pick.0, failure.as_str())
            }
            Self::Extend { pick, visibility } => write!(f, "extend #{} by {visibility:?}", pick.0),
            Self::Release { pick } => write!(f, "release #{}", pick.0),
            Self::Recover { everywhere: false } => f.write_str("recover"),
            Self::Recover { everywhere: true } => f.write_str("recover everywhere"),
            Self::Wait { by } => write!(f, "wait {by:?}"),
            Self::Look => f.write_str("look"),
        }
    }
}
