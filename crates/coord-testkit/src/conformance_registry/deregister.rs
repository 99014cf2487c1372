//! Facts about saying goodbye.

use coord_core::registry::{Beat, RegistryEventKind};

use super::RegistryBackend;
use super::stage::{CALM, Stage, agent};

/// Nothing is left.
pub async fn removes(backend: &dyn RegistryBackend) {
    let stage = Stage::new(backend, CALM).await;
    let (_, incarnation) = stage.register("a").await;
    stage.register("b").await;
    let cursor = stage.head().await;
    assert!(stage.registry.deregister(&agent("a"), Some(incarnation)).await.unwrap());
    assert_eq!(stage.names().await, ["b"]);
    assert_eq!(stage.kinds(&cursor).await, [RegistryEventKind::Deregistered]);
    assert!(stage.registry.deregister(&agent("b"), None).await.unwrap());
    assert!(stage.list().await.is_empty());
}

/// Whoever is not there cannot go.
pub async fn of_nobody_is_false(backend: &dyn RegistryBackend) {
    let stage = Stage::new(backend, CALM).await;
    assert!(!stage.registry.deregister(&agent("a"), None).await.unwrap());
    let cursor = stage.head().await;
    stage.register("a").await;
    assert!(stage.registry.deregister(&agent("a"), None).await.unwrap());
    assert!(!stage.registry.deregister(&agent("a"), None).await.unwrap());
    assert_eq!(stage.since(&cursor).await.len(), 2);
}

/// A beat that was on its way leaves no zombie.
pub async fn refuses_late_beats(backend: &dyn RegistryBackend) {
    let stage = Stage::new(backend, CALM).await;
    let (registration, incarnation) = stage.register("a").await;
    stage.registry.deregister(&agent("a"), Some(incarnation)).await.unwrap();
    let beat = stage.beat(&registration, incarnation).await;
    assert!(matches!(beat, Beat::Superseded { current } if current > incarnation), "{beat:?}");
    assert!(stage.list().await.is_empty());
}

/// An old process cannot deregister its successor.
pub async fn of_a_successor_is_refused(backend: &dyn RegistryBackend) {
    let stage = Stage::new(backend, CALM).await;
    let (_, old) = stage.register("a").await;
    let (_, new) = stage.register("a").await;
    let refused = stage.registry.deregister(&agent("a"), Some(old)).await.unwrap_err();
    assert!(refused.is_superseded(), "{refused}");
    assert_eq!(stage.only().await.incarnation, Some(new));
}
