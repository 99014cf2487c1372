//! What agents can do, and what is looked for.

use coord_core::AgentId;
use coord_core::capability::{
    AgentCapability, CapabilityCriteria, CapabilityMatch, CapabilityMatcher, CapabilityScope,
    CapabilitySet, CapabilityStatus, CapabilityType, MatchStrategy, VersionOrder,
};
use coord_core::registry::{CapabilityFilter, PickStrategy};
use proptest::prelude::*;

use super::*;

/// Every kind of work.
pub fn capability_types() -> impl Strategy<Value = CapabilityType> {
    use CapabilityType::{Analysis, Communication, Coordination, Generation, Processing, Storage};
    let all = [Processing, Generation, Analysis, Coordination, Storage, Communication];
    prop::sample::select(all.to_vec())
}

/// Every scope.
pub fn capability_scopes() -> impl Strategy<Value = CapabilityScope> {
    use CapabilityScope::{Global, Instance, Session};
    prop::sample::select(vec![Session, Global, Instance])
}

/// Every status.
pub fn capability_statuses() -> impl Strategy<Value = CapabilityStatus> {
    use CapabilityStatus::{Active, Deprecated, Disabled, Experimental};
    prop::sample::select(vec![Active, Deprecated, Disabled, Experimental])
}

/// Names of few letters, so that some are alike.
pub fn capability_names() -> impl Strategy<Value = String> {
    "[a-c][a-c0-1_]{0,4}"
}

/// Texts that parse as a [`CapabilityVersion`](coord_core::capability::CapabilityVersion).
pub fn capability_versions() -> impl Strategy<Value = String> {
    "[0-2]\\.[0-9]{1,2}\\.[0-2](-(alpha|beta\\.[0-9]|rc-1))?"
}

/// Capabilities that pass their check.
pub fn agent_capabilities() -> impl Strategy<Value = AgentCapability> {
    let words = || prop::collection::vec("[a-c]{1,2}", 0..3);
    let what = (capability_names(), capability_types(), capability_versions());
    let how = (capability_scopes(), capability_statuses(), prop::option::of(0..10_000u64));
    let lists = (words(), words(), words(), prop::option::of("[a-c é]{0,12}"));
    let open = (prop::option::of(payloads()), prop::collection::vec("[a-c]{1,3}", 0..2));
    (what, how, lists, open).prop_map(|((name, kind, version), how, lists, (schema, names))| {
        let mut it = AgentCapability::new(name, kind, version).expect("of the right form");
        (it.scope, it.status, it.estimated_duration_ms) = how;
        (it.required_inputs, it.optional_inputs, it.tags, it.description) = lists;
        // What only Python's dialect knows cannot stand in a schema.
        it.output_schema = schema.and_then(|schema| schema.as_json().parse().ok());
        it.metadata = names.into_iter().map(|name| (name, true.into())).collect();
        it
    })
}

/// Sets that pass their check.
pub fn capability_sets() -> impl Strategy<Value = CapabilitySet> {
    agent_ids().prop_flat_map(capability_sets_of)
}

/// Sets of one agent that pass their check.
pub fn capability_sets_of(agent: AgentId) -> impl Strategy<Value = CapabilitySet> {
    let load = (0..=20u32).prop_map(|n| f64::from(n) / 20.0);
    let updated = prop::option::of(timestamps());
    let some = prop::collection::vec(agent_capabilities(), 0..3);
    (some, 1..=10i64, load, any::<bool>(), updated).prop_map(
        move |(capabilities, priority, load, availability, updated)| {
            let mut set = CapabilitySet::new(agent.clone(), capabilities);
            (set.priority, set.load_factor, set.availability) = (priority, load, availability);
            match updated {
                Some(at) => set.updated(at),
                None => set,
            }
        },
    )
}

/// Criteria that some of the capabilities fit.
pub fn capability_criteria() -> impl Strategy<Value = CapabilityCriteria> {
    let rare = |text: &'static str| prop::option::weighted(0.3, text);
    let version = || prop::option::weighted(0.2, capability_versions());
    let words = || prop::collection::vec("[a-c]{1,2}", 0..2);
    let what = (rare("[a-c][a-c0-1_]{0,4}"), prop::option::weighted(0.3, capability_types()));
    let load = (0..=20u32).prop_map(|n| f64::from(n) / 20.0);
    let limits = (prop::option::weighted(0.3, 0..10_000u64), load, any::<bool>());
    (what, (version(), version(), version()), (words(), words()), limits).prop_map(
        |(what, versions, words, limits)| {
            let mut it = CapabilityCriteria::default();
            (it.capability_name, it.capability_type) = what;
            (it.min_version, it.max_version, it.preferred_version) = versions;
            (it.required_inputs, it.required_tags) = words;
            (it.max_duration_ms, it.max_load_factor, it.require_available) = limits;
            it
        },
    )
}

/// Every strategy.
pub fn match_strategies() -> impl Strategy<Value = MatchStrategy> {
    prop::sample::select(MatchStrategy::ALL.to_vec())
}

/// Both orders of versions.
pub fn version_orders() -> impl Strategy<Value = VersionOrder> {
    prop::sample::select(vec![VersionOrder::Semantic, VersionOrder::Text])
}

/// Matchers of both orders and of few results.
pub fn capability_matchers() -> impl Strategy<Value = CapabilityMatcher> {
    (version_orders(), 0..5usize).prop_map(|(order, results)| {
        CapabilityMatcher::new().with_versions(order).with_max_results(results)
    })
}

/// Capabilities that were found, with scores of 0 to 1.
pub fn capability_matches() -> impl Strategy<Value = CapabilityMatch> {
    let share = || (0..=20u32).prop_map(|n| f64::from(n) / 20.0);
    let flags = any::<[bool; 4]>();
    (agent_ids(), agent_capabilities(), share(), share(), flags).prop_map(
        |(agent_id, capability, match_score, agent_load_factor, flags)| {
            let [exact_match, version_match, performance_match, agent_availability] = flags;
            CapabilityMatch {
                agent_id,
                capability,
                match_score,
                exact_match,
                version_match,
                performance_match,
                agent_load_factor,
                agent_availability,
            }
        },
    )
}

/// Whose capabilities to read.
pub fn capability_filters() -> impl Strategy<Value = CapabilityFilter> {
    (capability_criteria(), match_strategies())
        .prop_map(|(criteria, strategy)| CapabilityFilter::of(&criteria, strategy))
}

/// Every way to choose, with some keys to stick to.
pub fn pick_strategies() -> impl Strategy<Value = PickStrategy<'static>> {
    prop_oneof![
        Just(PickStrategy::LeastLoaded),
        any::<u64>().prop_map(PickStrategy::PowerOfTwo),
        prop::sample::select(vec!["", "tenant-1", "tenant-2", "é"]).prop_map(PickStrategy::Sticky),
    ]
}
