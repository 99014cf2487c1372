//! Reserving the next message.

use std::time::Duration;

use super::state::{Entry, Reservation};
use super::{Mailbox, SWEEP_LIMIT};
use crate::envelope::QueueMessage;
use crate::reservation::ReservationToken;
use crate::time::Timestamp;

/// A message that was reserved.
#[derive(Debug, Clone, PartialEq)]
pub struct Reserved {
    /// What settles it.
    pub token: ReservationToken,
    /// The message with the attempts so far.
    pub queue_message: QueueMessage,
    /// Until when it is reserved.
    pub deadline: Timestamp,
    /// The number of this reservation among all of the mailbox.
    pub fence: u64,
}

impl Mailbox {
    /// Reserves the next message under `token`, after working off what fell due.
    ///
    /// `token` must be new to the mailbox.
    pub fn receive(
        &mut self,
        now: Timestamp,
        token: ReservationToken,
        visibility: Duration,
    ) -> Option<Reserved> {
        self.sweep(now);
        self.reserve(now, token, visibility)
    }

    /// Reserves up to as many messages as there are tokens.
    pub fn receive_batch(
        &mut self,
        now: Timestamp,
        tokens: Vec<ReservationToken>,
        visibility: Duration,
    ) -> Vec<Reserved> {
        self.sweep(now);
        tokens.into_iter().map_while(|token| self.reserve(now, token, visibility)).collect()
    }

    /// Works off at most [`SWEEP_LIMIT`] timers that fell due.
    fn sweep(&mut self, now: Timestamp) {
        for _ in 0..SWEEP_LIMIT {
            let Some(due) = self.take_due(now) else { break };
            self.work_off(now, due);
        }
    }

    fn reserve(
        &mut self,
        now: Timestamp,
        token: ReservationToken,
        visibility: Duration,
    ) -> Option<Reserved> {
        if !self.is_open(now) {
            return None;
        }
        let entry = self.next_live(now)?;
        self.count_passed(now);
        self.fence += 1;
        let deadline = now + visibility;
        let queue_message = entry.queued.clone();
        self.deadlines.insert((deadline, token.clone()));
        self.reserved.insert(token.clone(), Reservation::new(entry, deadline));
        Some(Reserved { token, queue_message, deadline, fence: self.fence })
    }

    /// The next message that has not expired; expired ones before it are dropped.
    fn next_live(&mut self, now: Timestamp) -> Option<Entry> {
        loop {
            let level = self.next_level()?;
            let entry = self.pop_ready(level)?;
            if !entry.has_expired(now) {
                return Some(entry);
            }
        }
    }

    /// The level to serve: the highest, or at every n-th reservation the lowest non-empty one.
    fn next_level(&self) -> Option<usize> {
        let next_fence = self.fence + 1;
        match self.policy.low_every() {
            Some(n) if next_fence.is_multiple_of(u64::from(n.get())) => {
                self.ready_levels().next_back()
            }
            _ => self.ready_levels().next(),
        }
    }
}
