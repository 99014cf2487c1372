//! One input and its outcome, for histories that can be printed and replayed.

use std::fmt;
use std::time::Duration;

use super::{Mailbox, Reserved, Send};
use crate::failure::{FailureType, NackOutcome};
use crate::reservation::ReservationToken;
use crate::send::SendOutcome;
use crate::time::Timestamp;

/// Something that happens to a mailbox.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Input {
    /// A message arrives.
    Send(Box<Send>),
    /// A consumer asks for a message.
    Receive {
        /// The token to reserve under; new to the mailbox.
        token: ReservationToken,
        /// How long to reserve.
        visibility: Duration,
    },
    /// A consumer is done.
    Ack {
        /// Its token.
        token: ReservationToken,
    },
    /// A consumer gives a message back.
    Nack {
        /// Its token.
        token: ReservationToken,
        /// Why.
        failure: FailureType,
        /// Why, in words.
        error: Option<String>,
    },
    /// A consumer needs longer.
    Extend {
        /// Its token.
        token: ReservationToken,
        /// How much longer, from now.
        visibility: Duration,
    },
    /// A consumer puts a message back untouched.
    Release {
        /// Its token.
        token: ReservationToken,
    },
    /// Expired reservations are taken back.
    Recover,
}

/// What came of an [`Input`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// Of a send.
    Sent(SendOutcome),
    /// Of a receive; `None` if nothing is due.
    Received(Option<Box<Reserved>>),
    /// Of an ack or release that found its reservation.
    Settled,
    /// Of a nack that found its reservation.
    Nacked(NackOutcome),
    /// Of an extend that found its reservation: the new deadline.
    Extended(Timestamp),
    /// Of an ack, nack, extend or release whose token holds nothing.
    ReservationLost,
    /// Of a recover: how many reservations had expired.
    Recovered(u64),
}

impl Mailbox {
    /// Does what `input` says and tells what came of it. The same inputs at the same times give
    /// the same outcomes.
    pub fn handle(&mut self, now: Timestamp, input: Input) -> Outcome {
        let settled = |done: bool| if done { Outcome::Settled } else { Outcome::ReservationLost };
        match input {
            Input::Send(send) => Outcome::Sent(self.send(now, *send)),
            Input::Receive { token, visibility } => {
                Outcome::Received(self.receive(now, token, visibility).map(Box::new))
            }
            Input::Ack { token } => settled(self.ack(now, &token)),
            Input::Nack { token, failure, error } => self
                .nack(now, &token, failure, error.as_deref())
                .map_or(Outcome::ReservationLost, Outcome::Nacked),
            Input::Extend { token, visibility } => self
                .extend(now, &token, visibility)
                .map_or(Outcome::ReservationLost, |extended| Outcome::Extended(extended.deadline)),
            Input::Release { token } => settled(self.release(now, &token)),
            Input::Recover => Outcome::Recovered(self.recover(now)),
        }
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(send) => {
                let message = &send.queued.message;
                write!(f, "send {} {}", message.message_id, send.queued.priority.as_str())?;
                if !send.options.delay().is_zero() {
                    write!(f, " in {:?}", send.options.delay())?;
                }
                match send.options.expires_in() {
                    Some(ttl) => write!(f, " for {ttl:?}"),
                    None => Ok(()),
                }
            }
            Self::Receive { token, visibility } => write!(f, "receive {token} for {visibility:?}"),
            Self::Ack { token } => write!(f, "ack {token}"),
            Self::Nack { token, failure, .. } => write!(f, "nack {token} {}", failure.as_str()),
            Self::Extend { token, visibility } => write!(f, "extend {token} by {visibility:?}"),
            Self::Release { token } => write!(f, "release {token}"),
            Self::Recover => f.write_str("recover"),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sent(SendOutcome::Accepted) => f.write_str("accepted"),
            Self::Sent(SendOutcome::Duplicate) => f.write_str("duplicate"),
            // The machine has no replicas; only adapters answer this.
            Self::Sent(SendOutcome::Unconfirmed { .. }) => f.write_str("accepted, unconfirmed"),
            Self::Sent(SendOutcome::Refused(refusal)) => write!(f, "refused: {refusal}"),
            Self::Received(None) => f.write_str("nothing due"),
            Self::Received(Some(reserved)) => {
                let queued = &reserved.queue_message;
                let (id, attempts) = (&queued.message.message_id, queued.delivery_attempts);
                write!(f, "{id}, failed {attempts} times, fence {}", reserved.fence)
            }
            Self::Settled => f.write_str("settled"),
            Self::Nacked(NackOutcome::Retry { attempts, delay, .. }) => {
                write!(f, "failure {attempts}, again in {delay:?}")
            }
            Self::Nacked(NackOutcome::DeadLettered { attempts }) => {
                write!(f, "dead after {attempts} failures")
            }
            Self::Nacked(NackOutcome::Expired) => f.write_str("expired"),
            Self::Nacked(NackOutcome::Cancelled) => f.write_str("cancelled"),
            Self::Extended(deadline) => write!(f, "reserved until {deadline}"),
            Self::ReservationLost => f.write_str("reservation lost"),
            Self::Recovered(count) => write!(f, "{count} taken back"),
        }
    }
}
