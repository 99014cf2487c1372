//! Facts about what agents can do.

use coord_core::AgentId;
use coord_core::capability::{
    CapabilityCriteria, CapabilityMatch, CapabilityMatcher, CapabilitySet, CapabilityType as Kind,
    MatchStrategy,
};
use coord_core::registry::{CapabilityFilter, PickStrategy, Registration, RegistryError};

use super::RegistryBackend;
use super::stage::{CALM, Stage, able, agent, set};

async fn found(stage: &Stage, filter: CapabilityFilter) -> Vec<String> {
    let sets = stage.registry.capability_sets(&filter).await.expect("discovers");
    sets.iter().map(|set| set.agent_id.to_string()).collect()
}

fn by_name(name: &str) -> CapabilityFilter {
    CapabilityFilter::Name(name.to_owned())
}

/// Only those who have it, in the order of their names.
pub async fn are_found_by_name(backend: &dyn RegistryBackend) {
    let stage = Stage::new(backend, CALM).await;
    for (name, ability) in [("b", "read"), ("a:2", "read"), ("a:1", "write"), ("c", "read_all")] {
        stage.registry.register(&able(name, ability, Kind::Analysis)).await.unwrap();
    }
    stage.register("d").await;
    assert_eq!(found(&stage, by_name("read")).await, ["a:2", "b"]);
    assert_eq!(found(&stage, by_name("nothing")).await, [""; 0]);
    assert_eq!(found(&stage, CapabilityFilter::All).await, ["a:1", "a:2", "b", "c"]);
    let criteria = CapabilityCriteria {
        capability_name: Some("read".to_owned()),
        ..CapabilityCriteria::default()
    };
    let matcher = CapabilityMatcher::new();
    let exact = stage.registry.discover(&criteria, MatchStrategy::Exact, matcher).await.unwrap();
    let names: Vec<_> = exact.iter().map(|it| it.agent_id.to_string()).collect();
    assert_eq!(names, ["a:2", "b"]);
    let weighted = stage.registry.discover(&criteria, MatchStrategy::Weighted, matcher);
    let scores: Vec<f64> = weighted.await.unwrap().iter().map(|it| it.match_score).collect();
    assert_eq!(scores, [0.96, 0.96, 0.84], "part of a name counts less");
}

/// Only those of that kind.
pub async fn are_found_by_kind(backend: &dyn RegistryBackend) {
    let stage = Stage::new(backend, CALM).await;
    stage.registry.register(&able("a", "read", Kind::Analysis)).await.unwrap();
    stage.registry.register(&able("b", "read", Kind::Storage)).await.unwrap();
    assert_eq!(found(&stage, CapabilityFilter::Kind(Kind::Storage)).await, ["b"]);
}

/// Nobody can do anything who is not there.
pub async fn need_a_registration(backend: &dyn RegistryBackend) {
    let stage = Stage::new(backend, CALM).await;
    let wanted = set("a", "read", Kind::Analysis);
    let refused = stage.registry.register_capabilities(&wanted).await.unwrap_err();
    assert!(matches!(refused, RegistryError::UnknownAgent { .. }), "{refused}");
    stage.register("a").await;
    stage.registry.register_capabilities(&wanted).await.unwrap();
    let stored = stage.registry.capabilities(&agent("a")).await.unwrap().unwrap();
    assert!(stored.last_updated.is_some());
    assert_eq!(CapabilitySet { last_updated: None, ..stored }, wanted);
    assert_eq!(stage.registry.capabilities(&agent("b")).await.unwrap(), None);
}

/// A later set replaces an earlier one, also in the indexes.
pub async fn are_replaced(backend: &dyn RegistryBackend) {
    let stage = Stage::new(backend, CALM).await;
    stage.registry.register(&able("a", "read", Kind::Analysis)).await.unwrap();
    stage.registry.register_capabilities(&set("a", "write", Kind::Storage)).await.unwrap();
    assert_eq!(found(&stage, by_name("read")).await, [""; 0]);
    assert_eq!(found(&stage, by_name("write")).await, ["a"]);
    stage.register("a").await;
    assert_eq!(found(&stage, by_name("write")).await, [""; 0], "a new registration starts anew");
}

/// Beats keep them, also those that were registered apart.
pub async fn follow_beats(backend: &dyn RegistryBackend) {
    let stage = Stage::new(backend, CALM).await;
    let (registration, incarnation) = stage.register("a").await;
    stage.registry.register_capabilities(&set("a", "read", Kind::Analysis)).await.unwrap();
    stage.beat(&registration, incarnation).await;
    assert_eq!(found(&stage, by_name("read")).await, ["a"]);
}

