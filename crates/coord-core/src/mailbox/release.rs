//! Putting a message back untouched.

use super::Mailbox;
use crate::reservation::ReservationToken;
use crate::time::Timestamp;

impl Mailbox {
    /// Puts the message back to ready at once, counting no attempt; a cancelled one is gone. False if nothing is reserved
    /// under `token`.
    pub fn release(&mut self, now: Timestamp, token: &ReservationToken) -> bool {
        match self.take_reservation(token) {
            // Cancelled meanwhile: it does not come back.
            Some(reservation) if reservation.is_cancelled => true,
            Some(reservation) => {
                self.put_ready(reservation.entry, now);
                true
            }
            None => false,
        }
    }
}
