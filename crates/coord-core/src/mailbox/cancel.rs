//! Taking a message back before it is done, or telling its holder something.

use super::Mailbox;
use crate::message::MessageId;
use crate::recall::{CancelOutcome, NoteOutcome};

/// How many notes one holder may have.
pub const MAX_NOTES: usize = 8;

impl Mailbox {
    /// Removes a message that waits; the holder of a reserved one is told by its next extend.
    pub fn cancel(&mut self, id: &MessageId) -> CancelOutcome {
        if self.take_waiting(id).is_some() {
            return CancelOutcome::Cancelled;
        }
        match self.held_mut(id) {
            Some(reservation) => {
                reservation.is_cancelled = true;
                CancelOutcome::HolderIsTold
            }
            None => CancelOutcome::NotFound,
        }
    }

    /// Tells the holder of a message something, by its next extend.
    pub fn note(&mut self, id: &MessageId, note: &str) -> NoteOutcome {
        let waits = self.waiting().any(|(entry, ..)| entry.queued.message.message_id == *id);
        match self.held_mut(id) {
            Some(reservation) if reservation.notes.len() >= MAX_NOTES => NoteOutcome::TooMany,
            Some(reservation) => {
                reservation.notes.push(note.to_owned());
                NoteOutcome::HolderIsTold
            }
            None if waits => NoteOutcome::NotReserved,
            None => NoteOutcome::NotFound,
        }
    }

    fn held_mut(&mut self, id: &MessageId) -> Option<&mut super::state::Reservation> {
        let mut held = self.reserved.values_mut();
        held.find(|reservation| reservation.entry.queued.message.message_id == *id)
    }
}