/// Looking for a name finds the same however few sets are read.
pub async fn are_found_by_similar_names(backend: &dyn RegistryBackend) {
    let stage = Stage::new(backend, CALM).await;
    let names = ["read", "reader", "thread_pool", "write", "rewrite_text", "x", "text_analysis"];
    let mut sets = Vec::new();
    for (number, name) in names.iter().enumerate() {
        for (copy, kind) in [("1", Kind::Analysis), ("2", Kind::Storage)] {
            let agent = format!("agent{number}:{copy}");
            stage.registry.register(&able(&agent, name, kind)).await.unwrap();
            sets.push(set(&agent, name, kind));
        }
    }
    let everything = CapabilityMatcher::new().with_max_results(usize::MAX);
    for wanted in ["read", "READ", "text", "write", "zzz", "e", "analysis_text"] {
        for kind in [None, Some(Kind::Analysis)] {
            let criteria = CapabilityCriteria {
                capability_name: Some(wanted.to_owned()),
                capability_type: kind,
                ..CapabilityCriteria::default()
            };
            for strategy in MatchStrategy::ALL {
                let found = stage.registry.discover(&criteria, strategy, everything).await.unwrap();
                let whole = everything.find(&criteria, strategy, &sets);
                let of = |found: &[CapabilityMatch]| -> Vec<(String, f64)> {
                    found.iter().map(|it| (it.agent_id.to_string(), it.match_score)).collect()
                };
                assert_eq!(of(&found), of(&whole), "{wanted} {kind:?} {strategy:?}");
            }
        }
    }
}

/// After a loss of all data a beat brings them back as well.
pub async fn come_back_with_a_beat(backend: &dyn RegistryBackend) {
    let stage = Stage::new(backend, CALM).await;
    let registration = able("a", "read", Kind::Analysis);
    let incarnation = stage.registry.register(&registration).await.unwrap().incarnation;
    backend.lose_everything().await;
    assert_eq!(found(&stage, by_name("read")).await, [""; 0]);
    stage.beat(&registration, incarnation).await;
    assert_eq!(found(&stage, by_name("read")).await, ["a"]);
}

/// Who wants no more work is not found.
pub async fn of_the_draining_are_left_out(backend: &dyn RegistryBackend) {
    let stage = Stage::new(backend, CALM).await;
    let mut registration = able("a", "read", Kind::Analysis);
    let incarnation = stage.registry.register(&registration).await.unwrap().incarnation;
    stage.registry.register(&able("b", "read", Kind::Analysis)).await.unwrap();
    stage.registry.drain(&mut registration, incarnation).await.unwrap();
    for filter in [by_name("read"), CapabilityFilter::All] {
        assert_eq!(found(&stage, filter).await, ["b"]);
    }
}

/// They go with their agent.
pub async fn go_with_the_agent(backend: &dyn RegistryBackend) {
    let stage = Stage::new(backend, CALM).await;
    stage.registry.register(&able("a", "read", Kind::Analysis)).await.unwrap();
    stage.registry.deregister(&agent("a"), None).await.unwrap();
    assert_eq!(found(&stage, by_name("read")).await, [""; 0]);
    assert_eq!(stage.registry.capabilities(&agent("a")).await.unwrap(), None);
}

/// The least loaded of those that may be taken.
pub async fn picking_leaves_out(backend: &dyn RegistryBackend) {
    let stage = Stage::new(backend, CALM).await;
    for (name, load) in [("a:1", 0.1), ("a:2", 0.2), ("a:3", 0.3), ("a:4", 0.9)] {
        let mut set = set(name, "read", Kind::Analysis);
        set.load_factor = load;
        let registration = Registration::new(agent(name)).with_capabilities(set);
        let registered = stage.registry.register(&registration).await.unwrap();
        if name == "a:1" {
            let mut draining = registration;
            stage.registry.drain(&mut draining, registered.incarnation).await.unwrap();
        }
    }
    let criteria = CapabilityCriteria {
        capability_name: Some("read".to_owned()),
        ..CapabilityCriteria::default()
    };
    let is_open = |id: &AgentId| *id == agent("a:2");
    let picked = stage.registry.pick(&criteria, PickStrategy::LeastLoaded, &is_open).await.unwrap();
    assert_eq!(picked.unwrap().agent_id, agent("a:3"));
    let nobody = |_: &AgentId| true;
    let picked = stage.registry.pick(&criteria, PickStrategy::Sticky("k"), &nobody).await.unwrap();
    assert_eq!(picked, None);
}
