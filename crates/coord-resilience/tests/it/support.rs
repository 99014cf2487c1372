//! Shared by the tests.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use coord_resilience::clock::ManualClock;
use coord_resilience::{CallError, CircuitBreaker, CircuitBreakerConfig};

pub(crate) const fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A breaker on a clock that stands still.
pub(crate) fn breaker(config: CircuitBreakerConfig) -> (CircuitBreaker, ManualClock) {
    let clock = ManualClock::new();
    let breaker = CircuitBreaker::with_clock("test", config, Arc::new(clock.clone()), 1).unwrap();
    (breaker, clock)
}

pub(crate) fn ok(breaker: &CircuitBreaker) -> Result<(), CallError<&'static str>> {
    breaker.call_blocking(|| Ok(()))
}

pub(crate) fn fail(breaker: &CircuitBreaker) -> Result<(), CallError<&'static str>> {
    breaker.call_blocking(|| Err("test error"))
}

/// Polls once, then drops the future.
pub(crate) fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).as_mut().poll(&mut Context::from_waker(Waker::noop()))
}
