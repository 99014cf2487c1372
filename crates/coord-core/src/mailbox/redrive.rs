//! Putting dead messages back.

use std::collections::VecDeque;

use super::Mailbox;
use super::state::Entry;
use crate::dead_letters::DeadSelection;
use crate::time::Timestamp;

impl Mailbox {
    /// Puts dead messages back to ready, oldest first, with their attempts reset, at most `limit`
    /// and only while there is room; returns how many.
    pub fn redrive(&mut self, now: Timestamp, selection: &DeadSelection, limit: usize) -> usize {
        let mut redriven = 0;
        let mut kept = VecDeque::new();
        while let Some(mut dead) = self.dead.pop_front() {
            let wanted =
                redriven < limit && selection.takes_dead(now, &dead.queue_message, dead.died_at);
            if wanted && self.no_room(now, self.policy.queue_size()).is_none() {
                dead.queue_message.delivery_attempts = 0;
                let entry = Entry {
                    id: dead.id,
                    queued: dead.queue_message,
                    expires_at: None,
                    counted_for: None,
                    leaves_receipt: dead.leaves_receipt,
                };
                self.put_ready(entry, now);
                redriven += 1;
            } else {
                kept.push_back(dead);
            }
        }
        self.dead = kept;
        redriven
    }
}
