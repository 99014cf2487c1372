//! Deleting dead messages.

use super::Mailbox;
use crate::inspect::DeadSelection;

impl Mailbox {
    /// Deletes dead messages; returns how many.
    pub fn purge(&mut self, selection: &DeadSelection) -> usize {
        let before = self.dead.len();
        self.dead.retain(|dead| !selection.takes(&dead.queue_message.message.message_id));
        before - self.dead.len()
    }
}
