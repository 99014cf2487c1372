//! Delays.

use std::time::Duration;

use coord_resilience::{Backoff, Jitter, RetryPolicy};

use crate::support::secs;

#[test]
fn plain_delays_double_up_to_the_cap() {
    let delays = Backoff::new().with_jitter(Jitter::None).delays(1);
    let expected = [1, 2, 4, 8, 16, 32, 60, 60].map(secs);
    assert_eq!(delays.take(8).collect::<Vec<_>>(), expected);
    assert!(Backoff::constant(secs(3)).delays(9).take(5).all(|d| d == secs(3)));
}

#[test]
fn each_jitter_fills_its_range() {
    let spread = |jitter, low: Duration, high: Duration| {
        let backoff = Backoff::new().with_base(secs(8)).with_jitter(jitter);
        let first: Vec<_> = (0..2_000).filter_map(|seed| backoff.delays(seed).next()).collect();
        assert!(first.iter().all(|d| *d >= low && *d <= high), "{jitter:?}");
        let edge = (high - low) / 20;
        assert!(first.iter().any(|d| *d < low + edge) && first.iter().any(|d| *d > high - edge));
    };
    spread(Jitter::Full, secs(0), secs(8));
    spread(Jitter::Equal, secs(4), secs(8));
    spread(Jitter::Decorrelated, secs(8), secs(24));
}

#[test]
fn a_seed_repeats_and_no_seed_does_not() {
    let backoff = Backoff::new();
    let of = |seed| backoff.delays(seed).take(5).collect::<Vec<_>>();
    assert_eq!(of(3), of(3));
    assert_ne!(of(3), of(4));
    assert_ne!(backoff.into_iter().next(), backoff.into_iter().next());
}

#[test]
fn nonsense_is_refused() {
    for factor in [0.5, f64::NAN, f64::INFINITY] {
        let policy = RetryPolicy::new().with_backoff(Backoff::new().with_factor(factor));
        assert_eq!(policy.validate().unwrap_err().field, "factor");
    }
    assert!(RetryPolicy::new().with_deadline(secs(0)).validate().is_err());
}
