//! Retrying.

use std::cell::RefCell;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use coord_resilience::clock::{Clock, ManualClock, TokioClock};
use coord_resilience::retry::Reason;
use coord_resilience::sleep::TokioSleeper;
use coord_resilience::{
    Backoff, CircuitBreaker, CircuitBreakerConfig, Class, Jitter, Retry, RetryBudget, RetryPolicy,
    State,
};

use crate::support::{breaker, fail, ms, secs};

fn plain() -> RetryPolicy {
    RetryPolicy::new().with_backoff(Backoff::new().with_jitter(Jitter::None))
}

/// A retry whose waits move the clock.
fn manual(policy: RetryPolicy) -> (Retry<ManualClock>, ManualClock) {
    let clock = ManualClock::new();
    let retry = Retry::with_sleeper(policy, clock.clone()).unwrap().with_clock(clock.clone());
    (retry, clock)
}

/// A retry in tokio's paused time.
fn paused(policy: RetryPolicy) -> Retry<TokioSleeper> {
    Retry::new(policy).unwrap().with_clock(TokioClock::new())
}

#[derive(Debug, thiserror::Error)]
#[error("busy {0}")]
struct Busy(u32);

#[test]
fn the_defaults_are_the_originals() {
    let (retry, clock) = manual(plain());
    let error = retry.run_blocking(|attempt| Err::<(), _>(Busy(attempt.number))).unwrap_err();
    assert_eq!((error.reason, error.attempts, error.timeouts), (Reason::Attempts, 4, 0));
    assert_eq!((error.elapsed, clock.now()), (secs(7), secs(7)), "1 + 2 + 4");
    assert_eq!(error.to_string(), "gave up after 4 attempts in 7s: no attempts are left");
    assert_eq!(error.source().unwrap().to_string(), "busy 4");
}

#[tokio::test(start_paused = true)]
async fn async_and_blocking_agree() {
    let retry = paused(plain());
    let (clock, seen) = (TokioClock::new(), RefCell::new(Vec::new()));
    let value = retry
        .run(|attempt| {
            seen.borrow_mut().push((attempt.number, attempt.last.map(|b: &Busy| b.0)));
            let number = attempt.number;
            async move { if number == 3 { Ok("done") } else { Err(Busy(number)) } }
        })
        .await
        .unwrap();
    assert_eq!((value, clock.now()), ("done", secs(3)));
    assert_eq!(seen.into_inner(), [(1, None), (2, Some(1)), (3, Some(2))]);
}

#[tokio::test]
async fn the_future_can_be_spawned() {
    let retry = Retry::new(plain()).unwrap();
    let breaker = CircuitBreaker::new("x", CircuitBreakerConfig::new()).unwrap();
    let task = tokio::spawn(async move {
        let retry = retry.with_breaker(breaker);
        retry
            .call(|_| async { Ok::<_, Busy>(1) })
            .when(|result| result.is_err().then_some(Class::Transient))
            .notify(|_| {})
            .run()
            .await
    });
    assert_eq!(task.await.unwrap().unwrap(), 1);
}

#[test]
fn classes_decide() {
    let (retry, clock) = manual(plain());
    let classify = |result: &Result<(), &str>| match result {
        Err("permanent") => Some(Class::Permanent),
        Err("wait") => Some(Class::Throttled { retry_after: Some(secs(30)) }),
        Err("too long") => Some(Class::Throttled { retry_after: Some(secs(301)) }),
        Err("busy") => Some(Class::Transient),
        _ => None,
    };
    let run = |error: &'static str| {
        let once = |a: coord_resilience::retry::Attempt<'_, _>| {
            if a.number == 1 { Err(error) } else { Ok(()) }
        };
        retry.call_blocking(once).when(classify).run_blocking()
    };
    assert_eq!(run("permanent").unwrap_err().reason, Reason::Permanent);
    assert_eq!(run("unknown").unwrap_err().reason, Reason::Permanent);
    assert_eq!(clock.now(), secs(0), "without a wait");
    run("wait").unwrap();
    assert_eq!(clock.now(), secs(30), "at least what was asked for");
    let error = run("too long").unwrap_err();
    assert_eq!((error.reason, error.retry_after), (Reason::RetryAfter, Some(secs(301))));
    run("busy").unwrap();
    assert_eq!(clock.now(), secs(31));
}

#[test]
fn values_can_be_retried_and_are_returned_in_the_end() {
    let (retry, _) = manual(plain());
    let pending = |result: &Result<u32, ()>| {
        result.as_ref().is_ok_and(|v| *v < 3).then_some(Class::Transient)
    };
    assert_eq!(retry.call_blocking(|a| Ok(a.number)).when(pending).run_blocking(), Ok(3));
    assert_eq!(retry.call_blocking(|_| Ok(0)).when(pending).run_blocking(), Ok(0));
}

#[test]
fn hooks_learn_of_every_wait() {
    let (retry, _) = manual(plain());
    let mut waits = Vec::new();
    let result = retry
        .call_blocking(|a| if a.number < 3 { Err(Busy(a.number)) } else { Ok(()) })
        .notify(|r| waits.push((r.attempts, r.delay, r.error.unwrap().0)))
        .run_blocking();
    assert!(result.is_ok());
    assert_eq!(waits, [(1, secs(1), 1), (2, secs(2), 2)]);
}

