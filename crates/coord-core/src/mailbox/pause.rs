//! Holding messages back: not at all, all of them, or as a rate allows.

use super::Mailbox;
use crate::gate::{Gate, RateLimit};
use crate::time::{Timestamp, micros};

/// The gate of a mailbox, and when the next message would be due at the even rate.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct GateState {
    pub(super) gate: Gate,
    next_due: u64,
}

impl Mailbox {
    /// Hands out nothing any more; false if it was paused already. What is reserved stays so, and
    /// sends are taken.
    pub fn pause(&mut self) -> bool {
        !std::mem::replace(&mut self.gate.gate.is_paused, true)
    }

    /// Hands out messages again; false if it was not paused.
    pub fn resume(&mut self) -> bool {
        std::mem::take(&mut self.gate.gate.is_paused)
    }

    /// Hands out no more than this, or with `None` as much as there is. Starts with a full burst.
    pub fn limit_rate(&mut self, rate: Option<RateLimit>) {
        self.gate.gate.rate = rate;
        self.gate.next_due = 0;
    }

    /// What it hands out.
    pub const fn gate(&self) -> Gate {
        self.gate.gate
    }

    /// When the gate opens by itself, if only a rate holds back what is ready.
    pub fn opens_at(&self, now: Timestamp) -> Option<Timestamp> {
        let rate = self.gate.gate.rate.filter(|_| !self.gate.gate.is_paused)?;
        self.ready_levels().next()?;
        let ahead = micros(rate.interval()) * u64::from(rate.burst() - 1);
        let at = self.gate.next_due.saturating_sub(ahead);
        (at > now.as_micros()).then(|| Timestamp::from_micros(at))
    }

    /// Whether one more may be handed out.
    pub(super) fn is_open(&self, now: Timestamp) -> bool {
        let GateState { gate, next_due } = self.gate;
        !gate.is_paused
            && gate.rate.is_none_or(|rate| {
                let ahead = micros(rate.interval()) * u64::from(rate.burst() - 1);
                next_due <= now.as_micros() + ahead
            })
    }

    /// One was handed out.
    pub(super) fn count_passed(&mut self, now: Timestamp) {
        let GateState { gate, next_due } = &mut self.gate;
        if let Some(rate) = gate.rate {
            *next_due = (*next_due).max(now.as_micros()) + micros(rate.interval());
        }
    }
}
