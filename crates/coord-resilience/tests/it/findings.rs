//! The failures of peers (F1 to F5, F9) that this crate must not have.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use coord_resilience::breaker::{
    Acquired, BreakerName, BreakerStore, FleetPolicy, InMemoryBreakerStore, InstanceId, LeaseId,
    Outcome, Rates, Version, Vote, WindowConfig,
};
use coord_resilience::clock::{Clock, ManualClock, TokioClock};
use coord_resilience::retry::Reason;
use coord_resilience::{
    Backoff, CircuitBreaker, CircuitBreakerConfig, Jitter, Retry, RetryPolicy, State,
};

use crate::support::{breaker, fail, ms, ok, secs};

/// F1: calls that hang behind the caller's time-out are counted, and open the breaker.
#[tokio::test(start_paused = true)]
async fn f1_hanging_calls_open_the_breaker() {
    let config = CircuitBreakerConfig::new().with_slow_threshold(ms(50));
    let clock = Arc::new(TokioClock::new());
    let b = CircuitBreaker::with_clock("hang", config, clock, 1).unwrap();
    let mut reached = 0;
    for _ in 0..300 {
        let call = b.call(|| {
            reached += 1;
            std::future::pending::<Result<(), ()>>()
        });
        let _ = tokio::time::timeout(ms(100), call).await;
    }
    assert_eq!(reached, 5, "after five hangs the rest is rejected");
    let m = b.metrics();
    assert_eq!((m.failed_calls, m.slow_calls, m.abandoned_calls), (5, 5, 5));
    assert_eq!((m.rejected_calls, b.state()), (295, State::Open));
}

/// F1: and cancellations before the threshold are harmless.
#[tokio::test(start_paused = true)]
async fn f1_early_cancellations_are_neutral() {
    let config = CircuitBreakerConfig::new().with_slow_threshold(ms(50));
    let clock = Arc::new(TokioClock::new());
    let b = CircuitBreaker::with_clock("cancel", config, clock, 1).unwrap();
    for _ in 0..300 {
        let call = b.call(std::future::pending::<Result<(), ()>>);
        let _ = tokio::time::timeout(ms(10), call).await;
    }
    assert_eq!((b.state(), b.metrics().failed_calls), (State::Closed, 0));
    assert_eq!((b.metrics().ignored_calls, b.metrics().abandoned_calls), (300, 300));
}

/// F1: panics are failures, async and blocking.
#[tokio::test]
async fn f1_panics_are_failures() {
    let (b, _) = breaker(CircuitBreakerConfig::new().with_failure_threshold(4));
    for _ in 0..2 {
        let blocking = || b.call_blocking(|| -> Result<(), ()> { panic!("expected by the test") });
        assert!(catch_unwind(AssertUnwindSafe(blocking)).is_err());
        let other = b.clone();
        let task = tokio::spawn(async move {
            let op =
                || async { if true { panic!("expected by the test") } else { Ok::<(), ()>(()) } };
            other.call(op).await
        });
        assert!(task.await.unwrap_err().is_panic());
    }
    assert_eq!((b.metrics().failed_calls, b.state()), (4, State::Open));
}

/// F2: a window that slides: 10 000 successes are forgotten after 100 calls.
#[test]
fn f2_the_count_window_slides() {
    let window = WindowConfig::Count { size: 100, rates: Rates::new() };
    let (b, _) = breaker(CircuitBreakerConfig::new().with_window(window));
    for _ in 0..10_000 {
        ok(&b).unwrap();
    }
    let mut failures = 0;
    while fail(&b).is_err() && b.state() == State::Closed {
        failures += 1;
    }
    assert_eq!(failures + 1, 50, "half of the last hundred");
}

/// F3: a result of the CLOSED era does not close HALF_OPEN, nor open it.
#[test]
fn f3_late_results_are_ignored() {
    for late in [Outcome::Success, Outcome::FAILURE] {
        let config =
            CircuitBreakerConfig::new().with_failure_threshold(1).with_success_threshold(1);
        let (b, clock) = breaker(config);
        let old = b.try_acquire().unwrap();
        fail(&b).unwrap_err();
        clock.advance(secs(60));
        let probe = b.try_acquire().unwrap();
        assert!(probe.is_probe());
        old.record(late);
        assert_eq!((b.state(), b.metrics().late_results), (State::HalfOpen, 1));
        probe.success();
        assert_eq!(b.state(), State::Closed);
    }
}

