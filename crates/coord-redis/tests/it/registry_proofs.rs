//! The registry: what it stores, what it costs, and what crashes and losses do to it.

use std::sync::Arc;
use std::time::Duration;

use coord_core::capability::{AgentCapability, CapabilitySet, CapabilityType, MatchStrategy};
use coord_core::registry::{
    AgentRegistry, AgentState, Beat, CapabilityFilter, EventPublication, GapReason, Heartbeat,
    Heartbeats, Notice, OnDrop, Registration, RegistryEventKind, RegistryPolicy, RegistryWatch,
    StatefulAgent, Watched, register_stateful,
};
use coord_core::{AgentId, InvalidInput, Payload};
use coord_redis::{KeyLayout, RedisAgentRegistry};
use coord_testkit::server::Frame;
use coord_testkit::{Clock, FakeRedis};

use crate::harness::{
    At, LAYOUTS, agent, break_scripts, config, counts, fresh_prefix, private, reset_counts,
    server_time_passes, shared,
};

const HOUR: Duration = Duration::from_secs(3_600);

fn millis(number: u64) -> Duration {
    Duration::from_millis(number)
}

fn policy(ttl: u64, interval: u64) -> RegistryPolicy {
    RegistryPolicy::new().with_ttl(millis(ttl)).with_interval(millis(interval))
}

async fn connect(
    url: &str,
    layout: KeyLayout,
    prefix: &str,
    policy: RegistryPolicy,
) -> RedisAgentRegistry {
    let made = RedisAgentRegistry::connect(config(url, layout, prefix), policy).await;
    made.expect("the server is there")
}

fn able(name: &str, ability: &str) -> Registration {
    let capability = AgentCapability::new(ability, CapabilityType::Analysis, "1.0.0").unwrap();
    Registration::new(agent(name))
        .with_capabilities(CapabilitySet::new(agent(name), vec![capability]))
}

fn text(frame: Frame) -> String {
    match frame {
        Frame::Bulk(bytes) => String::from_utf8(bytes).expect("UTF-8"),
        other => panic!("{other:?} is no text"),
    }
}

