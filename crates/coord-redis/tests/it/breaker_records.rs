//! The original's records: ours as Python reads them, the original's as we read them; the set of
//! names; the metrics of a fleet.

use std::process::Command;
use std::time::Duration;

use coord_redis::breaker::CallCounts;
use coord_redis::{KeyLayout, RedisBreakerRegistry, RedisBreakerStore};
use coord_resilience::CircuitBreakerConfig;
use coord_resilience::breaker::{
    BreakerName, BreakerStore, ControlOrder, FleetPolicy, FleetView, Hold, InstanceId, LeaseId,
    MetricsRecord, SharedConfig, StateRecord, Version, Vote,
};
use coord_testkit::server::Frame;
use coord_testkit::{Clock, FakeRedis};

use crate::both::{Server, on_both};
use crate::breaker::store;
use crate::harness::{At, Fake, LAYOUTS, fresh_prefix, private, shared};

on_both! { still: the_originals_records_are_read, counts_are_added_up }
on_both! { running: a_registry_joins_and_bounds }

fn name(text: &str) -> BreakerName {
    BreakerName::parse(text).expect("a valid name")
}

fn policy() -> FleetPolicy {
    FleetPolicy {
        quorum: 1,
        vote_ttl: Duration::from_secs(60),
        open_for: Duration::from_secs(60),
        half_open_max_calls: 2,
        success_threshold: 2,
        probe_lease: Duration::from_secs(60),
    }
}

async fn trip(store: &RedisBreakerStore, name: &BreakerName, open_for: Duration) -> FleetView {
    let seen = store.observe(name).await.unwrap().version;
    let vote = Vote { voter: InstanceId(7), seen, open_for };
    store.vote(name, &vote, &policy()).await.unwrap()
}

/// What the original stored, captured byte for byte in its own run.
const CAPTURED: [(&str, &str); 2] = [
    (
        "cb:state:svc",
        r#"{"state": "open", "failure_count": 2, "half_open_calls": 0, "half_open_successes": 0, "last_failure_time": 1795211365.224917, "state_changed_at": 1795211365.2249196, "updated_at": 1795211365.2251341}"#,
    ),
    (
        "cb:metrics:svc",
        r#"{"total_calls": 3, "failed_calls": 2, "successful_calls": 1, "state_changes": 1, "last_failure_time": 1795211365.224917, "last_success_time": null, "updated_at": 1795211365.22519}"#,
    ),
];

async fn the_originals_records_are_read(server: &Server) {
    let (at, prefix) = (server.at(), fresh_prefix());
    for (key, json) in CAPTURED {
        at.command(&["SET", &format!("{prefix}:{key}"), json]);
    }
    assert_eq!(at.number(&["SADD", &format!("{prefix}:cb:registry"), "svc"]), 1);
    let store = store(&at.url, KeyLayout::Tta, &prefix);
    let report = store.report_of(&name("svc")).await.unwrap();
    assert!(report.is_known);
    assert_eq!(report.fleet, FleetView::default(), "the original decides nothing here");
    let state = StateRecord {
        state: "open".to_owned(),
        failure_count: 2,
        last_failure_time: Some(1_795_211_365.224_917),
        state_changed_at: 1_795_211_365.224_919_6,
        updated_at: 1_795_211_365.225_134_1,
        ..StateRecord::default()
    };
    assert_eq!(report.state, Some(state));
    let metrics = MetricsRecord {
        total_calls: 3,
        failed_calls: 2,
        successful_calls: 1,
        state_changes: 1,
        last_failure_time: Some(1_795_211_365.224_917),
        last_success_time: None,
        updated_at: 1_795_211_365.225_19,
    };
    assert_eq!(report.metrics, Some(metrics));
    assert_eq!(store.names().await.unwrap(), [name("svc")]);
    assert!(!store.report_of(&name("other")).await.unwrap().is_known);
}

/// Loads a record as the original does: by name, every field present and of its type.
const READ_AS_PYTHON: &str = r#"
import json, sys
number = (int, float)
state, metrics = (json.loads(line) for line in sys.stdin)
assert state["state"] in ("closed", "open", "half_open"), state
for field in ("failure_count", "half_open_calls", "half_open_successes"):
    assert type(state[field]) is int, state
for field in ("total_calls", "failed_calls", "successful_calls", "state_changes"):
    assert type(metrics[field]) is int, metrics
assert state["last_failure_time"] is None or isinstance(state["last_failure_time"], number)
for record in (state, metrics):
    assert isinstance(record["updated_at"], float) and record["updated_at"] > 1.7e9, record
assert isinstance(state["state_changed_at"], float), state
for field in ("last_failure_time", "last_success_time"):
    assert metrics[field] is None or isinstance(metrics[field], float), metrics
