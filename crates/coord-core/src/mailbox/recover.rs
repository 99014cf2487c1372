//! Taking expired reservations back.

use super::state::Entry;
use super::{DeadCause, Mailbox};
use crate::failure::VISIBILITY_TIMEOUT_EXPIRED;
use crate::policy::ExpiryPolicy;
use crate::time::Timestamp;

impl Mailbox {
    /// Takes every expired reservation back; returns how many there were.
    pub fn recover(&mut self, now: Timestamp) -> u64 {
        let mut recovered = 0;
        while let Some((_, token)) = self.deadlines.first().filter(|(at, _)| *at <= now).cloned() {
            if let Some(entry) = self.take_reservation(&token) {
                self.take_back(now, entry);
                recovered += 1;
            }
        }
        recovered
    }

    /// One expired reservation: back to ready, or dead if it counts and was the last attempt.
    pub(super) fn take_back(&mut self, now: Timestamp, mut entry: Entry) {
        if entry.expires_at.is_some_and(|at| at <= now) {
            return;
        }
        if self.policy.expiry() == ExpiryPolicy::CountAttempt {
            let attempts = entry.count_failure(Some(VISIBILITY_TIMEOUT_EXPIRED));
            if self.policy.is_exhausted(attempts) {
                self.bury(now, entry, DeadCause::Expired);
                return;
            }
        }
        self.put_ready(entry, now);
    }
}
