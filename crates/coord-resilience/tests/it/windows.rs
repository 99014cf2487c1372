//! The windows, compared with a naive model.

use std::collections::VecDeque;

use coord_resilience::breaker::{Abandoned, Machine, Outcome, Rates, WindowConfig};
use coord_resilience::{CircuitBreakerConfig, State};

use crate::support::{breaker, fail, ms, ok, secs};

/// A small generator, so that a failure can be repeated from its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

#[expect(clippy::print_stdout, reason = "the seed repeats a failure")]
fn seed() -> u64 {
    let seed = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0_u8);
    println!("seed {seed}");
    seed
}

/// Never opens, so the counts can be watched.
fn metrics_only(window: WindowConfig) -> Machine {
    let mut m = Machine::new(CircuitBreakerConfig::new().with_window(window), 1).unwrap();
    m.control(secs(0), State::MetricsOnly, None);
    m
}

#[test]
fn the_count_window_equals_a_queue_of_calls() {
    let mut random = Random(seed());
    for size in [1, 2, 7, 100] {
        let rates = Rates::new().with_minimum_calls(1);
        let mut m = metrics_only(WindowConfig::Count { size, rates });
        let mut model: VecDeque<(bool, bool)> = VecDeque::new();
        for _ in 0..3_000 {
            let (failed, slow) = (random.below(3) == 0, random.below(4) == 0);
            let t = m.try_acquire(secs(0)).unwrap();
            let outcome = if failed { Outcome::FAILURE } else { Outcome::Success };
            m.record(secs(0), t, outcome, slow);
            model.push_back((failed, slow));
            let bulk = if random.below(10) == 0 { random.below(150) } else { 0 };
            m.record_successes(bulk);
            model.extend((0..bulk).map(|_| (false, false)));
            model.drain(..model.len().saturating_sub(size as usize));
            let counts = m.window();
            assert_eq!(counts.total, model.len() as u64);
            assert_eq!(counts.failed, model.iter().filter(|c| c.0).count() as u64);
            assert_eq!(counts.slow, model.iter().filter(|c| c.1).count() as u64);
        }
    }
}

#[test]
fn the_time_window_equals_a_queue_of_steps() {
    let mut random = Random(seed());
    let mut m = metrics_only(WindowConfig::Time { span: secs(1), rates: Rates::new() });
    let mut model: VecDeque<(u64, bool)> = VecDeque::new();
    let mut now = 0;
    for _ in 0..5_000 {
        now += [0, 1, 30, 100, 450, 2_000][usize::try_from(random.below(6)).unwrap()];
        let failed = random.below(2) == 0;
        let t = m.try_acquire(ms(now)).unwrap();
        let outcome = if failed { Outcome::FAILURE } else { Outcome::Success };
        m.record(ms(now), t, outcome, false);
        model.push_back((now / 100, failed));
        while model.front().is_some_and(|(step, _)| step + 10 <= now / 100) {
            model.pop_front();
        }
        let counts = m.window();
        assert_eq!(counts.total, model.len() as u64, "at {now}");
        assert_eq!(counts.failed, model.iter().filter(|c| c.1).count() as u64);
    }
}

#[test]
fn the_time_window_forgets_fast_successes_too() {
    let rates = Rates::new().with_minimum_calls(4);
    let window = WindowConfig::Time { span: secs(10), rates };
    let (b, clock) = breaker(CircuitBreakerConfig::new().with_window(window));
    for _ in 0..1_000 {
        ok(&b).unwrap();
    }
    clock.advance(secs(5));
    assert_eq!(b.metrics().window.total, 1_000);
    for _ in 0..4 {
        fail(&b).unwrap_err();
    }
    assert_eq!(b.state(), State::Closed, "4 of 1004");
    clock.advance(secs(6));
    fail(&b).unwrap_err();
    assert_eq!(b.state(), State::Open, "the successes have left the window, the failures not");
}

#[test]
fn fast_successes_belong_to_the_step_they_came_in() {
    let window = WindowConfig::Time { span: secs(10), rates: Rates::new() };
    let (b, clock) = breaker(CircuitBreakerConfig::new().with_window(window));
    for _ in 0..2 {
        (0..100).for_each(|_| ok(&b).unwrap());
        clock.advance(secs(6));
    }
    // At 12 s the hundred of 0 s have left the window, those of 6 s have not.
    assert_eq!(b.metrics().window.total, 100);
}

#[test]
fn consecutive_is_reset_by_a_success_and_cumulative_is_not() {
    let config = CircuitBreakerConfig::new().with_failure_threshold(3);
    let (b, _) = breaker(config.clone());
    for _ in 0..50 {
        fail(&b).unwrap_err();
        fail(&b).unwrap_err();
        ok(&b).unwrap();
    }
    assert_eq!(b.state(), State::Closed);
    let (b, _) = breaker(config.with_window(WindowConfig::Cumulative));
    for i in 0..103 {
        let _ = if i % 50 == 0 { fail(&b) } else { ok(&b) };
    }
    assert_eq!(b.state(), State::Open, "3 among 103, as the original");
}

#[test]
fn the_minimum_of_calls_is_independent_of_the_size() {
    let rates = Rates::new().with_minimum_calls(5).with_failure_rate(1.0);
    let window = WindowConfig::Count { size: 100, rates };
    let (b, _) = breaker(CircuitBreakerConfig::new().with_window(window));
    for _ in 0..4 {
        fail(&b).unwrap_err();
    }
    assert_eq!(b.state(), State::Closed);
    fail(&b).unwrap_err();
    assert_eq!(b.state(), State::Open);
}

#[test]
fn slow_calls_open_by_their_rate() {
    let rates = Rates::new().with_minimum_calls(4).with_slow_rate(0.5);
    let config = CircuitBreakerConfig::new()
        .with_window(WindowConfig::Count { size: 10, rates })
        .with_slow_threshold(ms(100));
    let (b, clock) = breaker(config);
    for slow in [false, true, false, true] {
        let permit = b.try_acquire().unwrap();
        clock.advance(ms(if slow { 100 } else { 99 }));
        permit.success();
    }
    assert_eq!((b.state(), b.metrics().slow_calls), (State::Open, 2));
    assert_eq!(b.metrics().failed_calls, 0);
}

#[test]
fn abandoned_calls_follow_the_configuration() {
    for (abandoned, failed, state) in [
        (Abandoned::Failure, 1, State::Open),
        (Abandoned::Slow, 0, State::Closed),
        (Abandoned::Ignore, 0, State::Closed),
    ] {
        let config =
            CircuitBreakerConfig::new().with_failure_threshold(1).with_abandoned(abandoned);
        let (b, clock) = breaker(config);
        let permit = b.try_acquire().unwrap();
        clock.advance(secs(5));
        drop(permit);
        assert_eq!((b.metrics().failed_calls, b.state()), (failed, state), "{abandoned:?}");
        assert_eq!((b.metrics().slow_calls, b.metrics().abandoned_calls), (1, 1));
    }
}