/// Facts 11 and 12 of the acceptance tests: register, beat, discover, stop; the snapshot.
#[tokio::test]
async fn register_heartbeat_discover() {
    let Some(server) = shared("register_heartbeat_discover") else { return };
    let (at, prefix) = (At::from(&*server), fresh_prefix());
    let registry = connect(&at.url, KeyLayout::Tta, &prefix, policy(1_000, 100)).await;
    let beats = Heartbeats::start(Arc::new(registry.clone()), OnDrop::Expire);
    let registration = Registration::new(agent("input_processor:x")).with_name("ipa:x");
    beats.register(registration).await.unwrap();
    let record = text(at.command(&["GET", &format!("{prefix}:agents:input_processor:x")]));
    assert!(record.starts_with(r#"{"name": "ipa:x", "agent_id": {"type": "input_processor", "#));
    let pttl = at.command(&["PTTL", &format!("{prefix}:agents:input_processor:x")]);
    assert!(matches!(pttl, Frame::Integer(1..=1_000)), "{pttl:?}");
    server_time_passes(&at, millis(1_200)).await;
    let snapshot = beats.snapshot().await.unwrap();
    assert!(snapshot.local.contains_key("ipa:x"));
    let [listed] = &snapshot.redis_index[..] else { panic!("{snapshot:?}") };
    assert!(listed.alive, "it beats: {listed:?}");
    assert_eq!(listed.record.as_ref().unwrap().name, "ipa:x");
    drop(beats);
    server_time_passes(&at, millis(1_200)).await;
    assert!(registry.list_registered().await.unwrap().is_empty());
}

/// Fact 13: time to live, interval, deregistration; the index never leaks.
#[tokio::test]
async fn ttl_interval_and_deregistration() {
    let Some(server) = shared("ttl_interval_and_deregistration") else { return };
    let (at, prefix) = (At::from(&*server), fresh_prefix());
    let registry = connect(&at.url, KeyLayout::Tta, &prefix, policy(800, 200)).await;
    let registration = Registration::new(agent("input_processor:y"));
    let incarnation = registry.register(&registration).await.unwrap().incarnation;
    let key = format!("{prefix}:agents:input_processor:y");
    let mut last = 0.0;
    for _ in 0..3 {
        let record: serde_json::Value =
            serde_json::from_str(&text(at.command(&["GET", &key]))).unwrap();
        assert!(record["status"]["running"].as_bool().unwrap());
        let beat = record["last_heartbeat"].as_f64().unwrap();
        assert!(beat >= last, "{beat} after {last}");
        last = beat;
        let beats = [Heartbeat { registration: &registration, incarnation }];
        registry.heartbeat(&beats).await.unwrap();
    }
    assert_eq!(
        at.command(&["SISMEMBER", &format!("{prefix}:agents:index"), &key]),
        Frame::Integer(1)
    );
    registry.deregister(&registration.agent_id, Some(incarnation)).await.unwrap();
    assert_eq!(at.command(&["EXISTS", &key]), Frame::Integer(0));
    assert_eq!(at.command(&["EXISTS", &format!("{prefix}:agents:index")]), Frame::Integer(0));
}

struct Flag(u64);

impl StatefulAgent for Flag {
    fn export_state(&self) -> Payload {
        Payload::from_json(&format!("{{\"flag\": {}}}", self.0)).unwrap()
    }

    fn import_state(&mut self, state: &Payload) -> Result<(), InvalidInput> {
        self.0 = state.read::<serde_json::Value>()?["flag"].as_u64().unwrap();
        Ok(())
    }
}

/// Fact 14: the state comes back before the new record is stored.
#[tokio::test]
async fn state_is_restored() {
    let Some(server) = shared("state_is_restored") else { return };
    for layout in LAYOUTS {
        let (at, prefix) = (At::from(&*server), fresh_prefix());
        let registry = connect(&at.url, layout, &prefix, RegistryPolicy::new()).await;
        let mut registration = Registration::new(agent("input_processor"));
        register_stateful(&registry, &mut registration, &mut Flag(41)).await.unwrap();
        if layout == KeyLayout::Tta {
            let key = format!("{prefix}:agents:input_processor:default");
            let record = text(at.command(&["GET", &key]));
            assert!(record.contains(r#", "state": {"flag": 41}, "#), "{record}");
        }
        let mut fresh = Flag(0);
        let mut registration = Registration::new(agent("input_processor"));
        register_stateful(&registry, &mut registration, &mut fresh).await.unwrap();
        assert_eq!(fresh.0, 41);
    }
}

/// A crash without goodbye is seen as suspect and as dead within its time to live and one
/// interval, in order, and the indexes are empty afterwards.
#[tokio::test]
async fn a_crash_is_seen_in_time() {
    let Some(server) = shared("a_crash_is_seen_in_time") else { return };
    for layout in LAYOUTS {
        let (at, prefix) = (At::from(&*server), fresh_prefix());
        let policy = policy(900, 300);
        let registry = connect(&at.url, layout, &prefix, policy).await;
        let watcher = connect(&at.url, layout, &prefix, policy).await;
        let mut watch = RegistryWatch::new(Arc::new(watcher)).with_interval(millis(20));
        assert!(matches!(watch.next().await, Watched::Snapshot(agents) if agents.is_empty()));
        registry.register(&able("a:1", "read")).await.unwrap();
        let mut told = Vec::new();
        let mut times = Vec::new();
        for _ in 0..3 {
            let Watched::Event(event) = watch.next().await else { panic!("an event") };
            told.push((event.kind, event.state));
            times.push(event.at);
        }
        let expected = [
            (RegistryEventKind::Registered, AgentState::Alive),
            (RegistryEventKind::StatusChanged, AgentState::Suspect),
            (RegistryEventKind::Expired, AgentState::Dead),
        ];
        assert_eq!(told, expected);
        let (suspect, dead) = (times[1].since(times[0]), times[2].since(times[0]));
        assert!(suspect >= millis(600) && dead >= millis(900), "{suspect:?} {dead:?}");
        let space = match layout {
            KeyLayout::Compact => format!("{prefix}:{{agents}}"),
            KeyLayout::Tta => prefix.clone(),
        };
        for index in ["agents:index", "capabilities:index", "registry:names", "registry:known"] {
            assert_eq!(
                at.command(&["EXISTS", &format!("{space}:{index}")]),
                Frame::Integer(0),
                "{index}"
            );
        }
    }
}

/// Suspicion comes to the microsecond, death to the millisecond of the record's expiry.
#[tokio::test]
async fn death_comes_in_its_millisecond() {
    for layout in LAYOUTS {
        let clock = Clock::manual(Duration::from_secs(1_767_225_600));
        let server = FakeRedis::builder().clock(clock).start().await.unwrap();
        break_scripts(&server);
        let registry = connect(&server.url(), layout, "p", RegistryPolicy::new()).await;
        registry.register(&Registration::new(agent("a"))).await.unwrap();
        let state = async || registry.list_registered().await.unwrap().first().map(|it| it.state);
        server.advance(Duration::from_micros(19_999_999));
        assert_eq!(state().await, Some(AgentState::Alive));
        server.advance(Duration::from_micros(1));
        assert_eq!(state().await, Some(AgentState::Suspect));
        server.advance(Duration::from_micros(9_999_999));
        assert_eq!(state().await, Some(AgentState::Suspect));
        server.advance(Duration::from_micros(1_001));
        assert_eq!(state().await, None);
    }
}

/// FLUSHALL: the next beat restores the record, the agent is told, a watch is told of a gap and
/// of no death.
#[tokio::test]
async fn flushall_kills_nobody() {
    let Some(server) = private("flushall_kills_nobody") else { return };
    let at = At::from(&server);
    let policy = policy(60_000, 30);
    let registry = connect(&at.url, KeyLayout::Compact, "p", policy).await;
    let beats = Heartbeats::start(Arc::new(registry.clone()), OnDrop::Expire);
    beats.register(able("a", "read")).await.unwrap();
    let mut watch = RegistryWatch::new(Arc::new(registry.clone())).with_interval(millis(10));
    assert!(matches!(watch.next().await, Watched::Snapshot(agents) if agents.len() == 1));
    at.command(&["FLUSHALL"]);
    assert_eq!(beats.notice().await, Notice::Restored(agent("a")));
    let mut gap = false;
    loop {
        match watch.next().await {
            Watched::Gap { reason, .. } => {
                assert_eq!(reason, GapReason::Restarted);
                gap = true;
            }
            Watched::Snapshot(agents) if agents.len() == 1 => break,
            Watched::Snapshot(_) => {}
            Watched::Event(event) => {
                assert_ne!(event.kind, RegistryEventKind::Expired);
                if event.kind == RegistryEventKind::Registered {
                    break;
                }
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(gap);
    let found = registry.capability_sets(&CapabilityFilter::Name("read".into())).await.unwrap();
    assert_eq!(found.len(), 1, "its capabilities came back too");
}

/// A cut connection is a gap in which nothing was missed.
#[tokio::test]
async fn a_cut_connection_is_told() {
    let Some(mut server) = private("a_cut_connection_is_told") else { return };
    let at = At::from(&server);
    let registry = connect(&at.url, KeyLayout::Compact, "p", policy(60_000, 1_000)).await;
    let mut watch = RegistryWatch::new(Arc::new(registry.clone())).with_interval(millis(10));
    assert!(matches!(watch.next().await, Watched::Snapshot(_)));
    server.kill().unwrap();
    assert_eq!(watch.try_next().await, None);
    server.restart().unwrap();
    // This server keeps nothing: another log.
    let gap = Watched::Gap { reason: GapReason::Restarted, missed: None };
    assert_eq!(watch.next().await, gap);
    assert!(matches!(watch.next().await, Watched::Snapshot(agents) if agents.is_empty()));
    let fake = FakeRedis::start().await.unwrap();
    let registry = connect(&fake.url(), KeyLayout::Compact, "p", policy(60_000, 1_000)).await;
    let mut watch = RegistryWatch::new(Arc::new(registry.clone())).with_interval(millis(10));
    assert!(matches!(watch.next().await, Watched::Snapshot(_)));
    fake.refuse_connections();
    fake.kill_connections();
    while watch.try_next().await.is_some() {}
    fake.heal_all();
    let gap = Watched::Gap { reason: GapReason::Disconnected, missed: Some(0) };
    assert_eq!(watch.next().await, gap);
    registry.register(&Registration::new(agent("a"))).await.unwrap();
    assert!(matches!(watch.next().await, Watched::Event(_)));
}

/// 90 of 100 agents vanish; the others beat on. Nobody is declared dead for one more time to
/// live, however often somebody looks.
#[tokio::test]
async fn a_mass_loss_is_no_mass_death() {
    for layout in LAYOUTS {
        let clock = Clock::manual(Duration::from_secs(1_767_225_600));
        let server = FakeRedis::builder().clock(clock).start().await.unwrap();
        break_scripts(&server);
        let registry = connect(&server.url(), layout, "p", RegistryPolicy::new()).await;
        let mut living = Vec::new();
        for number in 0..100 {
            let registration = Registration::new(agent(&format!("a:{number}")));
            let incarnation = registry.register(&registration).await.unwrap().incarnation;
            if number < 10 {
                living.push((registration, incarnation));
            }
            // Their beats are spread over the interval.
            server.advance(millis(100));
        }
        let cursor = registry.events(None, 0).await.unwrap().head;
        let deaths = async || {
            let events = registry.events(Some(&cursor), 10_000).await.unwrap().events;
            events.iter().filter(|event| event.kind == RegistryEventKind::Expired).count()
        };
        for second in 1..=45 {
            server.advance(millis(1_000));
            let beats: Vec<_> = living
                .iter()
                .map(|(registration, incarnation)| Heartbeat {
                    registration,
                    incarnation: *incarnation,
                })
                .collect();
            registry.heartbeat(&beats).await.unwrap();
            assert_eq!(deaths().await, 0, "second {second}, {layout}");
        }
        let listed = registry.list_registered().await.unwrap();
        let suspects = listed.iter().filter(|it| it.state == AgentState::Suspect).count();
        assert_eq!((listed.len(), suspects), (100, 90), "{layout}");
        for _ in 0..30 {
            server.advance(millis(1_000));
            let beats: Vec<_> = living
                .iter()
                .map(|(registration, incarnation)| Heartbeat {
                    registration,
                    incarnation: *incarnation,
                })
                .collect();
            registry.heartbeat(&beats).await.unwrap();
            deaths().await;
        }
        assert_eq!(deaths().await, 90, "who did not come back is dead after all, {layout}");
        assert_eq!(registry.list_registered().await.unwrap().len(), 10);
    }
}

/// 10 000 agents: listed in three round trips, beaten for in one pipeline, found by name without
/// reading the others.
#[tokio::test]
async fn ten_thousand_agents_are_cheap() {
    let Some(server) = private("ten_thousand_agents_are_cheap") else { return };
    let at = At::from(&server);
    let policy = RegistryPolicy::new().with_ttl(HOUR);
    for layout in LAYOUTS {
        at.command(&["FLUSHALL"]);
        let registry = connect(&at.url, layout, "p", policy).await;
        let agents: Vec<_> = (0..10_000)
            .map(|number| {
                (
                    Registration::new(agent(&format!("a:{number:05}"))),
                    coord_core::registry::Incarnation::new(7),
                )
            })
            .collect();
        let beats: Vec<_> = agents
            .iter()
            .map(|(registration, incarnation)| Heartbeat {
                registration,
                incarnation: *incarnation,
            })
            .collect();
        let restored = registry.heartbeat(&beats).await.unwrap();
        assert!(restored.iter().all(|beat| *beat == Beat::Restored));
        for number in 0..20 {
            registry.register(&able(&format!("b:{number}"), "rare")).await.unwrap();
        }
        for number in 0..200 {
            registry.register(&able(&format!("c:{number}"), "common")).await.unwrap();
        }
        registry.list_registered().await.unwrap();
        let sets = registry.capability_sets(&CapabilityFilter::All).await.unwrap();
        assert_eq!(sets.len(), 220);

        let mut raw = at.client();
        reset_counts(&mut raw);
        let started = std::time::Instant::now();
        assert_eq!(registry.list_registered().await.unwrap().len(), 10_220);
        let took = started.elapsed();
        let cost = counts(&mut raw);
        // One script, then one pipeline of eleven reads: two round trips, and none per agent.
        assert_eq!(cost.get("EVALSHA"), Some(&1), "{cost:?}");
        assert_eq!(cost.get("MGET"), Some(&11), "{cost:?}");
        assert_eq!(cost.get("GET"), None, "{cost:?}");
        assert!(cost.values().sum::<u64>() < 30, "{cost:?} in {took:?}");

        reset_counts(&mut raw);
        let answers = registry.heartbeat(&beats[..1_000]).await.unwrap();
        assert!(answers.iter().all(|beat| *beat == Beat::Alive));
        assert_eq!(counts(&mut raw).get("EVALSHA"), Some(&10), "one pipeline of ten scripts");

        reset_counts(&mut raw);
        let filter = CapabilityFilter::Name("rare".to_owned());
        assert_eq!(registry.capability_sets(&filter).await.unwrap().len(), 20);
        let cost = counts(&mut raw);
        assert_eq!(cost.get("ZRANGEBYLEX"), Some(&1), "{cost:?}");
        assert_eq!(cost.get("MGET"), Some(&1), "{cost:?}");
        assert!(cost.values().sum::<u64>() < 10, "{cost:?}");
        let reads = values_read(&registry, &filter, &at).await;
        assert_eq!(reads, 20, "only the matching ones are read");
        for strategy in [MatchStrategy::Weighted, MatchStrategy::Fuzzy] {
            let (name, with_kind) = ("rare".to_owned(), false);
            let filter = CapabilityFilter::Similar { name, strategy, with_kind };
            assert_eq!(registry.capability_sets(&filter).await.unwrap().len(), 20);
            let reads = values_read(&registry, &filter, &at).await;
            assert_eq!(reads, 20, "only the matching ones are read");
        }
    }
}

/// How many values the reads of a discovery ask for, as MONITOR shows them.
async fn values_read(registry: &RedisAgentRegistry, filter: &CapabilityFilter, at: &At) -> usize {
    let mut monitor = at.client();
    monitor.checked(&["MONITOR"]).unwrap();
    registry.capability_sets(filter).await.unwrap();
    at.command(&["ECHO", "end-of-watch"]);
    loop {
        let line = match monitor.read().unwrap() {
            Frame::Simple(line) => line,
            other => panic!("{other:?}"),
        };
        if line.contains("\"MGET\"") {
            return line.matches(":capabilities:").count();
        }
        assert!(!line.contains("end-of-watch"), "no MGET was seen");
    }
}

/// Many who look at once: the death of an agent is one event.
#[tokio::test]
async fn a_death_is_one_event() {
    let Some(server) = shared("a_death_is_one_event") else { return };
    let (at, prefix) = (At::from(&*server), fresh_prefix());
    let registry = connect(&at.url, KeyLayout::Tta, &prefix, policy(50, 20)).await;
    let cursor = registry.events(None, 0).await.unwrap().head;
    registry.register(&Registration::new(agent("a"))).await.unwrap();
    server_time_passes(&at, millis(60)).await;
    let looks = (0..32).map(|_| registry.list_registered());
    for listed in futures_util::future::join_all(looks).await {
        assert!(listed.unwrap().is_empty());
    }
    let events = registry.events(Some(&cursor), 100).await.unwrap().events;
    let deaths = events.iter().filter(|event| event.kind == RegistryEventKind::Expired);
    assert_eq!(deaths.count(), 1, "{events:?}");
}

/// What other programs hear: the original's channels and JSON, and nothing for uptime ticks.
#[tokio::test]
async fn other_programs_are_told() {
    let Some(server) = shared("other_programs_are_told") else { return };
    let (at, prefix) = (At::from(&*server), fresh_prefix());
    let channels = format!("{prefix}:events");
    let publication = EventPublication::new().with_channels(&channels).unwrap();
    let registry = connect(&at.url, KeyLayout::Tta, &prefix, RegistryPolicy::new()).await;
    let registry = registry.publishing(publication);
    let mut listener = at.client();
    let own = format!("{channels}:agent_status");
    listener.checked(&["SUBSCRIBE", &own]).unwrap();
    let mut registration = Registration::new(agent("input_processor:x")).with_name("ipa:x");
    let incarnation = registry.register(&registration).await.unwrap().incarnation;
    let beat = async |registration: &Registration| {
        registry.heartbeat(&[Heartbeat { registration, incarnation }]).await.unwrap();
    };
    beat(&registration).await;
    registration.status.activity = coord_core::registry::Activity::Busy;
    beat(&registration).await;
    registry.deregister(&registration.agent_id, None).await.unwrap();
    let mut told = Vec::new();
    for _ in 0..3 {
        let message = listener.read().unwrap();
        let (Frame::Array(parts) | Frame::Push(parts)) = message else { panic!("{message:?}") };
        let json = text(parts.into_iter().next_back().unwrap());
        assert!(json.contains(r#"","event_type":"agent_status","timestamp":1"#), "{json}");
        assert!(
            json.contains(
                r#","source":"event_publisher","data":{},"agent_id":"input_processor:x","#
            )
        );
        let event: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(event["event_id"].as_str().unwrap().len(), 32);
        let status = event["status"].as_str().unwrap().to_owned();
        told.push((event["metadata"]["event_type"].as_str().unwrap().to_owned(), status));
    }
    let expected =
        [("status_changed", "idle"), ("status_changed", "busy"), ("deregistered", "offline")];
    assert_eq!(told, expected.map(|(event, status)| (event.to_owned(), status.to_owned())));
    let _: AgentId = registration.agent_id;
}
