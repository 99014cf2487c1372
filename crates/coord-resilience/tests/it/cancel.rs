//! Dropping at every point.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use coord_resilience::{CircuitBreakerConfig, Retry, RetryPolicy, State, clock::ManualClock};

use crate::support::{breaker, fail, poll_once, secs};

/// Waits `n` times, then is ready.
fn waits(n: u32) -> impl Future<Output = Result<(), ()>> {
    let mut left = n;
    poll_fn(move |_| {
        left = match left.checked_sub(1) {
            Some(left) => left,
            None => return Poll::Ready(Ok(())),
        };
        Poll::Pending
    })
}

#[test]
fn a_probe_dropped_at_any_await_gives_its_place_back() {
    let config = CircuitBreakerConfig::new()
        .with_failure_threshold(1)
        .with_half_open_max_calls(1)
        .with_success_threshold(1);
    let (b, clock) = breaker(config);
    fail(&b).unwrap_err();
    clock.advance(secs(60));
    for polls in 0..=5 {
        let mut call = Box::pin(b.call(|| waits(5)));
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..polls {
            assert!(call.as_mut().poll(&mut cx).is_pending());
        }
        if polls > 0 {
            assert!(b.try_acquire().is_err(), "the only place is taken");
        }
        drop(call);
        let again = b.try_acquire().expect("the place is free");
        again.release();
        assert_eq!(b.state(), State::HalfOpen);
    }
    let mut call = pin!(b.call(|| waits(5)));
    let mut cx = Context::from_waker(Waker::noop());
    while call.as_mut().poll(&mut cx).is_pending() {}
    assert_eq!(b.state(), State::Closed);
}

#[test]
fn a_probe_dropped_late_opens_again() {
    let (b, clock) = breaker(CircuitBreakerConfig::new().with_failure_threshold(1));
    fail(&b).unwrap_err();
    clock.advance(secs(60));
    let mut call: Pin<Box<_>> = Box::pin(b.call(std::future::pending::<Result<(), ()>>));
    assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    clock.advance(secs(5));
    drop(call);
    assert_eq!(b.state(), State::Open, "a hanging probe is a failed probe");
}

#[test]
fn an_unpolled_call_is_no_call() {
    let (b, _) = breaker(CircuitBreakerConfig::new());
    drop(b.call(|| waits(1)));
    assert_eq!(b.metrics().total_calls, 0);
}

#[test]
fn a_retried_probe_dropped_gives_its_place_back() {
    let config = CircuitBreakerConfig::new().with_failure_threshold(1).with_half_open_max_calls(2);
    let (b, clock) = breaker(config);
    fail(&b).unwrap_err();
    clock.advance(secs(60));
    let retry = Retry::with_sleeper(RetryPolicy::new(), ManualClock::new())
        .unwrap()
        .with_clock(clock)
        .with_breaker(b.clone());
    for _ in 0..10 {
        assert!(poll_once(retry.run(|_| waits(1))).is_pending());
    }
    let places: Vec<_> = (0..2).map(|_| b.try_acquire().unwrap()).collect();
    assert_eq!(places.len(), 2);
}
