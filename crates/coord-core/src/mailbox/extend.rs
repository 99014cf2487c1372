//! Keeping a message longer.

use std::time::Duration;

use super::Mailbox;
use crate::reservation::{Extended, ReservationToken};
use crate::time::Timestamp;

impl Mailbox {
    /// A new deadline, counted from now, and what others want the holder to know; `None` if nothing is reserved under `token`.
    pub fn extend(
        &mut self,
        now: Timestamp,
        token: &ReservationToken,
        visibility: Duration,
    ) -> Option<Extended> {
        let reservation = self.reserved.get_mut(token)?;
        let deadline = now + visibility;
        self.deadlines.remove(&(reservation.deadline, token.clone()));
        self.deadlines.insert((deadline, token.clone()));
        reservation.deadline = deadline;
        let (is_cancelled, notes) = (reservation.is_cancelled, reservation.notes.clone());
        Some(Extended { deadline, is_cancelled, notes })
    }
}