assert list(state)[:7] == ["state", "failure_count", "half_open_calls", "half_open_successes",
    "last_failure_time", "state_changed_at", "updated_at"], list(state)
print(state["state"], metrics["total_calls"], metrics["failed_calls"], metrics["state_changes"])
"#;

fn in_python(state: &[u8], metrics: &[u8]) -> Option<String> {
    let mut child = match Command::new("python3")
        .args(["-c", READ_AS_PYTHON])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
    {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let required = std::env::var("COORD_REQUIRE_REAL").is_ok_and(|it| it == "1");
            assert!(!required, "COORD_REQUIRE_REAL=1 but no python3");
            return None;
        }
        Err(error) => panic!("python3 does not start: {error}"),
    };
    let mut input = child.stdin.take().expect("piped");
    std::io::Write::write_all(&mut input, &[state, b"\n", metrics, b"\n"].concat()).unwrap();
    drop(input);
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success(), "Python reads {}", String::from_utf8_lossy(state));
    Some(String::from_utf8(ended.stdout).unwrap().trim().to_owned())
}

fn get(at: &At, key: &str, ttl: i64) -> Vec<u8> {
    let Frame::Bulk(json) = at.command(&["GET", key]) else { panic!("{key} is there") };
    let Frame::Integer(left) = at.command(&["TTL", key]) else { panic!("{key} has a TTL") };
    assert!((ttl - 60..=ttl).contains(&left), "{key} lives {left} s");
    json
}

#[tokio::test]
async fn python_reads_our_records() {
    let Some(server) = shared("python_reads_our_records") else { return };
    reads_our_records(&At::from(&*server)).await;
}

#[tokio::test]
async fn python_reads_our_records_on_the_fake() {
    let fake = Fake::start(Clock::system());
    reads_our_records(&At::from(&fake)).await;
}

async fn reads_our_records(at: &At) {
    for layout in LAYOUTS {
        let prefix = fresh_prefix();
        let store = store(&at.url, layout, &prefix);
        let dep = name("workflow:a\"\\b");
        let tag = if layout == KeyLayout::Compact { "{workflow:a\"\\b}" } else { dep.as_str() };
        let keys = ["state", "metrics"].map(|part| format!("{prefix}:cb:{part}:{tag}"));
        let read = |what: &str| {
            let (state, metrics) = (get(at, &keys[0], 86_400), get(at, &keys[1], 604_800));
            if let Some(seen) = in_python(&state, &metrics) {
                assert_eq!(seen, what);
            }
        };
        trip(&store, &dep, Duration::ZERO).await;
        read("half_open 0 0 1");
        let counts = CallCounts {
            total: 5,
            failed: 2,
            successful: 3,
            last_failure_age: Some(Duration::from_secs(3)),
            last_success_age: Some(Duration::ZERO),
        };
        store.add_counts(&dep, &counts).await.unwrap();
        store.acquire(&dep, LeaseId(1), &policy()).await.unwrap();
        read("half_open 5 2 2");
        let hold = ControlOrder::Hold {
            hold: Hold::ForcedOpen,
            lasting: None,
            reason: "a \"reason\"\n\u{1}\\ \u{e4}\u{4e2d}".to_owned(),
            author: "ops".to_owned(),
        };
        store.control(&dep, &hold).await.unwrap();
        read("open 5 2 3");
        let state = store.report_of(&dep).await.unwrap().state.unwrap();
        let held = state.coord.unwrap().hold.unwrap();
        assert_eq!(held.reason, "a \"reason\"\n\u{1}\\ \u{e4}\u{4e2d}");
        let fleet = format!("{prefix}:cb:fleet:{tag}");
        assert_eq!(at.command(&["TTL", &fleet]), Frame::Integer(-1), "a hold has no end");
        store.add_counts(&dep, &counts).await.unwrap();
        assert_eq!(at.command(&["TTL", &fleet]), Frame::Integer(-1), "nor by counting");
        store.control(&dep, &ControlOrder::Close).await.unwrap();
        read("closed 10 4 4");
        let Frame::Integer(left) = at.command(&["TTL", &fleet]) else { panic!("a TTL") };
        assert!(left > 600_000, "an idle record is forgotten after a week");
        let metrics = store.report_of(&dep).await.unwrap().metrics.unwrap();
        let (failure, success) = (metrics.last_failure_time, metrics.last_success_time);
        assert!(failure.unwrap() <= success.unwrap(), "{metrics:?}");
        assert_eq!((metrics.total_calls, metrics.failed_calls, metrics.state_changes), (10, 4, 4));
    }
}

