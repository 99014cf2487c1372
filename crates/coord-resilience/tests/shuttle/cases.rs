//! What must hold in every interleaving. A failure prints the schedule that repeats it.

use std::sync::Arc;
use std::time::Duration;

use shuttle::sync::atomic::{AtomicU64, Ordering};
use shuttle::thread;

use crate::breaker::{CircuitBreaker, CircuitBreakerConfig, State};
use crate::clock::ManualClock;

/// A breaker that is due for probes.
fn due(probes: u32) -> CircuitBreaker {
    let clock = Arc::new(ManualClock::new());
    let config = CircuitBreakerConfig::new()
        .with_failure_threshold(1)
        .with_half_open_max_calls(probes)
        .with_success_threshold(1);
    let b = CircuitBreaker::with_clock("b", config, Arc::<ManualClock>::clone(&clock), 1).unwrap();
    b.try_acquire().unwrap().failure();
    clock.advance(Duration::from_secs(60));
    b
}

#[test]
fn exactly_n_probes_at_once_and_dropped_ones_return() {
    let case = || {
        let b = due(2);
        let out = Arc::new(AtomicU64::new(0));
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let (b, out) = (b.clone(), Arc::clone(&out));
                thread::spawn(move || {
                    if let Ok(permit) = b.try_acquire() {
                        assert!(out.fetch_add(1, Ordering::SeqCst) < 2, "more than two at once");
                        thread::yield_now();
                        out.fetch_sub(1, Ordering::SeqCst);
                        drop(permit);
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|t| t.join().unwrap());
        let (a, c) = (b.try_acquire().unwrap(), b.try_acquire().unwrap());
        assert!(b.try_acquire().is_err(), "both places have returned, and no more");
        drop((a, c));
        assert_eq!(b.state(), State::HalfOpen);
    };
    shuttle::check_random(case, RUNS);
    shuttle::check_pct(case, RUNS, 3);
}

#[test]
fn late_results_never_decide() {
    let case = || {
        let b = due(1);
        let late = {
            b.reset();
            let late = b.try_acquire_owned().unwrap();
            b.try_acquire().unwrap().failure();
            late
        };
        // Due again only by the operator's word; the clock stands still.
        b.control(State::HalfOpen, None);
        let probe = b.try_acquire_owned().unwrap();
        let racer = thread::spawn(move || late.success());
        let other = {
            let b = b.clone();
            thread::spawn(move || assert!(b.try_acquire().is_err(), "the place is taken"))
        };
        racer.join().unwrap();
        other.join().unwrap();
        assert_eq!(b.state(), State::HalfOpen);
        probe.success();
        assert_eq!(b.state(), State::Closed);
    };
    shuttle::check_random(case, RUNS);
}

#[test]
fn no_outcome_is_lost_between_the_lock_and_the_stripes() {
    let case = || {
        let clock = Arc::new(ManualClock::new());
        let config = CircuitBreakerConfig::new().with_failure_threshold(2);
        let b = CircuitBreaker::with_clock("b", config, clock, 1).unwrap();
        let threads: Vec<_> = [true, true, false, false]
            .map(|ok| {
                let b = b.clone();
                thread::spawn(move || {
                    if let Ok(permit) = b.try_acquire() {
                        if ok { permit.success() } else { permit.failure() }
                    }
                })
            })
            .into_iter()
            .collect();
        threads.into_iter().for_each(|t| t.join().unwrap());
        let m = b.metrics();
        assert_eq!(m.total_calls, 4);
        assert_eq!(m.failed_calls, 2);
        assert_eq!(m.successful_calls + m.rejected_calls, 2);
        // Open if and only if no success came between the two failures.
        assert!(matches!(b.state(), State::Open | State::Closed));
        assert_eq!(b.state() == State::Open, m.state_changes == 1);
    };
    shuttle::check_random(case, RUNS);
    shuttle::check_pct(case, RUNS, 3);
}

const RUNS: usize = 2_000;
