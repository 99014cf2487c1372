//! Real threads; the interleavings are covered by the model checker in `tests/shuttle`.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use coord_resilience::breaker::{Rates, WindowConfig};
use coord_resilience::{CircuitBreakerConfig, State};

use crate::support::{breaker, fail, ok, secs};

#[test]
fn no_count_is_lost() {
    let window = WindowConfig::Count { size: 10_000, rates: Rates::new().with_failure_rate(1.0) };
    for config in [
        CircuitBreakerConfig::new().with_failure_threshold(100),
        CircuitBreakerConfig::new().with_window(window),
    ] {
        let (b, _) = breaker(config);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for i in 0..2_000 {
                        let _ = if i % 10 == 0 { fail(&b) } else { ok(&b) };
                    }
                });
            }
        });
        let m = b.metrics();
        assert_eq!(b.state(), State::Closed);
        assert_eq!((m.total_calls, m.successful_calls, m.failed_calls), (16_000, 14_400, 1_600));
    }
}

#[test]
fn exactly_n_probes_at_once_under_contention() {
    let config = CircuitBreakerConfig::new().with_failure_threshold(1).with_half_open_max_calls(3);
    let (b, clock) = breaker(config);
    for _ in 0..50 {
        b.reset();
        fail(&b).unwrap_err();
        clock.advance(secs(60));
        let (barrier, granted) = (Barrier::new(8), AtomicU64::new(0));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    barrier.wait();
                    let permit = b.try_acquire();
                    granted.fetch_add(permit.is_ok().into(), Ordering::SeqCst);
                    // All hold what they got until all have asked.
                    barrier.wait();
                });
            }
        });
        assert_eq!(granted.into_inner(), 3);
    }
}
