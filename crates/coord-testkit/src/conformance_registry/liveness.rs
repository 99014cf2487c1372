//! Facts about who is alive, suspect, draining and dead.

use std::time::Duration;

use coord_core::registry::{AgentState, Beat, Registration, RegistryEventKind, RegistryPolicy};

use super::RegistryBackend;
use super::stage::{CALM, DEADLY, NERVOUS, Stage, agent};

/// Adapters may be as much late.
const A_LITTLE: Duration = Duration::from_millis(2);

/// Two missing beats make an agent suspect, once.
pub async fn suspect_after_two_intervals(backend: &dyn RegistryBackend) {
    let stage = Stage::new(backend, NERVOUS).await;
    stage.register("a").await;
    let cursor = stage.head().await;
    backend.advance(Duration::from_millis(25)).await;
    let shown = stage.only().await;
    assert_eq!((shown.state, shown.alive), (AgentState::Suspect, true));
    assert_eq!(stage.only().await.state, AgentState::Suspect);
    let events = stage.since(&cursor).await;
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0].kind, RegistryEventKind::StatusChanged);
    assert_eq!(events[0].state, AgentState::Suspect);
}

/// A beat clears the suspicion, and that is an event.
pub async fn suspect_recovers(backend: &dyn RegistryBackend) {
    let stage = Stage::new(backend, NERVOUS).await;
    let (registration, incarnation) = stage.register("a").await;
    let cursor = stage.head().await;
    backend.advance(Duration::from_millis(25)).await;
    assert_eq!(stage.only().await.state, AgentState::Suspect);
    assert_eq!(stage.beat(&registration, incarnation).await, Beat::Alive);
    let events = stage.since(&cursor).await;
    let states: Vec<_> = events.iter().take(2).map(|event| event.state).collect();
    assert_eq!(states, [AgentState::Suspect, AgentState::Alive]);
}

/// A crash without goodbye: dead when its time is over, one event, and nothing is left.
pub async fn dead_after_its_time(backend: &dyn RegistryBackend) {
    let stage = Stage::new(backend, DEADLY).await;
    let (registration, incarnation) = stage.register("a").await;
    let cursor = stage.head().await;
    backend.advance(DEADLY.ttl() + DEADLY.interval()).await;
    let mut kinds = stage.kinds(&cursor).await;
    assert_eq!(kinds.pop(), Some(RegistryEventKind::Expired), "{kinds:?}");
    assert!(stage.list().await.is_empty());
    assert!(stage.registry.agent(&agent("a")).await.unwrap().is_none());
    let count = stage.since(&cursor).await.len();
    assert_eq!(stage.since(&cursor).await.len(), count, "it dies once");
    // Whoever was taken for dead may come back, and is told.
    assert_eq!(stage.beat(&registration, incarnation).await, Beat::Restored);
}

/// When most vanish at once they are suspect for one more time to live, and dead after that.
pub async fn mass_loss_kills_nobody_at_once(backend: &dyn RegistryBackend) {
    let ttl = Duration::from_millis(600);
    let policy = RegistryPolicy::new().with_ttl(ttl).with_interval(Duration::from_millis(200));
    let stage = Stage::new(backend, policy).await;
    let others = backend.registry(policy).await;
    let cursor = stage.head().await;
    for number in 0..100 {
        others.register(&Registration::new(agent(&format!("a:{number}")))).await.unwrap();
    }
    backend.advance(ttl + A_LITTLE).await;
    for number in 0..10 {
        stage.register(&format!("b:{number}")).await;
    }
    let listed = stage.list().await;
    let suspect = listed.iter().filter(|it| it.agent_id.agent_type() == "a");
    let suspect = suspect.filter(|it| it.state == AgentState::Suspect).count();
    assert_eq!(suspect, 100);
    let is_death = |kind: &RegistryEventKind| *kind == RegistryEventKind::Expired;
    assert!(!stage.kinds(&cursor).await.iter().any(is_death), "nobody died");
    backend.advance(ttl + A_LITTLE).await;
    stage.list().await;
    let deaths = stage.since(&cursor).await;
    let of_a = deaths.iter().filter(|it| it.agent_id.agent_type() == "a");
    assert_eq!(of_a.filter(|it| is_death(&it.kind)).count(), 100, "nobody came back");
}

/// A draining agent says so to everybody, and goes on beating.
pub async fn drains(backend: &dyn RegistryBackend) {
    let stage = Stage::new(backend, CALM).await;
    let (mut registration, incarnation) = stage.register("a").await;
    let cursor = stage.head().await;
    stage.registry.drain(&mut registration, incarnation).await.unwrap();
    assert_eq!(stage.only().await.state, AgentState::Draining);
    assert_eq!(stage.beat(&registration, incarnation).await, Beat::Alive);
    let events = stage.since(&cursor).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].kind, RegistryEventKind::Draining);
}
