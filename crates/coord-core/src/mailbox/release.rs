//! Putting a message back untouched.

use super::Mailbox;
use crate::reservation::ReservationToken;
use crate::time::Timestamp;

impl Mailbox {
    /// Puts the message back to ready at once, counting no attempt; false if nothing is reserved
    /// under `token`.
    pub fn release(&mut self, now: Timestamp, token: &ReservationToken) -> bool {
        match self.take_reservation(token) {
            Some(entry) => {
                self.put_ready(entry, now);
                true
            }
            None => false,
        }
    }
}
