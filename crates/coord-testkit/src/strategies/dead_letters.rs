//! Dead letters.

use std::time::Duration;

use coord_core::{
    DeadBody, DeadLetter, DeadMatches, DeadSelection, MessageType, RedriveRate, Timestamp,
};
use proptest::prelude::*;

use super::*;

/// Selections of dead messages: of each condition none, or one that some messages fit.
pub fn dead_selections() -> impl Strategy<Value = DeadSelection> {
    let rare = || prop::option::weighted(0.3, 0..5u32);
    let (what, when) = ((rare(), rare(), rare()), (rare(), rare(), rare()));
    (what, when).prop_map(|((kind, error, attempts), (from, before, age))| {
        let at = |n: u32| Timestamp::from_micros(u64::from(n));
        let mut it = DeadSelection::all();
        if let Some(n) = kind {
            it = it.with_type(MessageType::ALL[n as usize % 3]);
        }
        if let Some(n) = error {
            it = it.with_error(n.to_string());
        }
        if let Some(n) = attempts {
            it = it.with_attempts(n..=n + 2);
        }
        if let Some(n) = from {
            it = it.with_died_from(at(n));
        }
        if let Some(n) = before {
            it = it.with_died_before(at(n + 1));
        }
        match age {
            Some(n) => it.with_older_than(Duration::from_micros(u64::from(n))),
            None => it,
        }
    })
}

/// Rates of a redrive.
pub fn redrive_rates() -> impl Strategy<Value = RedriveRate> {
    (1..=RedriveRate::MAX_PER_SECOND)
        .prop_map(|n| RedriveRate::per_second(n).expect("inside the bounds"))
}

/// What lies in a dead-letter queue, readable and not.
pub fn dead_bodies() -> impl Strategy<Value = DeadBody> {
    prop_oneof![
        queue_messages().prop_map(|queued| DeadBody::Message(Box::new(queued))),
        (".{0,20}", ".{1,20}").prop_map(|(raw, reason)| DeadBody::Unreadable { raw, reason }),
    ]
}

/// Dead letters, readable and not.
pub fn dead_letters() -> impl Strategy<Value = DeadLetter> {
    (dead_bodies(), prop::option::of(timestamps()))
        .prop_map(|(body, died_at)| DeadLetter { body, died_at })
}

/// Pages of dead letters with their counts: no more letters than there are.
pub fn dead_matches() -> impl Strategy<Value = DeadMatches> {
    let letters = prop::collection::vec(dead_letters(), 0..4);
    (letters, prop::collection::vec(dead_letters(), 0..2)).prop_map(|(shown, further)| {
        let readable = shown.iter().chain(&further).filter(|it| it.message().is_some()).count();
        let total = shown.len() + further.len();
        DeadMatches { total: total as u64, readable: readable as u64, letters: shown }
    })
}
