//! The pure state machine.

use coord_resilience::breaker::{Cause, Machine, Outcome};
use coord_resilience::{CircuitBreakerConfig, State};

use crate::support::{ms, secs};

fn opened(config: CircuitBreakerConfig) -> Machine {
    let mut m = Machine::new(config.with_failure_threshold(1), 7).unwrap();
    let t = m.try_acquire(secs(0)).unwrap();
    assert!(m.record(secs(0), t, Outcome::FAILURE, false));
    m
}

#[test]
fn a_lapsed_probe_counts_as_failed_so_half_open_never_sticks() {
    let config = CircuitBreakerConfig::new().with_half_open_max_calls(2);
    let mut m = opened(config);
    let lost = m.try_acquire(secs(60)).unwrap();
    let other = m.try_acquire(secs(100)).unwrap();
    assert!(m.try_acquire(secs(300)).is_err());
    let refusal = m.try_acquire(secs(360)).unwrap_err();
    assert_eq!((m.state(), refusal.retry_after), (State::Open, Some(secs(60))));
    assert_eq!(m.transitions().next_back().unwrap().cause, Cause::ProbeLapsed);
    assert!(!m.record(secs(361), lost, Outcome::Success, false));
    assert!(!m.record(secs(361), other, Outcome::Success, false));
    let a = m.try_acquire(secs(420)).unwrap();
    let b = m.try_acquire(secs(420)).unwrap();
    m.record(secs(420), a, Outcome::Success, false);
    m.record(secs(420), b, Outcome::Success, false);
    assert_eq!(m.state(), State::Closed);
}

#[test]
fn an_ignored_probe_gives_its_place_back_and_decides_nothing() {
    let mut m =
        opened(CircuitBreakerConfig::new().with_half_open_max_calls(1).with_success_threshold(1));
    for i in 0..100 {
        let t = m.try_acquire(secs(60 + i)).unwrap();
        assert!(m.try_acquire(secs(60 + i)).is_err());
        m.record(secs(60 + i), t, Outcome::Ignore, false);
        assert!(!m.record(secs(60 + i), t, Outcome::Success, false), "only once");
    }
    assert_eq!(m.state(), State::HalfOpen);
}

#[test]
fn an_ignored_call_of_closed_gives_no_half_open_place() {
    let mut m = Machine::new(CircuitBreakerConfig::new().with_failure_threshold(1), 1).unwrap();
    let old = m.try_acquire(secs(0)).unwrap();
    let t = m.try_acquire(secs(0)).unwrap();
    m.record(secs(0), t, Outcome::FAILURE, false);
    let _probes: Vec<_> = (0..3).map(|_| m.try_acquire(secs(60)).unwrap()).collect();
    assert!(!m.record(secs(60), old, Outcome::Ignore, false));
    assert!(m.try_acquire(secs(60)).is_err());
}

#[test]
fn half_open_can_tolerate_failures() {
    let mut m = opened(CircuitBreakerConfig::new().with_half_open_failures(1));
    for (outcome, state) in [
        (Outcome::FAILURE, State::HalfOpen),
        (Outcome::Success, State::HalfOpen),
        (Outcome::FAILURE, State::Open),
    ] {
        let t = m.try_acquire(secs(60)).unwrap();
        m.record(secs(60), t, outcome, false);
        assert_eq!(m.state(), state);
    }
}

#[test]
fn repeated_opens_back_off_up_to_the_cap_and_start_over_after_closing() {
    let config =
        CircuitBreakerConfig::new().with_open_backoff(2.0, secs(200)).with_success_threshold(1);
    let mut m = opened(config);
    let mut now = secs(0);
    for expected in [60, 120, 200, 200] {
        assert_eq!(m.retry_after(now), Some(secs(expected)));
        now += secs(expected);
        let t = m.try_acquire(now).unwrap();
        m.record(now, t, Outcome::FAILURE, false);
    }
    now += secs(200);
    let t = m.try_acquire(now).unwrap();
    m.record(now, t, Outcome::Success, false);
    let t = m.try_acquire(now).unwrap();
    m.record(now, t, Outcome::FAILURE, false);
    assert_eq!(m.retry_after(now), Some(secs(60)));
}

#[test]
fn open_jitter_only_shortens() {
    let config = CircuitBreakerConfig::new().with_failure_threshold(1).with_open_jitter(0.5);
    let mut seen = std::collections::HashSet::new();
    for seed in 0..100 {
        let mut m = Machine::new(config.clone(), seed).unwrap();
        let t = m.try_acquire(secs(0)).unwrap();
        m.record(secs(0), t, Outcome::FAILURE, false);
        let open = m.retry_after(secs(0)).unwrap();
        assert!(open <= secs(60) && open >= secs(30), "{open:?}");
        seen.insert(open);
    }
    assert!(seen.len() > 90);
}

#[test]
fn a_hint_opens_at_once_and_for_its_time() {
    let mut m = Machine::new(CircuitBreakerConfig::new(), 1).unwrap();
    let t = m.try_acquire(secs(0)).unwrap();
    m.record(secs(0), t, Outcome::Failure { open_for: Some(ms(1500)) }, false);
    assert_eq!(m.retry_after(secs(0)), Some(ms(1500)));
    let forever = Outcome::Failure { open_for: Some(std::time::Duration::MAX) };
    let t = m.try_acquire(secs(2)).unwrap();
    m.record(secs(2), t, forever, false);
    assert_eq!(m.retry_after(secs(2)), Some(secs(24 * 3600)), "hints are capped");
}

#[test]
fn a_clock_that_stands_still_or_jumps_does_no_harm() {
    let mut m = opened(CircuitBreakerConfig::new());
    assert!(m.try_acquire(std::time::Duration::MAX).is_ok(), "at the end of time");
    let mut m = opened(CircuitBreakerConfig::new());
    m.settle(secs(1000));
    assert!(m.try_acquire(secs(1)).is_err(), "an older time is taken as it is");
}
