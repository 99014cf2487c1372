//! Facts about events and watches.

use std::sync::Arc;
use std::time::Duration;

use coord_core::Payload;
use coord_core::registry::{
    Activity, AgentState, GapReason, RegistryEventKind as Kind, RegistryMachine, RegistryWatch,
    Watched,
};

use super::RegistryBackend;
use super::stage::{CALM, Stage, agent};

/// The events of a life, in order, numbered without holes.
pub async fn tell_a_life_in_order(backend: &dyn RegistryBackend) {
    let stage = Stage::new(backend, CALM).await;
    let cursor = stage.head().await;
    let (mut registration, incarnation) = stage.register("a:1").await;
    registration.status.activity = Activity::Busy;
    stage.beat(&registration, incarnation).await;
    stage.registry.drain(&mut registration, incarnation).await.unwrap();
    stage.registry.deregister(&agent("a:1"), Some(incarnation)).await.unwrap();
    let events = stage.since(&cursor).await;
    let told: Vec<_> = events.iter().map(|it| (it.kind, it.state, it.status.as_str())).collect();
    let expected = [
        (Kind::Registered, AgentState::Alive, "idle"),
        (Kind::StatusChanged, AgentState::Alive, "busy"),
        (Kind::Draining, AgentState::Draining, "busy"),
        (Kind::Deregistered, AgentState::Dead, "busy"),
    ];
    assert_eq!(told, expected);
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event.seq, cursor.seq + number as u64 + 1);
        assert_eq!((&event.agent_id, event.incarnation), (&agent("a:1"), Some(incarnation)));
    }
    let page = stage.registry.events(Some(&cursor), 2).await.unwrap();
    assert_eq!(page.events, events[..2]);
}

/// Uptime ticks are no change of status.
pub async fn counters_alone_are_none(backend: &dyn RegistryBackend) {
    let stage = Stage::new(backend, CALM).await;
    let (mut registration, incarnation) = stage.register("a").await;
    let cursor = stage.head().await;
    for seconds in 1..4 {
        let metrics = format!("{{\"uptime_s\": {seconds}}}");
        registration.status.metrics = Payload::from_json(&metrics).unwrap();
        stage.beat(&registration, incarnation).await;
    }
    assert!(stage.since(&cursor).await.is_empty());
    let record = stage.only().await.record.unwrap();
    assert_eq!(record.status.metrics.as_json(), r#"{"uptime_s": 3}"#);
}

/// A server that lost its data is a gap for a watch, and no death.
pub async fn gap_after_a_restart(backend: &dyn RegistryBackend) {
    let stage = Stage::new(backend, CALM).await;
    let (registration, incarnation) = stage.register("a").await;
    let mut watch = RegistryWatch::new(Arc::clone(&stage.registry));
    let Watched::Snapshot(agents) = watch.next().await else { panic!("a snapshot comes first") };
    assert_eq!(agents.len(), 1);
    backend.lose_everything().await;
    stage.beat(&registration, incarnation).await;
    let gap = Watched::Gap { reason: GapReason::Restarted, missed: None };
    assert_eq!(watch.next().await, gap);
    let Watched::Snapshot(agents) = watch.next().await else { panic!("a snapshot follows") };
    assert_eq!(agents.len(), 1);
    stage.register("b").await;
    match watch.next().await {
        Watched::Event(event) => assert_eq!(event.agent_id, agent("b")),
        other => panic!("{other:?}"),
    }
}

/// More events than the log keeps are a gap that says how many.
pub async fn overrun_is_a_gap(backend: &dyn RegistryBackend) {
    let stage = Stage::new(backend, CALM).await;
    let agents: Vec<_> = {
        let mut agents = Vec::new();
        for number in 0..500 {
            agents.push(stage.register(&format!("a:{number}")).await);
        }
        agents
    };
    let mut watch = RegistryWatch::new(Arc::clone(&stage.registry));
    assert!(matches!(watch.next().await, Watched::Snapshot(_)));
    let mut agents = agents;
    let rounds = RegistryMachine::MAX_EVENTS / agents.len() + 1;
    for round in 0..rounds {
        for (registration, _) in &mut agents {
            registration.status.degraded = round % 2 == 0;
        }
        let beats: Vec<_> = agents
            .iter()
            .map(|(registration, incarnation)| coord_core::registry::Heartbeat {
                registration,
                incarnation: *incarnation,
            })
            .collect();
        stage.registry.heartbeat(&beats).await.unwrap();
    }
    let gap = Watched::Gap { reason: GapReason::Overrun, missed: Some(500) };
    assert_eq!(watch.next().await, gap);
    assert!(matches!(watch.next().await, Watched::Snapshot(_)));
    assert!(matches!(watch.next().await, Watched::Event(_)));
}

/// A watch starts with who is there, and then tells what happens.
pub async fn watch_starts_with_a_snapshot(backend: &dyn RegistryBackend) {
    let stage = Stage::new(backend, CALM).await;
    stage.register("a").await;
    let registry = Arc::clone(&stage.registry);
    let mut watch = RegistryWatch::new(registry).with_interval(Duration::from_millis(5));
    let Watched::Snapshot(agents) = watch.next().await else { panic!("a snapshot comes first") };
    assert_eq!(agents[0].agent_id, agent("a"));
    assert_eq!(watch.try_next().await, None);
    stage.register("b").await;
    stage.registry.deregister(&agent("b"), None).await.unwrap();
    for kind in [Kind::Registered, Kind::Deregistered] {
        match watch.next().await {
            Watched::Event(event) => assert_eq!((event.kind, event.agent_id), (kind, agent("b"))),
            other => panic!("{other:?}"),
        }
    }
}
