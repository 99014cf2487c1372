//! What a mailbox hands out: everything that is ready, nothing, or so much in a time.

use std::time::Duration;

use crate::error::InvalidInput;
use crate::time::micros;

/// How fast a mailbox hands out messages, whoever consumes it.
///
/// On average one every `interval`; up to `burst` at once after a pause. Counted by the generic
/// cell rate algorithm (ITU-T I.371), which keeps one number and never more than it allows.
///
/// # Defaults
/// `burst`: 1, an even flow.
///
/// ```
/// use coord_core::RateLimit;
/// use std::time::Duration;
///
/// // What a provider allows: 60 calls a minute, ten of them at once.
/// let limit = RateLimit::new(60, Duration::from_secs(60))?.with_burst(10)?;
/// assert_eq!(limit.interval(), Duration::from_secs(1));
/// # Ok::<(), coord_core::InvalidInput>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RateLimit {
    interval: u64,
    burst: u32,
}

impl RateLimit {
    /// The most messages at once.
    pub const MAX_BURST: u32 = 1_000_000;
    /// The longest time from one message to the next.
    pub const MAX_INTERVAL: Duration = Duration::from_secs(86_400);

    /// `messages` in every `per`.
    ///
    /// # Errors
    /// [`InvalidInput`] about `rate limit` if that is none, more than one a microsecond, or less
    /// than one a day.
    pub fn new(messages: u32, per: Duration) -> Result<Self, InvalidInput> {
        let interval = micros(per).checked_div(u64::from(messages)).unwrap_or_default();
        if (1..=micros(Self::MAX_INTERVAL)).contains(&interval) {
            return Ok(Self { interval, burst: 1 });
        }
        let problem = format!("{messages} in {per:?}, one a microsecond to one a day are allowed");
        Err(InvalidInput::new("rate limit", problem))
    }

    /// The same with so many at once after a pause.
    ///
    /// # Errors
    /// [`InvalidInput`] about `burst` outside 1 to [`RateLimit::MAX_BURST`].
    pub fn with_burst(mut self, messages: u32) -> Result<Self, InvalidInput> {
        if !(1..=Self::MAX_BURST).contains(&messages) {
            let problem = format!("{messages}, 1 to {} are allowed", Self::MAX_BURST);
            return Err(InvalidInput::new("burst", problem));
        }
        self.burst = messages;
        Ok(self)
    }

    /// From one message to the next.
    pub const fn interval(&self) -> Duration {
        Duration::from_micros(self.interval)
    }

    /// How many at once after a pause.
    pub const fn burst(&self) -> u32 {
        self.burst
    }
}

/// Whether a mailbox hands out messages. Sending to it is not affected.
///
/// # Defaults
/// Open: not paused, no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gate {
    /// Nothing is handed out until it is resumed.
    pub is_paused: bool,
    /// No more than this.
    pub rate: Option<RateLimit>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_rates_are_named() {
        let day = Duration::from_secs(86_400);
        for (messages, per) in
            [(0, day), (1, Duration::ZERO), (3, Duration::from_micros(2)), (1, day * 2)]
        {
            assert_eq!(RateLimit::new(messages, per).unwrap_err().field(), "rate limit");
        }
        let even = RateLimit::new(2, day).unwrap();
        assert_eq!((even.interval(), even.burst()), (day / 2, 1));
        assert_eq!(even.with_burst(0).unwrap_err().field(), "burst");
        assert_eq!(even.with_burst(1_000_001).unwrap_err().field(), "burst");
    }
}