#[test]
fn a_wait_that_cannot_finish_is_not_begun() {
    let (retry, clock) = manual(plain().with_deadline(secs(3)));
    let error = retry.run_blocking(|_| Err::<(), _>(())).unwrap_err();
    assert_eq!((error.reason, error.attempts), (Reason::Deadline, 2));
    assert_eq!(clock.now(), secs(1), "1 s waited, 2 s more would end at the deadline");
}

#[tokio::test(start_paused = true)]
async fn the_deadline_cuts_a_hanging_attempt() {
    let retry = paused(plain().with_deadline(secs(3)));
    let clock = TokioClock::new();
    let error = retry
        .run(|a| {
            let number = a.number;
            async move {
                if number > 1 {
                    std::future::pending::<()>().await;
                }
                Err::<(), _>(Busy(number))
            }
        })
        .await
        .unwrap_err();
    assert_eq!((error.reason, error.attempts, error.timeouts), (Reason::Deadline, 2, 1));
    assert_eq!((clock.now(), error.last.unwrap().0), (secs(3), 1), "the last error is kept");
}

#[tokio::test(start_paused = true)]
async fn a_hanging_attempt_is_cut_and_retried() {
    let retry = paused(plain().with_attempt_timeout(ms(500)).with_max_retries(1));
    let clock = TokioClock::new();
    let hang = || std::future::pending::<Result<(), Busy>>();
    let error = retry.run(|_| hang()).await.unwrap_err();
    assert_eq!((error.reason, error.attempts, error.timeouts), (Reason::Attempts, 2, 2));
    assert!(error.last.is_none());
    assert_eq!(clock.now(), ms(2000));
}

#[test]
fn a_budget_dries_up_and_fills_again() {
    assert!(
        RetryBudget::with_costs(10, 11, 1).is_err() && RetryBudget::with_costs(0, 1, 1).is_err()
    );
    let budget = RetryBudget::with_costs(10, 4, 1).unwrap();
    let (retry, _) = manual(plain());
    let retry = retry.with_budget(budget.clone());
    let error = retry.run_blocking(|_| Err::<(), _>(())).unwrap_err();
    assert_eq!((error.reason, error.attempts, budget.tokens()), (Reason::Budget, 3, 2));
    let shared = retry.clone();
    assert_eq!(shared.run_blocking(|_| Err::<(), _>(())).unwrap_err().attempts, 1);
    for _ in 0..2 {
        shared.run_blocking(|_| Ok::<_, ()>(())).unwrap();
    }
    assert_eq!(budget.tokens(), 4);
    shared.run_blocking(|a| if a.number == 1 { Err(()) } else { Ok(()) }).unwrap();
    assert_eq!(budget.tokens(), 4, "a retry that succeeds is refunded");
    for _ in 0..20 {
        shared.run_blocking(|_| Ok::<_, ()>(())).unwrap();
    }
    assert_eq!(budget.tokens(), 10, "never above the capacity");
}

#[test]
fn an_open_breaker_is_no_attempt() {
    let clock = ManualClock::new();
    let config = CircuitBreakerConfig::new().with_failure_threshold(1).with_success_threshold(1);
    let b = CircuitBreaker::with_clock("dep", config, Arc::new(clock.clone()), 1).unwrap();
    let with = |policy: RetryPolicy| {
        let retry = Retry::with_sleeper(policy, clock.clone()).unwrap();
        retry.with_clock(clock.clone()).with_breaker(b.clone())
    };
    fail(&b).unwrap_err();
    let error = with(plain()).run_blocking(|_| Ok::<_, ()>(())).unwrap_err();
    assert_eq!((error.reason, error.attempts), (Reason::Circuit, 0));
    assert_eq!(error.retry_after, Some(secs(60)));
    let error = with(plain().with_deadline(secs(60))).run_blocking(|_| Ok::<_, ()>(()));
    assert_eq!(error.unwrap_err().reason, Reason::Circuit, "would not end in time");
    assert_eq!(clock.now(), secs(0));
    let number = with(plain().with_deadline(secs(61))).run_blocking(|a| Ok::<_, ()>(a.number));
    assert_eq!((number, clock.now(), b.state()), (Ok(1), secs(60), State::Closed));
}

#[test]
fn the_breaker_sees_every_attempt_but_no_permanent_error() {
    let (b, _) = breaker(CircuitBreakerConfig::new());
    let (retry, _) = manual(plain());
    let retry = retry.with_breaker(b.clone());
    let permanent = |_: &Result<(), ()>| Some(Class::Permanent);
    retry.call_blocking(|_| Err(())).when(permanent).run_blocking().unwrap_err();
    assert_eq!((b.metrics().failed_calls, b.metrics().ignored_calls), (0, 1));
    retry.run_blocking(|_| Err::<(), _>(())).unwrap_err();
    assert_eq!(b.metrics().failed_calls, 4);
}

#[test]
fn seeds_make_runs_repeatable() {
    let times = |seed| {
        let (retry, clock) = manual(RetryPolicy::new());
        retry.with_seed(seed).run_blocking(|_| Err::<(), _>(())).unwrap_err();
        clock.now()
    };
    assert_eq!(times(1), times(1));
    assert_ne!(times(1), times(2));
    assert!(times(3) <= Duration::from_secs(7));
}
