//! Giving a message back.

use super::state::Entry;
use super::{DeadCause, Mailbox};
use crate::failure::{FailureType, NackOutcome, trim_error};
use crate::reservation::ReservationToken;
use crate::time::Timestamp;

impl Mailbox {
    /// Counts a failed delivery: retried with back-off, or dead. `None` if nothing is reserved
    /// under `token`.
    pub fn nack(
        &mut self,
        now: Timestamp,
        token: &ReservationToken,
        failure: FailureType,
        error: Option<&str>,
    ) -> Option<NackOutcome> {
        let reservation = self.take_reservation(token)?;
        if reservation.is_cancelled {
            return Some(NackOutcome::Cancelled);
        }
        let mut entry = reservation.entry;
        if entry.has_expired(now) {
            return Some(NackOutcome::Expired);
        }
        let attempts = entry.count_failure(error);
        if failure == FailureType::Permanent {
            self.bury(now, entry, DeadCause::Permanent);
            return Some(NackOutcome::DeadLettered { attempts });
        }
        if self.policy.is_exhausted(attempts) {
            self.bury(now, entry, DeadCause::Exhausted);
            return Some(NackOutcome::DeadLettered { attempts });
        }
        let delay = self.policy.backoff(attempts);
        let due = now + delay;
        if delay.is_zero() {
            self.put_ready(entry, now);
        } else {
            self.put_delayed(entry, due);
        }
        Some(NackOutcome::Retry { attempts, delay, due })
    }
}

impl Entry {
    /// One more failed delivery; returns how many there are now.
    pub(super) fn count_failure(&mut self, error: Option<&str>) -> u32 {
        self.queued.delivery_attempts = self.queued.delivery_attempts.saturating_add(1);
        self.queued.last_error = error.map(|text| trim_error(text).into_owned());
        self.queued.delivery_attempts
    }
}
