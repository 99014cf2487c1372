//! Deleting dead messages.

use super::Mailbox;
use crate::dead_letters::DeadSelection;
use crate::time::Timestamp;

impl Mailbox {
    /// Deletes dead messages; returns how many.
    pub fn purge(&mut self, now: Timestamp, selection: &DeadSelection) -> usize {
        let before = self.dead.len();
        self.dead.retain(|dead| !selection.takes_dead(now, &dead.queue_message, dead.died_at));
        before - self.dead.len()
    }
}
