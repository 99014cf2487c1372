//! The original's own breaker facts.

use coord_resilience::breaker::{EventKind, MetricsRecord, StateRecord};
use coord_resilience::{CallError, CircuitBreaker, CircuitBreakerConfig, State};

use crate::support::{breaker, fail, ms, ok, secs};

#[test]
fn states_have_the_originals_names() {
    let names = [State::Closed, State::Open, State::HalfOpen].map(State::as_str);
    assert_eq!(names, ["closed", "open", "half_open"]);
}

#[test]
fn a_new_breaker_is_closed_with_zero_metrics() {
    let (b, _) = breaker(CircuitBreakerConfig::new());
    let m = b.metrics();
    assert_eq!(b.state(), State::Closed);
    assert_eq!(m, coord_resilience::breaker::Metrics::default());
    assert!(m.failure_rate().abs() < f64::EPSILON && m.success_rate().abs() < f64::EPSILON);
}

#[test]
fn success_passes_the_result_and_failure_the_error() {
    let (b, clock) = breaker(CircuitBreakerConfig::new());
    clock.advance(secs(1));
    assert_eq!(b.call_blocking(|| Ok::<_, ()>(5)), Ok(5));
    let failed: Result<(), _> = b.call_blocking(|| Err("test error"));
    assert_eq!(failed, Err(CallError::Inner("test error")));
    let m = b.metrics();
    assert_eq!((m.total_calls, m.successful_calls, m.failed_calls), (2, 1, 1));
    assert_eq!((m.last_success_time, m.last_failure_time), (Some(secs(1)), Some(secs(1))));
    assert!((m.failure_rate() - 0.5).abs() < f64::EPSILON);
    assert_eq!(b.state(), State::Closed);
}

#[test]
fn the_threshold_opens_and_the_next_call_is_rejected() {
    let (b, clock) = breaker(CircuitBreakerConfig::new().with_failure_threshold(2));
    ok(&b).unwrap();
    assert!(fail(&b).is_err() && fail(&b).is_err());
    assert_eq!(b.state(), State::Open);
    clock.advance(secs(10));
    let Err(CallError::Rejected(rejected)) = ok(&b) else { panic!("must reject") };
    assert_eq!(rejected.to_string(), "Circuit breaker test is OPEN");
    assert_eq!(rejected.retry_after, Some(secs(50)));
    assert_eq!(b.metrics().total_calls, 4, "rejections are calls");
    clock.advance(secs(90));
    ok(&b).unwrap();
    assert_eq!(b.state(), State::HalfOpen, "two successes are needed");
    ok(&b).unwrap();
    assert_eq!(b.state(), State::Closed);
}

#[test]
fn a_float_timeout_and_one_probe_close() {
    let config = CircuitBreakerConfig::new()
        .with_failure_threshold(1)
        .with_timeout(ms(100))
        .with_half_open_max_calls(1)
        .with_success_threshold(1);
    let (b, clock) = breaker(config);
    fail(&b).unwrap_err();
    clock.advance(ms(150));
    ok(&b).unwrap();
    assert_eq!(b.state(), State::Closed);
    assert_eq!(b.metrics().state_changes, 3);
}

#[test]
fn reset_closes_and_forgets() {
    let (b, _) = breaker(CircuitBreakerConfig::new().with_failure_threshold(2));
    fail(&b).unwrap_err();
    b.reset();
    assert_eq!(b.metrics().window.failed, 0, "also when closed");
    fail(&b).unwrap_err();
    assert_eq!(b.state(), State::Closed);
    fail(&b).unwrap_err();
    assert_eq!(b.state(), State::Open);
    b.reset();
    assert_eq!((b.state(), b.metrics().window.failed), (State::Closed, 0));
}

#[test]
fn half_open_rejects_beyond_its_probes_with_the_originals_text() {
    let config = CircuitBreakerConfig::new().with_failure_threshold(1).with_half_open_max_calls(3);
    let (b, clock) = breaker(config);
    fail(&b).unwrap_err();
    clock.advance(secs(60));
    let probes: Vec<_> = (0..3).map(|_| b.try_acquire().unwrap()).collect();
    let text = b.try_acquire().unwrap_err().to_string();
    assert_eq!(text, "Circuit breaker test is HALF_OPEN with max calls reached");
    probes.into_iter().next().unwrap().failure();
    assert_eq!(b.state(), State::Open, "one failed probe opens again");
}

