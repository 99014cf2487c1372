//! Settling a message for good.

use super::Mailbox;
use crate::reservation::ReservationToken;
use crate::time::Timestamp;

impl Mailbox {
    /// Removes the message reserved under `token`; false if there is none. A late ack succeeds
    /// as long as nobody took the message back.
    pub fn ack(&mut self, now: Timestamp, token: &ReservationToken) -> bool {
        let Some(reservation) = self.take_reservation(token) else { return false };
        if reservation.entry.leaves_receipt {
            self.keep_receipt(now, reservation.entry.id);
        }
        true
    }

    /// Acks several tokens: one answer each, in order.
    pub fn ack_batch(&mut self, now: Timestamp, tokens: &[ReservationToken]) -> Vec<bool> {
        tokens.iter().map(|token| self.ack(now, token)).collect()
    }
}
