//! Taking messages back, telling their holders something, and asking where they are.

use crate::envelope::QueueMessage;
use crate::error::InvalidInput;
use crate::reservation::ReservationToken;
use crate::time::Timestamp;

/// What became of a cancellation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CancelOutcome {
    /// It waited, and is gone.
    Cancelled,
    /// Somebody works on it and learns of it from the next extend. Given back, or when its
    /// reservation expires, it is gone; acked, it was done all the same.
    HolderIsTold,
    /// No unsettled message of this id is there.
    NotFound,
}

/// What became of a note to the holder of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NoteOutcome {
    /// The holder reads it in the answer to its next extend.
    HolderIsTold,
    /// The message waits: nobody holds it.
    NotReserved,
    /// The holder has [`MAX_NOTES`](crate::mailbox::MAX_NOTES) already; on the original's layout also
    /// if a thousand holders of the mailbox have some.
    TooMany,
    /// No unsettled message of this id is there.
    NotFound,
}

/// The longest note, in bytes.
pub const MAX_NOTE_BYTES: usize = 1024;

/// Checks a note.
///
/// # Errors
/// [`InvalidInput`] about `note` if it is empty or longer than [`MAX_NOTE_BYTES`].
pub fn check_note(note: &str) -> Result<(), InvalidInput> {
    if (1..=MAX_NOTE_BYTES).contains(&note.len()) {
        return Ok(());
    }
    let problem = format!("{} bytes long, 1 to {MAX_NOTE_BYTES} are allowed", note.len());
    Err(InvalidInput::new("note", problem))
}

/// Where a message is, and how it fared.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageReport {
    /// The message, with its failed deliveries and the last error.
    pub queue_message: QueueMessage,
    /// Where it is.
    pub place: MessagePlace,
    /// When it is dropped if nobody has reserved it by then.
    pub expires_at: Option<Timestamp>,
    /// The time of this report.
    pub now: Timestamp,
}

/// Where a message is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessagePlace {
    /// A receive could take it.
    Ready {
        /// Since then.
        since: Timestamp,
    },
    /// It is due later: delayed, or waiting for its next attempt.
    Delayed {
        /// Then.
        due: Timestamp,
    },
    /// Somebody works on it.
    Reserved {
        /// What the holder settles it with.
        token: ReservationToken,
        /// Until when it is reserved; if that has passed, it comes back at the next receive.
        deadline: Timestamp,
        /// It was cancelled meanwhile.
        is_cancelled: bool,
    },
    /// It rests in the dead-letter queue.
    Dead {
        /// When it died, where the layout keeps that.
        at: Option<Timestamp>,
    },
}
