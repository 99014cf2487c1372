use std::time::Duration;

use expect_test::expect;

use super::*;
use crate::agent::AgentId;
use crate::capability::{
    AgentCapability, CapabilityCriteria, CapabilityMatch, CapabilityMatcher, CapabilitySet,
    CapabilityType, MatchStrategy,
};
use crate::payload::Payload;
use crate::time::Timestamp;

fn agent(text: &str) -> AgentId {
    AgentId::parse(text).unwrap()
}

const BEAT: Timestamp = Timestamp::from_micros(1_795_211_365_167_136);

#[test]
fn a_record_is_written_as_the_original_writes_it() {
    let metrics = r#"{"uptime_s": 0.0002465248107910156, "requests": 1, "errors": 0}"#;
    let status = AgentStatus::default().with_metrics(Payload::from_json(metrics).unwrap());
    let state = r#"{"flag": 41, "\u00e9": "\u6f22", "f": 1.5}"#;
    let registration = Registration::new(agent("input_processor"))
        .with_name("ipa:default")
        .with_status(status)
        .with_state(Payload::from_json(state).unwrap());
    let wire = registration.to_wire(BEAT, Incarnation::new(7));
    expect![[r#"{"name": "ipa:default", "agent_id": {"type": "input_processor", "instance": null}, "status": {"name": "ipa:default", "agent_id": {"type": "input_processor", "instance": null}, "running": true, "degraded": false, "status": "idle", "metrics": {"uptime_s": 0.0002465248107910156, "requests": 1, "errors": 0}}, "last_heartbeat": 1795211365.167136, "state": {"flag": 41, "\u00e9": "\u6f22", "f": 1.5}, "draining": false, "incarnation": 7}"#]]
    .assert_eq(&wire);
    let read = AgentRecord::from_wire(wire.as_bytes()).unwrap();
    assert_eq!(read.status, registration.status);
    assert_eq!(read.state, registration.state);
    assert_eq!(read.incarnation, Some(Incarnation::new(7)));
    assert_eq!(read.beat().unwrap().since(BEAT), Duration::ZERO);
}

#[test]
fn records_of_others_are_read_leniently() {
    let odd = r#"{"agent_id": {"type": "a", "instance": null}, "state": {"x": NaN}, "last_heartbeat": 1, "status": 3}"#;
    let read = AgentRecord::from_wire(odd.as_bytes()).unwrap();
    assert_eq!(read.state.unwrap().as_json(), r#"{"x": NaN}"#);
    assert_eq!((read.name.as_str(), read.last_heartbeat), ("a:default", Some(1.0)));
    for poison in [&b"\xff"[..], b"{", b"[]", b"{}", br#"{"agent_id": 3}"#] {
        AgentRecord::from_wire(poison).unwrap_err();
    }
}

#[test]
fn an_event_is_published_as_the_original_does() {
    let agent = agent("input_processor:x");
    let metrics = r#"{"uptime_s": 0.00041985511779785156, "requests": 0, "errors": 0}"#;
    let status = AgentStatus::default().with_metrics(Payload::from_json(metrics).unwrap());
    let registration = Registration::new(agent.clone()).with_name("ipa:x").with_status(status);
    let published = PublishedStatus {
        event: "status_changed",
        agent_id: &agent,
        registration: Some(&registration),
        status: "idle",
        previous: None,
        heartbeat_age: 0.0,
    };
    let json = published
        .to_json("854fea79fae64447b669ec0fa2385bdc", Timestamp::from_micros(1_795_211_364_546_356));
    expect![[r#"{"event_id":"854fea79fae64447b669ec0fa2385bdc","event_type":"agent_status","timestamp":1795211364.546356,"source":"event_publisher","data":{},"agent_id":"input_processor:x","agent_type":"input_processor","instance":"x","status":"idle","previous_status":null,"heartbeat_age":0.0,"metadata":{"event_type":"status_changed","name":"ipa:x","reason":null,"agent_id":{"type":"input_processor","instance":"x"},"running":true,"degraded":false,"status":"idle","metrics":{"uptime_s":0.00041985511779785156,"requests":0,"errors":0}}}"#]]
    .assert_eq(&json);
}

#[test]
fn most_vanishing_at_once_is_no_death() {
    let mut machine = RegistryMachine::new(RegistryPolicy::new());
    let at = |seconds: u64| BEAT + Duration::from_secs(seconds);
    for number in 0..100 {
        machine.register(BEAT, &Registration::new(agent(&format!("a:{number}")))).unwrap();
    }
    let cursor = machine.events(BEAT, None, 0).head;
    let ten: Vec<_> = (0..10).map(|n| Registration::new(agent(&format!("a:{n}")))).collect();
    let incarnation = machine.list(BEAT)[0].incarnation.unwrap();
    let beat = |machine: &mut RegistryMachine, now| {
        for registration in &ten {
            let incarnation = Incarnation::new(incarnation.number() + 1_000);
            machine.heartbeat(now, Heartbeat { registration, incarnation }).unwrap();
        }
    };
    let deaths = |machine: &mut RegistryMachine, now| {
        let page = machine.events(now, Some(&cursor), 10_000);
        page.events.iter().filter(|event| event.kind == RegistryEventKind::Expired).count()
    };
    for second in [10, 20, 30, 40, 50] {
        beat(&mut machine, at(second));
        assert_eq!(deaths(&mut machine, at(second)), 0, "{second}");
    }
    let suspects = machine.list(at(50)).iter().filter(|it| it.state == AgentState::Suspect).count();
    assert_eq!(suspects, 90);
    beat(&mut machine, at(60));
    assert_eq!(deaths(&mut machine, at(60)), 90, "a TTL later they are dead indeed");
}

#[test]
fn picking_leaves_out_and_is_sticky() {
    let sets: Vec<_> = (0..20)
        .map(|number| {
            let capability =
                AgentCapability::new("work", CapabilityType::Processing, "1.0.0").unwrap();
            let mut set = CapabilitySet::new(agent(&format!("w:{number}")), vec![capability]);
            set.load_factor = f64::from(number) / 100.0;
            set
        })
        .collect();
    let matcher = CapabilityMatcher::new().with_max_results(100);
    let found = matcher.find(&CapabilityCriteria::default(), MatchStrategy::Exact, &sets);
    fn chosen_of(
        found: &[CapabilityMatch],
        strategy: PickStrategy<'_>,
        out: &dyn Fn(&AgentId) -> bool,
    ) -> Option<String> {
        pick(found, strategy, out).map(|it| it.agent_id.to_string())
    }
    let nobody = |_: &AgentId| false;
    let first = |id: &AgentId| id.instance() == Some("0");
    assert_eq!(chosen_of(&found, PickStrategy::LeastLoaded, &nobody).unwrap(), "w:0");
    assert_eq!(chosen_of(&found, PickStrategy::LeastLoaded, &first).unwrap(), "w:1");
    assert_eq!(chosen_of(&found, PickStrategy::LeastLoaded, &|_| true), None);
    for random in 0..1_000 {
        let got = chosen_of(&found, PickStrategy::PowerOfTwo(random * 7_919), &nobody).unwrap();
        assert_ne!(got, "w:19", "the most loaded of all loses against any other");
        assert_eq!(
            chosen_of(&found, PickStrategy::PowerOfTwo(random), &|id| !first(id)).unwrap(),
            "w:0"
        );
    }
    let mut moved = 0;
    for key in 0..1_000 {
        let key = key.to_string();
        let before = chosen_of(&found, PickStrategy::Sticky(&key), &nobody).unwrap();
        let after = chosen_of(&found, PickStrategy::Sticky(&key), &first).unwrap();
        assert!(before == after || before == "w:0", "only the keys of who is gone move");
        moved += usize::from(before != after);
    }
    assert!((20..100).contains(&moved), "{moved} of 1000 keys were those of one in 20");
}

#[test]
fn the_policy_has_limits() {
    let policy = RegistryPolicy::new();
    assert_eq!((policy.ttl().as_secs(), policy.interval().as_secs()), (30, 10));
    let short = policy.with_ttl(Duration::from_millis(900));
    assert_eq!(short.interval(), Duration::from_millis(450));
    assert_eq!(policy.with_ttl(Duration::from_secs(2)).interval(), Duration::from_secs(1));
    assert_eq!(short.suspect_after(), Duration::from_millis(900));
    assert_eq!(policy.with_ttl(Duration::ZERO).validate().unwrap_err().field(), "ttl");
    let odd = policy.with_interval(Duration::from_secs(1_000_000));
    assert_eq!(odd.validate().unwrap_err().field(), "interval");
}
