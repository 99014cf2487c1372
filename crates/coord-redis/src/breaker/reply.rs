//! Taking the reply of a breaker's script apart.

use std::time::Duration;

use coord_core::BackendError;
use coord_resilience::breaker::{FleetControl, FleetState, FleetView, Hold, Version};
use redis::Value;

use super::steps::hold_word;
use crate::error::unexpected;
use crate::reply::{list, number, text};

const WHAT: &str = "breaker";

/// The view, and whether the step counted.
pub(super) fn view(reply: Value) -> Result<(FleetView, bool), BackendError> {
    let items = list(WHAT, reply)?;
    let shown = format!("{items:?}");
    let items: [Value; 11] = items.try_into().map_err(|_| unexpected(WHAT, &shown))?;
    let [
        epoch,
        generation,
        state,
        open_for,
        votes,
        probes,
        hold,
        hold_left,
        reason,
        author,
        counted,
    ] = items;
    let epoch = text(WHAT, epoch)?.parse().map_err(|e| unexpected(WHAT, e))?;
    let version = Version { epoch, generation: number(WHAT, &generation)? };
    let state = match text(WHAT, state)?.as_str() {
        "closed" => FleetState::Closed,
        "open" => FleetState::Open,
        "half_open" => FleetState::HalfOpen,
        other => return Err(unexpected(WHAT, other)),
    };
    let control = match text(WHAT, hold)?.as_str() {
        "" => None,
        word => Some(FleetControl {
            hold: held(word).ok_or_else(|| unexpected(WHAT, word))?,
            remaining: match hold_left {
                Value::Int(left) if left < 0 => None,
                left => Some(Duration::from_micros(number(WHAT, &left)?)),
            },
            reason: text(WHAT, reason)?,
            author: text(WHAT, author)?,
        }),
    };
    let view = FleetView {
        version,
        state,
        open_for: Duration::from_micros(number(WHAT, &open_for)?),
        votes: count(&votes)?,
        probes: count(&probes)?,
        control,
    };
    Ok((view, number(WHAT, &counted)? == 1))
}

fn held(word: &str) -> Option<Hold> {
    let all = [Hold::ForcedOpen, Hold::Disabled, Hold::MetricsOnly];
    all.into_iter().find(|hold| hold_word(*hold) == word)
}

fn count(value: &Value) -> Result<u32, BackendError> {
    u32::try_from(number(WHAT, value)?).map_err(|_| unexpected(WHAT, value))
}