/// F4: HALF_OPEN admits exactly its number of probes at once.
#[tokio::test(start_paused = true)]
async fn f4_half_open_does_not_flood() {
    let config = CircuitBreakerConfig::new()
        .with_failure_threshold(1)
        .with_half_open_max_calls(1)
        .with_success_threshold(1);
    let (b, clock) = breaker(config);
    fail(&b).unwrap_err();
    clock.advance(secs(60));
    let mut tasks = Vec::new();
    for _ in 0..1000 {
        let b = b.clone();
        tasks.push(tokio::spawn(async move {
            b.call(|| async {
                tokio::time::sleep(ms(20)).await;
                Ok::<_, ()>(())
            })
            .await
        }));
    }
    let mut passed = 0;
    for task in tasks {
        passed += u32::from(task.await.unwrap().is_ok());
    }
    assert_eq!(passed, 1);
}

/// F5: a prober that dies does not wedge the fleet, however much traffic is refused.
#[tokio::test]
async fn f5_a_cancelled_probe_does_not_wedge_the_fleet() {
    let clock = ManualClock::new();
    let store = InMemoryBreakerStore::new(Arc::new(clock.clone()));
    let name = BreakerName::parse("fleet").unwrap();
    let policy = FleetPolicy {
        quorum: 1,
        vote_ttl: secs(60),
        open_for: secs(1),
        half_open_max_calls: 1,
        success_threshold: 1,
        probe_lease: secs(3),
    };
    let vote = Vote { voter: InstanceId(1), seen: Version::NONE, open_for: secs(1) };
    store.vote(&name, &vote, &policy).await.unwrap();
    clock.advance(secs(1));
    let first = store.acquire(&name, LeaseId(0), &policy).await.unwrap();
    assert!(matches!(first, Acquired::Granted(_)));
    // Nobody ever reports; every 50 ms somebody asks.
    let mut refused = 0;
    let begin = clock.now();
    while let Acquired::Refused(_) = store.acquire(&name, LeaseId(1), &policy).await.unwrap() {
        refused += 1;
        clock.advance(ms(50));
        assert!(clock.now() - begin <= secs(3), "wedged after {refused} refusals");
    }
    assert_eq!(refused, 60, "free exactly when the lease ends");
}

/// F9: the cap holds after jitter, also below the base.
#[test]
fn f9_the_cap_holds_after_jitter() {
    for jitter in [Jitter::Full, Jitter::Equal, Jitter::Decorrelated, Jitter::None] {
        for (base, cap) in [(secs(1), secs(10)), (secs(5), secs(1)), (secs(1), Duration::MAX)] {
            let backoff = Backoff::new().with_base(base).with_cap(cap).with_jitter(jitter);
            for seed in 0..50 {
                assert!(backoff.delays(seed).take(200).all(|d| d <= cap), "{jitter:?} seed {seed}");
            }
        }
    }
}

/// F9: the deadline counts the attempts too and nothing overflows.
#[test]
fn f9_the_deadline_includes_the_attempts() {
    let clock = ManualClock::new();
    let policy = RetryPolicy::new()
        .with_max_retries(u32::MAX)
        .with_backoff(Backoff::constant(ms(1)))
        .with_deadline(ms(200));
    let retry = Retry::with_sleeper(policy, clock.clone()).unwrap().with_clock(clock.clone());
    let error = retry
        .run_blocking(|_| {
            clock.advance(ms(50));
            Err::<(), _>("slow failure")
        })
        .unwrap_err();
    assert_eq!((error.reason, error.attempts), (Reason::Deadline, 4));
    assert!(clock.now() <= ms(250), "not {:?}", clock.now());

    let huge = Backoff::new().with_base(Duration::MAX).with_cap(Duration::MAX);
    assert_eq!(huge.with_jitter(Jitter::None).delays(1).nth(99), Some(Duration::MAX));
    let policy = RetryPolicy::new()
        .with_backoff(huge.with_jitter(Jitter::None))
        .with_deadline(Duration::MAX);
    let retry = Retry::with_sleeper(policy, clock.clone()).unwrap().with_clock(clock);
    assert!(retry.run_blocking(|a| if a.number == 1 { Err(()) } else { Ok(()) }).is_err());
}
