//! Handing work on: settle here, send there, as one step.

use super::{Mailbox, Send};
use crate::reservation::ReservationToken;
use crate::send::SendOutcome;
use crate::time::Timestamp;

/// What became of a hand-over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForwardOutcome {
    /// Nothing is reserved under the token; nothing was changed.
    ReservationLost,
    /// The other mailbox answered this. If it refused, the message is still reserved here.
    Sent(SendOutcome),
}

/// Acks `token` in `from` and sends to `to`, both or neither.
pub fn forward(
    now: Timestamp,
    from: &mut Mailbox,
    token: &ReservationToken,
    to: &mut Mailbox,
    send: Send,
) -> ForwardOutcome {
    if !from.holds(token) {
        return ForwardOutcome::ReservationLost;
    }
    let outcome = to.send(now, send);
    if !matches!(outcome, SendOutcome::Refused(_)) {
        from.ack(now, token);
    }
    ForwardOutcome::Sent(outcome)
}
