//! Facts about beats.

use std::sync::Arc;
use std::time::Duration;

use coord_core::registry::{
    AgentState, Beat, Heartbeat, Heartbeats, Incarnation, Notice, OnDrop, Registration,
    RegistryEventKind, RegistryPolicy,
};

use super::RegistryBackend;
use super::stage::{CALM, HOUR, NERVOUS, Stage, agent};

/// A beat moves the time of the last one, and makes nobody suspect.
pub async fn keeps_alive(backend: &dyn RegistryBackend) {
    let stage = Stage::new(backend, CALM).await;
    let (registration, incarnation) = stage.register("a").await;
    let before = stage.only().await.last_heartbeat.unwrap();
    backend.advance(Duration::from_millis(5)).await;
    assert_eq!(stage.beat(&registration, incarnation).await, Beat::Alive);
    let after = stage.only().await;
    assert!(after.last_heartbeat.unwrap() >= before + Duration::from_millis(5));
    assert_eq!(after.state, AgentState::Alive);
}

/// After a loss of all data a beat brings the agent back under its own number, and says so.
pub async fn restores_a_lost_record(backend: &dyn RegistryBackend) {
    let stage = Stage::new(backend, CALM).await;
    let (registration, incarnation) = stage.register("a").await;
    backend.lose_everything().await;
    assert!(stage.list().await.is_empty());
    let cursor = stage.head().await;
    assert_eq!(stage.beat(&registration, incarnation).await, Beat::Restored);
    assert_eq!(stage.only().await.incarnation, Some(incarnation));
    assert_eq!(stage.kinds(&cursor).await, [RegistryEventKind::Registered]);
    assert_eq!(stage.beat(&registration, incarnation).await, Beat::Alive);
    assert!(stage.register("a").await.1 > incarnation, "the counter was lifted");
}

/// A frozen process that wakes after a takeover cannot overwrite its successor, alive or dead.
pub async fn of_a_zombie_is_refused(backend: &dyn RegistryBackend) {
    let stage = Stage::new(backend, CALM).await;
    let (registration, old) = stage.register("a").await;
    let (_, new) = stage.register("a").await;
    let refused = Beat::Superseded { current: new };
    let zombie = registration.clone().with_name("zombie");
    assert_eq!(stage.beat(&zombie, old).await, refused);
    let shown = stage.only().await;
    assert_eq!(shown.record.unwrap().name, "a:default");
    let mut zombie = zombie;
    let error = stage.registry.drain(&mut zombie, old).await.unwrap_err();
    assert!(error.is_superseded(), "{error}");
    stage.registry.deregister(&agent("a"), None).await.unwrap();
    assert!(matches!(stage.beat(&zombie, old).await, Beat::Superseded { .. }));
    assert!(stage.list().await.is_empty());
}

/// The beats of many agents go together; each has its own answer.
pub async fn many_at_once(backend: &dyn RegistryBackend) {
    let stage = Stage::new(backend, CALM).await;
    let mut agents = Vec::new();
    for number in 0..250 {
        agents.push(stage.register(&format!("a:{number:03}")).await);
    }
    let new = stage.register("a:007").await.1;
    let unknown = Registration::new(agent("a:250"));
    agents.push((unknown, Incarnation::new(1)));
    let beats: Vec<_> = agents
        .iter()
        .map(|(registration, incarnation)| Heartbeat { registration, incarnation: *incarnation })
        .collect();
    let answers = stage.registry.heartbeat(&beats).await.unwrap();
    for (number, answer) in answers.into_iter().enumerate() {
        let expected = match number {
            7 => Beat::Superseded { current: new },
            250 => Beat::Restored,
            _ => Beat::Alive,
        };
        assert_eq!(answer, expected, "{number}");
    }
    assert_eq!(stage.list().await.len(), 251);
    assert!(stage.registry.heartbeat(&[]).await.unwrap().is_empty());
}

/// The handle beats by itself, and tells what its agents should know.
pub async fn handle_tells(backend: &dyn RegistryBackend) {
    let policy = RegistryPolicy::new().with_ttl(HOUR).with_interval(Duration::from_millis(20));
    let stage = Stage::new(backend, policy).await;
    let beats = Heartbeats::start(Arc::clone(&stage.registry), OnDrop::Expire);
    beats.register(Registration::new(agent("a"))).await.unwrap();
    backend.lose_everything().await;
    assert_eq!(beats.notice().await, Notice::Restored(agent("a")));
    assert_eq!(stage.names().await, ["a"]);
    let current = stage.register("a").await.1;
    let superseded = Notice::Superseded { agent_id: agent("a"), current };
    assert_eq!(beats.notice().await, superseded);
    let snapshot = beats.snapshot().await.unwrap();
    assert!(snapshot.local.is_empty(), "a replaced agent beats no more");
    assert_eq!(snapshot.redis_index.len(), 1);
}

/// Stopping a handle deregisters its agents; dropping one does so if it was asked to.
pub async fn stops_with_its_handle(backend: &dyn RegistryBackend) {
    let stage = Stage::new(backend, NERVOUS).await;
    let beats = Heartbeats::start(Arc::clone(&stage.registry), OnDrop::Expire);
    beats.register(Registration::new(agent("a"))).await.unwrap();
    beats.register(Registration::new(agent("b"))).await.unwrap();
    beats.stop().await.unwrap();
    assert!(stage.list().await.is_empty());
    let beats = Heartbeats::start(Arc::clone(&stage.registry), OnDrop::Expire);
    beats.register(Registration::new(agent("a"))).await.unwrap();
    drop(beats);
    assert_eq!(stage.names().await, ["a"], "it expires in its own time");
    let beats = Heartbeats::start(Arc::clone(&stage.registry), OnDrop::Deregister);
    beats.register(Registration::new(agent("a"))).await.unwrap();
    drop(beats);
    for _ in 0..2_000 {
        if stage.list().await.is_empty() {
            return;
        }
        stage.registry.pause(Duration::from_millis(5)).await;
    }
    panic!("it was not deregistered within ten seconds");
}