#[test]
fn every_range_is_checked_and_named() {
    let new = CircuitBreakerConfig::new;
    let bad = [
        ("failure_threshold", new().with_failure_threshold(0)),
        ("failure_threshold", new().with_failure_threshold(101)),
        ("timeout", new().with_timeout(ms(0))),
        ("timeout", new().with_timeout(secs(3601))),
        ("recovery_timeout", new().with_recovery_timeout(secs(60))),
        ("recovery_timeout", new().with_recovery_timeout(secs(7201))),
        ("half_open_max_calls", new().with_half_open_max_calls(0)),
        ("half_open_max_calls", new().with_half_open_max_calls(21)),
        ("success_threshold", new().with_success_threshold(0)),
        ("success_threshold", new().with_success_threshold(4)),
        ("open_factor", new().with_open_backoff(f64::NAN, secs(60))),
        ("max_timeout", new().with_open_backoff(2.0, secs(59))),
        ("open_jitter", new().with_open_jitter(1.1)),
        ("slow_threshold", new().with_slow_threshold(ms(0))),
    ];
    for (field, config) in bad {
        let error = CircuitBreaker::new("x", config).unwrap_err();
        assert_eq!(error.field, field, "{error}");
        assert!(error.to_string().contains(&error.limit));
    }
    assert!(CircuitBreaker::new("", new()).is_err());
    assert!(CircuitBreaker::new(&"x".repeat(201), new()).is_err());
    let long = "workflow:".repeat(20);
    assert_eq!(CircuitBreaker::new(&long, new()).unwrap().name().as_str(), long);
}

#[test]
fn records_keep_the_originals_fields() {
    let text = r#"{"state": "open", "failure_count": 2, "half_open_calls": 0, "half_open_successes": 0, "last_failure_time": 1795211365.224917, "state_changed_at": 1795211365.2249196, "updated_at": 1795211365.2251341}"#;
    let record: StateRecord = serde_json::from_str(text).unwrap();
    assert_eq!((record.state.as_str(), record.failure_count), ("open", 2));
    let again: serde_json::Value = serde_json::to_value(&record).unwrap();
    assert_eq!(again, serde_json::from_str::<serde_json::Value>(text).unwrap());
    let text = r#"{"total_calls": 6, "failed_calls": 2, "successful_calls": 3, "state_changes": 3, "last_failure_time": null, "last_success_time": 1795211365.480803, "updated_at": 1795211365.4809995}"#;
    let record: MetricsRecord = serde_json::from_str(text).unwrap();
    let again: serde_json::Value = serde_json::to_value(&record).unwrap();
    assert_eq!(again, serde_json::from_str::<serde_json::Value>(text).unwrap());
}

#[test]
fn operator_states_hold_and_expire() {
    let (b, clock) = breaker(CircuitBreakerConfig::new().with_failure_threshold(1));
    b.control(State::ForcedOpen, Some(secs(5)));
    let Err(CallError::Rejected(rejected)) = ok(&b) else { panic!("must reject") };
    assert_eq!((rejected.state, rejected.retry_after), (State::ForcedOpen, Some(secs(5))));
    clock.advance(secs(5));
    ok(&b).unwrap();
    assert_eq!(b.state(), State::Closed);
    b.control(State::Disabled, None);
    fail(&b).unwrap_err();
    fail(&b).unwrap_err();
    assert_eq!((b.state(), b.metrics().window.failed), (State::Disabled, 0));
    b.control(State::MetricsOnly, None);
    fail(&b).unwrap_err();
    assert_eq!((b.state(), b.metrics().window.failed), (State::MetricsOnly, 1));
    b.reset();
    let mut events = b.events(8);
    fail(&b).unwrap_err();
    let kinds: Vec<_> = std::iter::from_fn(|| events.try_next()).map(|e| e.kind).collect();
    assert!(kinds.iter().any(|k| matches!(k, EventKind::Transition(t) if t.to == State::Open)));
}
