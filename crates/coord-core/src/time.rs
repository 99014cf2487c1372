//! Points in time as the Redis server counts them.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point in time: whole microseconds since the Unix epoch, in UTC.
///
/// Every deadline and score of a mailbox is one. It is never read from a clock in this crate:
/// adapters bring the time of the Redis server, tests bring whatever they like.
///
/// Arithmetic saturates, so that no policy can overflow a deadline into the past.
///
/// ```
/// use coord_core::Timestamp;
/// use std::time::Duration;
///
/// let start = Timestamp::from_micros(1_795_211_293_658_092);
/// assert_eq!(start.to_string(), "2026-11-20T21:48:13.658092+00:00");
/// assert_eq!((start + Duration::from_millis(1)).as_micros(), 1_795_211_293_659_092);
/// ```
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// The instant `micros` microseconds after the Unix epoch.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Time from `earlier` to `self`, zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// This instant plus `duration`, at most the end of time.
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros(duration)))
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        self.saturating_add(duration)
    }
}

/// The original's form: `YYYY-MM-DDTHH:MM:SS.ffffff+00:00`, without the fraction when it is zero.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0 / 1_000_000;
        let fraction = self.0 % 1_000_000;
        let (year, month, day) = civil_from_days(seconds / 86_400);
        let of_day = seconds % 86_400;
        let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if fraction != 0 {
            write!(f, ".{fraction:06}")?;
        }
        f.write_str("+00:00")
    }
}

/// Whole microseconds of `duration`, saturating at `u64::MAX`.
pub fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Year, month and day of a day count since 1970-01-01.
///
/// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`;
/// here for days that are not negative.
const fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_the_original_form() {
        let cases = [
            (0, "1970-01-01T00:00:00+00:00"),
            (951_782_400_000_001, "2000-02-29T00:00:00.000001+00:00"),
            (1_795_211_293_658_092, "2026-11-20T21:48:13.658092+00:00"),
            (4_107_542_399_000_000, "2100-02-28T23:59:59+00:00"),
            (4_107_542_400_000_000, "2100-03-01T00:00:00+00:00"),
        ];
        for (micros, text) in cases {
            assert_eq!(Timestamp::from_micros(micros).to_string(), text);
        }
    }

    #[test]
    fn arithmetic_saturates() {
        let end = Timestamp::from_micros(u64::MAX);
        assert_eq!(end + Duration::MAX, end);
        assert_eq!(Timestamp::EPOCH.since(end), Duration::ZERO);
    }
}
