//! Making histories.

use std::num::NonZeroU32;
use std::time::Duration;

use coord_core::{ExpiryPolicy, MailboxPolicy};
use proptest::prelude::*;
use proptest::sample::select;

use super::{History, Op, Pick};
use crate::strategies::{failure_types, priorities};

/// The most steps of a history.
const STEPS: usize = 60;

/// How far apart points in time are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// Milliseconds to minutes, and time passes: for a clock that moves only when it is told to.
    Virtual,
    /// None or an hour, and nobody waits: for a real server.
    Standing,
}

impl Span {
    fn any(self) -> impl Strategy<Value = Duration> + Clone {
        let seconds = Duration::from_secs;
        select(match self {
            Self::Virtual => vec![
                Duration::ZERO,
                Duration::ZERO,
                Duration::from_micros(1),
                Duration::from_millis(10),
                seconds(1),
                seconds(2),
                seconds(60),
            ],
            Self::Standing => vec![Duration::ZERO, Duration::ZERO, seconds(3_600)],
        })
    }

    fn some(self) -> impl Strategy<Value = Option<Duration>> + Clone {
        // Most messages have no such wish; zero is not a valid one.
        prop_oneof![
            4 => Just(None),
            1 => self.any().prop_map(|span| (!span.is_zero()).then_some(span)),
        ]
    }
}

/// Histories of up to 60 steps under random policies, shrinking to shorter ones.
pub fn histories(span: Span) -> impl Strategy<Value = History> {
    (policies(span), prop::collection::vec(ops(span), 1..=STEPS))
        .prop_map(|(policy, ops)| History { policy, ops })
}

fn policies(span: Span) -> impl Strategy<Value = MailboxPolicy> {
    let expiry = select(vec![ExpiryPolicy::CountAttempt, ExpiryPolicy::KeepAttempts]);
    let backoff = (span.any(), select(vec![1.0, 1.5, 2.0]));
    let guard = prop_oneof![2 => Just(None), 1 => (1..5u32).prop_map(NonZeroU32::new)];
    (1..12u64, 0..4u32, backoff, expiry, guard).prop_map(
        |(size, retries, (base, factor), expiry, guard)| {
            MailboxPolicy::new()
                .with_queue_size(size)
                .with_retry_attempts(retries)
                .with_backoff(base, factor, base.saturating_mul(3))
                .with_expiry(expiry)
                .with_low_every(guard)
        },
    )
}

fn ops(span: Span) -> impl Strategy<Value = Op> {
    let pick = || (0..6u8).prop_map(Pick);
    let again = prop_oneof![3 => Just(false), 1 => Just(true)];
    let wait = match span {
        Span::Virtual => 3,
        Span::Standing => 0,
    };
    let send = (priorities(), again, span.any(), span.some(), span.some()).prop_map(
        |(priority, again, delay, expires_in, dedup_window)| Op::Send {
            priority,
            again,
            delay,
            expires_in,
            dedup_window,
        },
    );
    let nack = (pick(), failure_types(), any::<bool>())
        .prop_map(|(pick, failure, says_why)| Op::Nack { pick, failure, says_why });
    prop_oneof![
        8 => send,
        8 => span.any().prop_map(|visibility| Op::Receive { visibility }),
        2 => pick().prop_map(|pick| Op::Ack { pick }),
        3 => nack,
        2 => (pick(), span.any()).prop_map(|(pick, visibility)| Op::Extend { pick, visibility }),
        2 => pick().prop_map(|pick| Op::Release { pick }),
        1 => any::<bool>().prop_map(|everywhere| Op::Recover { everywhere }),
        1 => Just(Op::Look),
        wait => span.any().prop_map(|by| Op::Wait { by }),
    ]
}