/// What several processes count is added up; what happened last stays last.
async fn counts_are_added_up(server: &Server) {
    for layout in LAYOUTS {
        let (at, prefix) = (server.at(), fresh_prefix());
        let store = store(&at.url, layout, &prefix);
        let began = server.now().as_secs_f64();
        let first = CallCounts {
            total: 5,
            failed: 2,
            successful: 3,
            last_failure_age: Some(Duration::from_secs(3)),
            last_success_age: Some(Duration::from_secs(2)),
        };
        store.add_counts(&name("dep"), &first).await.unwrap();
        let late = CallCounts {
            total: 1,
            failed: 1,
            successful: 0,
            last_failure_age: Some(Duration::from_secs(60)),
            last_success_age: None,
        };
        store.add_counts(&name("dep"), &late).await.unwrap();
        let ended = server.now().as_secs_f64();
        let found = store.report_of(&name("dep")).await.unwrap().metrics.expect("a record");
        // What is kept is a time to the microsecond.
        for (at, age) in [
            (found.last_failure_time.expect("there was one"), 3.0),
            (found.last_success_time.expect("there was one"), 2.0),
            (found.updated_at, 0.0),
        ] {
            let possible = began - age - 1e-6..=ended - age + 1e-6;
            assert!(possible.contains(&at), "{layout}: {found:?}, {possible:?}");
        }
        let wanted = MetricsRecord {
            total_calls: 6,
            failed_calls: 3,
            successful_calls: 3,
            state_changes: 0,
            ..found
        };
        assert_eq!(found, wanted, "{layout}");
        let tag = if layout == KeyLayout::Compact { "{dep}" } else { "dep" };
        let left = at.number(&["TTL", &format!("{prefix}:cb:fleet:{tag}")]);
        assert!((604_790..=604_800).contains(&left), "{layout}: nobody breaks here, {left}");
    }
}

#[tokio::test]
async fn names_are_listed_and_forgotten() {
    let Some(server) = private("names_are_listed_and_forgotten") else { return };
    lists_and_forgets(&At::from(&server)).await;
}

#[tokio::test]
async fn names_are_listed_and_forgotten_on_the_fake() {
    let fake = Fake::start(Clock::system());
    lists_and_forgets(&At::from(&fake)).await;
}

async fn lists_and_forgets(at: &At) {
    for layout in LAYOUTS {
        let prefix = fresh_prefix();
        let store = store(&at.url, layout, &prefix);
        assert!(store.names().await.unwrap().is_empty());
        let (watched, held) = (name("workflow:x"), name("}odd{%"));
        store.observe(&watched).await.unwrap();
        store.control(&held, &ControlOrder::Close).await.unwrap();
        assert_eq!(store.names().await.unwrap(), [watched.clone(), held.clone()]);
        assert!(store.forget(&held).await.unwrap());
        assert!(!store.forget(&held).await.unwrap());
        assert_eq!(store.observe(&watched).await.unwrap().version, Version::NONE);
        assert_eq!(store.names().await.unwrap(), [watched]);
        let pattern = format!("{prefix}:cb:*odd*");
        assert_eq!(at.command(&["KEYS", &pattern]), Frame::Array(Vec::new()), "nothing is left");
    }
}

#[test]
fn a_breaker_lies_in_one_slot() {
    for tag in ["workflow:x", "{", "a%7Db", "%7D", "a{b"] {
        let slot = |part: &str| FakeRedis::slot(format!("coord:cb:{part}:{{{tag}}}"));
        assert_eq!(slot("fleet"), slot("state"), "{tag}");
        assert_eq!(slot("fleet"), slot("metrics"), "{tag}");
    }
}

async fn a_registry_joins_and_bounds(server: &Server) {
    let store = store(&server.at().url, KeyLayout::Tta, &fresh_prefix());
    let registry = RedisBreakerRegistry::new(store, SharedConfig::new(), 2);
    let config = CircuitBreakerConfig::new().with_failure_threshold(1);
    let one = registry.get_or_create("one", &config).unwrap();
    registry.get_or_create("one", &config).unwrap();
    registry.get_or_create("two", &config).unwrap();
    let full = registry.get_or_create("three", &config).unwrap_err();
    assert_eq!(full.to_string(), "the registry is full with 2 breakers");
    let _ = one.call(|| async { Err::<(), _>(()) }).await;
    let seen = registry.store().changed(&name("one"), Version::NONE).await.unwrap();
    assert_eq!(seen.state, coord_resilience::breaker::FleetState::Open);
    assert!(registry.remove("two") && !registry.remove("two"));
    assert_eq!(registry.local_names(), [name("one")]);
    assert!(registry.names().await.unwrap().contains(&name("one")));
}
