//! The named registry.

use std::sync::Arc;

use coord_resilience::breaker::RegistryError;
use coord_resilience::clock::ManualClock;
use coord_resilience::{BreakerRegistry, CircuitBreakerConfig, State};

use crate::support::{fail, ok};

fn registry(capacity: usize) -> BreakerRegistry {
    let config = CircuitBreakerConfig::new();
    BreakerRegistry::with_clock(config, capacity, Arc::new(ManualClock::new())).unwrap()
}

#[test]
fn the_first_configuration_of_a_name_wins() {
    let r = registry(10)
        .with_config("strict", CircuitBreakerConfig::new().with_failure_threshold(1))
        .unwrap();
    let strict = r.get_or_create_as("a", "strict").unwrap();
    let same = r.get_or_create("a").unwrap();
    fail(&same).unwrap_err();
    assert_eq!((strict.state(), strict.config()), (State::Open, same.config()));
    let unknown = r.get_or_create_as("b", "nope").unwrap_err();
    assert_eq!(unknown, RegistryError::UnknownConfig("nope".to_owned()));
}

#[test]
fn names_metrics_and_removal() {
    let r = registry(10);
    for name in ["workflow:b", "a"] {
        ok(&r.get_or_create(name).unwrap()).unwrap();
    }
    let names: Vec<_> = r.names().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["a", "workflow:b"]);
    let all = r.all_metrics();
    assert!(all.iter().all(|(_, state, m)| *state == State::Closed && m.successful_calls == 1));
    assert!(r.remove("a") && !r.remove("a") && r.get("a").is_none());
}

#[test]
fn memory_is_bounded_and_open_or_held_breakers_stay() {
    let r = registry(3);
    let held = r.get_or_create("held").unwrap();
    let open = r.get_or_create("open").unwrap();
    for _ in 0..5 {
        fail(&open).unwrap_err();
    }
    drop(open);
    for i in 0..100 {
        r.get_or_create(&format!("idle-{i}")).unwrap();
        assert_eq!(r.names().len(), 3);
    }
    assert_eq!(r.get("open").unwrap().state(), State::Open);
    let (a, full) = (r.get_or_create("idle-99").unwrap(), r.get_or_create("more"));
    assert!(matches!(full, Err(RegistryError::Full { capacity: 3 })));
    drop((a, held));
    assert!(r.get_or_create("more").is_ok());
}
