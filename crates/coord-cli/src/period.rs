//! Durations as people write them: `500ms`, `5s`, `2m`.

use std::str::FromStr;
use std::time::Duration;

use coord_core::InvalidInput;

/// A duration written as a whole number and a unit: `ms`, `s`, `m`, `h` or `d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Period(pub(crate) Duration);

const UNITS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

impl FromStr for Period {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let factor = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor);
        let millis = match (number.parse::<u64>(), factor) {
            (Ok(number), Some(factor)) => number.checked_mul(factor),
            (Err(_), Some(_)) if digits > 0 => None,
            _ => {
                let problem = format!(
                    "{text:?} is not a whole number and one of ms, s, m, h, d, for example 500ms"
                );
                return Err(InvalidInput::new("duration", problem));
            }
        };
        let too_long = || {
            let limit = u64::MAX / UNITS[4].1;
            InvalidInput::new("duration", format!("{text:?} is too long, at most {limit}d"))
        };
        Ok(Self(Duration::from_millis(millis.ok_or_else(too_long)?)))
    }
}

/// `duration` for people, with at most one digit after the point: `350ms`, `4.2s`, `12m`, `3.5h`.
pub(crate) fn for_people(duration: Duration) -> String {
    let millis = duration.as_millis();
    let [_, second, minute, hour, day] = UNITS.map(|(_, factor)| u128::from(factor));
    let (unit, name) = match millis {
        _ if millis < second => return format!("{millis}ms"),
        _ if millis < 2 * minute => (second, "s"),
        _ if millis < 2 * hour => (minute, "m"),
        _ if millis < 2 * day => (hour, "h"),
        _ => (day, "d"),
    };
    match (millis / unit, millis % unit * 10 / unit) {
        (whole, 0) => format!("{whole}{name}"),
        (whole, tenth) => format!("{whole}.{tenth}{name}"),
    }
}

#[cfg(test)]
mod tests;
