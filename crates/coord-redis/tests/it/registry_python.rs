//! Python in the same registry, on the original's layout: `tests/python/registry.py` reads what
//! Rust registers, and the other way round.

use std::sync::Arc;

use coord_core::Payload;
use coord_core::capability::{AgentCapability, CapabilitySet, CapabilityType};
use coord_core::registry::{
    Activity, AgentRegistry, AgentState, AgentStatus, CapabilityFilter, EventPublication,
    Heartbeat, Registration, RegistryEventKind, RegistryPolicy,
};
use coord_redis::{KeyLayout, RedisAgentRegistry};
use coord_testkit::server::RealServer;
use serde_json::{Value, json};

use crate::harness::{At, agent, config, fresh_prefix, shared};
use crate::python_program::Python;

async fn scene(name: &str) -> Option<(Arc<RealServer>, RedisAgentRegistry, Python, String)> {
    let server = shared(name)?;
    let (at, prefix) = (At::from(&*server), fresh_prefix());
    let config = config(&at.url, KeyLayout::Tta, &prefix);
    let registry = RedisAgentRegistry::connect(config, RegistryPolicy::new()).await;
    let python = Python::start("registry", &at, &prefix, name)?;
    Some((server, registry.expect("the server is there"), python, prefix))
}

fn able(name: &str) -> Registration {
    let capability =
        AgentCapability::new("text_analysis", CapabilityType::Processing, "1.0.0").unwrap();
    let capability = AgentCapability {
        description: Some("é liest".to_owned()),
        tags: vec!["nlp".to_owned()],
        ..capability
    };
    let mut set = CapabilitySet::new(agent(name), vec![capability]);
    set.load_factor = 0.25;
    Registration::new(agent(name)).with_capabilities(set)
}

#[tokio::test]
async fn python_reads_what_rust_registers() {
    let name = "python_reads_what_rust_registers";
    let Some((_server, registry, mut python, prefix)) = scene(name).await else { return };
    let channels = format!("{prefix}:events");
    python.call("listen", json!({ "channels": channels }));
    let publication = EventPublication::new().with_channels(&channels).unwrap();
    let registry = registry.publishing(publication);
    let metrics = r#"{"uptime_s": 0.0002465248107910156, "requests": 1, "errors": 0}"#;
    let status = AgentStatus::default().with_metrics(Payload::from_json(metrics).unwrap());
    let state = Payload::from_json(r#"{"flag": 41, "\u00e9": "\u6f22", "f": 1.5}"#).unwrap();
    let mut registration =
        able("input_processor:ü").with_name("ipa:ü").with_status(status).with_state(state);
    let incarnation = registry.register(&registration).await.unwrap().incarnation;
    registration.status.activity = Activity::Busy;
    let beats = [Heartbeat { registration: &registration, incarnation }];
    registry.heartbeat(&beats).await.unwrap();

    let listed = python.call("list", json!({}));
    let record = &listed[0];
    assert_eq!(record["name"], "ipa:ü");
    assert_eq!(record["agent_id"], json!({"type": "input_processor", "instance": "ü"}));
    assert_eq!(record["status"]["status"], "busy");
    assert_eq!(record["state"], json!({"flag": 41, "é": "漢", "f": 1.5}));
    assert_eq!(record["alive"], true);
    assert_eq!(record["capabilities"]["load_factor"], 0.25);
    let sets = python.call("capabilities", json!({}));
    assert_eq!(sets[0]["capabilities"][0]["name"], "text_analysis");
    assert_eq!(sets[0]["capabilities"][0]["tags"], json!(["nlp"]));
    let updated = sets[0]["last_updated"].as_str().unwrap();
    assert!(updated.len() >= 19 && !updated.contains('+'), "naive UTC: {updated}");

    registry.deregister(&registration.agent_id, Some(incarnation)).await.unwrap();
    assert_eq!(python.call("list", json!({})), json!([]));
    assert_eq!(python.call("capabilities", json!({})), json!([]));
    let heard = python.call("heard", json!({"count": 6}));
    let heard: Vec<_> = heard
        .as_array()
        .unwrap()
        .iter()
        .map(|message| {
            let (channel, event) = (message[0].as_str().unwrap(), &message[1]);
            assert_eq!(event["agent_id"], "input_processor:ü");
            let what = event["metadata"]["event_type"].as_str().unwrap();
            format!("{channel} {what} {}", event["status"].as_str().unwrap())
        })
        .collect();
    for expected in ["status_changed idle", "status_changed busy", "deregistered offline"] {
        for channel in ["all", "agent_status"] {
            let line = format!("{channel} {expected}");
            assert!(heard.contains(&line), "{line} in {heard:?}");
        }
    }
}

#[tokio::test]
async fn rust_reads_what_python_registers() {
    let name = "rust_reads_what_python_registers";
    let Some((_server, registry, mut python, _prefix)) = scene(name).await else { return };
    let id = json!({"type": "world_builder", "instance": null});
    let set = json!({
        "agent_id": id, "capabilities": [{"name": "text_analysis", "type": "processing",
        "version": "1.0.0", "tags": ["nlp"]}], "load_factor": 0.5,
        "last_updated": "2026-11-20T21:49:25.163695", "priority": 5, "availability": true,
    });
    let state = json!({"flag": 41, "é": "漢"});
    let request = json!({"agent": id, "name": "wba:default", "state": state, "capabilities": set});
    assert_eq!(python.call("register", request), Value::Null);
    let listed = registry.list_registered().await.unwrap();
    let [found] = &listed[..] else { panic!("{listed:?}") };
    assert_eq!(found.agent_id, agent("world_builder"));
    assert_eq!((found.state, found.alive, found.incarnation), (AgentState::Alive, true, None));
    assert_eq!(found.record.as_ref().unwrap().name, "wba:default");
    let stored = registry.stored_state(&found.agent_id).await.unwrap().unwrap();
    assert_eq!(stored.as_json(), r#"{"flag": 41, "\u00e9": "\u6f22"}"#);
    let filter = CapabilityFilter::Name("text_analysis".to_owned());
    registry.register(&able("input_processor:x")).await.unwrap();
    let sets = registry.capability_sets(&filter).await.unwrap();
    let names: Vec<_> = sets.iter().map(|set| set.agent_id.to_string()).collect();
    assert_eq!(names, ["input_processor:x", "world_builder"]);

    // Rust takes over from Python with its state, and Python from Rust.
    let taken = registry.register(&Registration::new(agent("world_builder"))).await.unwrap();
    assert_eq!(taken.stored_state, Some(stored));
    let request = json!({"agent": id, "name": "wba:default"});
    assert_eq!(python.call("register", request), state);
    let again = registry.agent(&agent("world_builder")).await.unwrap().unwrap();
    assert_eq!((again.incarnation, again.alive), (None, true), "the record is Python's again");

    // Python deregisters; Python crashes: each leaves nothing behind.
    let cursor = registry.events(None, 0).await.unwrap().head;
    let lonely = json!({"type": "lonely", "instance": "1"});
    python.call("register", json!({"agent": lonely, "name": "l"}));
    assert_eq!(registry.list_registered().await.unwrap().len(), 3);
    python.call("vanish", json!({"agent": lonely}));
    assert_eq!(registry.list_registered().await.unwrap().len(), 2);
    let events = registry.events(Some(&cursor), 10).await.unwrap().events;
    let told: Vec<_> = events.iter().map(|it| (it.kind, it.agent_id.to_string())).collect();
    assert_eq!(told, [(RegistryEventKind::Expired, "lonely:1".to_owned())]);
}
