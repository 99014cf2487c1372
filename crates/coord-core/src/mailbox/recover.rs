//! Taking expired reservations back.

use super::state::{Due, Reservation};
use super::{DeadCause, Mailbox};
use crate::failure::VISIBILITY_TIMEOUT_EXPIRED;
use crate::policy::ExpiryPolicy;
use crate::time::Timestamp;

impl Mailbox {
    /// Works off everything that fell due; returns how many reservations had expired.
    pub fn recover(&mut self, now: Timestamp) -> u64 {
        let mut recovered = 0;
        while let Some(due) = self.take_due(now) {
            recovered += u64::from(matches!(due, Due::Reservation(_)));
            self.work_off(now, due);
        }
        recovered
    }

    /// Works off one timer.
    pub(super) fn work_off(&mut self, now: Timestamp, due: Due) {
        match due {
            Due::Delay(entry, due) => self.put_ready(entry, due),
            Due::Reservation(reservation) => self.take_back(now, reservation),
            Due::Expiry => {}
        }
    }

    /// One expired reservation: back to ready, or dead if it counts and was the last attempt.
    fn take_back(&mut self, now: Timestamp, reservation: Reservation) {
        if reservation.is_over(now) {
            return;
        }
        let mut entry = reservation.entry;
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
