//! What must not allocate, counted.

use allocation_counter::measure;
use coord_resilience::{CircuitBreaker, CircuitBreakerConfig, Retry, RetryPolicy};

use crate::support::{breaker, fail, ok, poll_once};

/// Allocations of the second run; the first may set up the thread.
fn allocations(mut f: impl FnMut()) -> u64 {
    f();
    measure(f).count_total
}

#[test]
fn permitted_calls_allocate_nothing() {
    let b = CircuitBreaker::new("a:name:that:is:not:short:at:all", CircuitBreakerConfig::new())
        .unwrap();
    assert_eq!(allocations(|| ok(&b).unwrap()), 0);
    assert_eq!(allocations(|| b.try_acquire().unwrap().success()), 0);
    assert_eq!(
        allocations(|| assert!(poll_once(b.call(|| async { Ok::<_, ()>(1) })).is_ready())),
        0
    );
}

#[test]
fn failures_and_rejections_allocate_nothing() {
    let (b, _) = breaker(CircuitBreakerConfig::new().with_failure_threshold(100));
    assert_eq!(allocations(|| drop(fail(&b))), 0);
    while fail(&b).is_err() && b.state() != coord_resilience::State::Open {}
    assert_eq!(allocations(|| drop(ok(&b))), 0);
}

#[test]
fn a_first_try_success_allocates_nothing() {
    let retry = Retry::new(RetryPolicy::new()).unwrap();
    assert_eq!(
        allocations(|| assert!(poll_once(retry.run(|_| async { Ok::<_, ()>(1) })).is_ready())),
        0
    );
    let retry = Retry::blocking(RetryPolicy::new()).unwrap();
    assert_eq!(allocations(|| assert_eq!(retry.run_blocking(|_| Ok::<_, ()>(1)), Ok(1))), 0);
    // The counter itself works.
    assert!(allocations(|| drop(Box::new(1))) > 0);
}
