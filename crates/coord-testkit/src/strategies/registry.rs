//! Who is there, and what happens to them.

use std::time::Duration;

use coord_core::Timestamp;
use coord_core::registry::{
    Activity, AgentRecord, AgentState, AgentStatus, Beat, EventCursor, EventPage, EventPublication,
    GapReason, Incarnation, Liveness, Notice, OnDrop, Registered, RegisteredAgent, Registration,
    RegistryEvent, RegistryEventKind, RegistryPolicy, RegistrySnapshot, Watched,
};
use proptest::prelude::*;

use super::*;

/// Numbers of registrations.
pub fn incarnations() -> impl Strategy<Value = Incarnation> {
    (0..4_102_444_800_000u64).prop_map(Incarnation::new)
}

/// Every state.
pub fn agent_states() -> impl Strategy<Value = AgentState> {
    use AgentState::{Alive, Dead, Draining, Suspect};
    prop::sample::select(vec![Alive, Suspect, Draining, Dead])
}

/// Every activity.
pub fn activities() -> impl Strategy<Value = Activity> {
    prop::sample::select(vec![Activity::Idle, Activity::Busy, Activity::Error])
}

/// What agents say about themselves.
pub fn agent_statuses() -> impl Strategy<Value = AgentStatus> {
    (any::<bool>(), any::<bool>(), activities(), payloads()).prop_map(
        |(running, degraded, activity, metrics)| AgentStatus {
            running,
            degraded,
            activity,
            metrics,
        },
    )
}

/// Policies that pass their check.
pub fn registry_policies() -> impl Strategy<Value = RegistryPolicy> {
    let time = |max: u64| (1..max).prop_map(Duration::from_millis);
    (time(60_000), prop::option::of(time(20_000))).prop_map(|(ttl, interval)| {
        let policy = RegistryPolicy::new().with_ttl(ttl.max(Duration::from_millis(2)));
        match interval {
            Some(interval) => policy.with_interval(interval),
            None => policy,
        }
    })
}

/// Registrations that pass their check.
pub fn registrations() -> impl Strategy<Value = Registration> {
    let sets = agent_ids()
        .prop_flat_map(|agent| (prop::option::of(capability_sets_of(agent.clone())), Just(agent)));
    let rest = (prop::option::of(".{0,12}"), prop::option::of(payloads()), any::<bool>());
    (sets, agent_statuses(), rest).prop_map(|((set, agent), status, (name, state, draining))| {
        let mut it = Registration::new(agent).with_status(status);
        it.name = name.unwrap_or(it.name);
        (it.capabilities, it.state, it.draining) = (set, state, draining);
        it
    })
}

/// Accepted registrations.
pub fn registered() -> impl Strategy<Value = Registered> {
    (incarnations(), prop::option::of(payloads()), any::<bool>()).prop_map(
        |(before, stored_state, is_taken)| Registered {
            incarnation: Incarnation::new(before.number() + 1),
            stored_state,
            took_over: is_taken.then_some(before),
        },
    )
}

/// Answers to a beat.
pub fn beats() -> impl Strategy<Value = Beat> {
    prop_oneof![
        Just(Beat::Alive),
        Just(Beat::Restored),
        incarnations().prop_map(|current| Beat::Superseded { current }),
    ]
}

/// Records as they are stored and read.
pub fn agent_records() -> impl Strategy<Value = AgentRecord> {
    (registrations(), timestamps(), incarnations()).prop_map(|(it, beat, incarnation)| {
        let wire = it.to_wire(beat, incarnation);
        AgentRecord::from_wire(wire.as_bytes()).expect("what is written can be read")
    })
}

/// Agents of a listing, up to ten minutes after their last beat.
pub fn registered_agents() -> impl Strategy<Value = RegisteredAgent> {
    let later = (0..600_000u64).prop_map(Duration::from_millis);
    let record = prop::option::weighted(0.9, agent_records());
    (agent_ids(), agent_states(), record, prop::option::of(timestamps()), later).prop_map(
        |(agent, state, record, beat, later)| {
            let agent = record.as_ref().map_or(agent, |record| record.agent_id.clone());
            let incarnation = record.as_ref().and_then(|record| record.incarnation);
            let now = beat.unwrap_or(Timestamp::EPOCH) + later;
            RegisteredAgent::new(agent, state, incarnation, beat, now, record)
        },
    )
}

/// When agents were heard of, by any policy.
pub fn livenesses() -> impl Strategy<Value = Liveness> {
    (timestamps(), registry_policies()).prop_map(|(at, policy)| Liveness::beating(at, &policy))
}

/// Every kind of event.
pub fn registry_event_kinds() -> impl Strategy<Value = RegistryEventKind> {
    prop::sample::select(RegistryEventKind::ALL.to_vec())
}

/// Events of any number.
pub fn registry_events() -> impl Strategy<Value = RegistryEvent> {
    let who = (agent_ids(), prop::option::of(incarnations()));
    let status = prop::sample::select(vec!["", "idle", "busy", "error"]);
    let what = (registry_event_kinds(), agent_states(), status);
    (1..1_000u64, who, what, timestamps()).prop_map(|(seq, who, (kind, state, status), at)| {
        RegistryEvent::new(seq, kind, who.0, who.1, state, status.to_owned(), at)
    })
}

/// Places in a log.
pub fn event_cursors() -> impl Strategy<Value = EventCursor> {
    ("[0-9a-f]{8}", 0..1_000u64).prop_map(|(epoch, seq)| EventCursor { epoch, seq })
}

/// Pages of events whose numbers follow each other up to the head.
pub fn event_pages() -> impl Strategy<Value = EventPage> {
    (event_cursors(), prop::collection::vec(registry_events(), 0..4)).prop_map(
        |(mut head, mut events)| {
            for event in &mut events {
                head.seq += 1;
                event.seq = head.seq;
            }
            EventPage { head, events }
        },
    )
}

/// Channels for events.
pub fn event_publications() -> impl Strategy<Value = EventPublication> {
    "[a-z:]{1,12}".prop_map(|channels| {
        EventPublication::new().with_channels(&channels).expect("short and not empty")
    })
}

/// What heartbeats find out.
pub fn notices() -> impl Strategy<Value = Notice> {
    prop_oneof![
        agent_ids().prop_map(Notice::Restored),
        (agent_ids(), incarnations())
            .prop_map(|(agent_id, current)| Notice::Superseded { agent_id, current }),
        "[a-z ]{1,16}".prop_map(Notice::Failing),
    ]
}

/// Both ends of dropped heartbeats.
pub fn on_drops() -> impl Strategy<Value = OnDrop> {
    prop::sample::select(vec![OnDrop::Expire, OnDrop::Deregister])
}

/// What a process knows of its own agents and of all.
pub fn registry_snapshots() -> impl Strategy<Value = RegistrySnapshot> {
    let local = prop::collection::btree_map("[a-z]{1,8}:default", agent_statuses(), 0..3);
    (local, prop::collection::vec(registered_agents(), 0..3))
        .prop_map(|(local, redis_index)| RegistrySnapshot { local, redis_index })
}

/// Every reason for a gap.
pub fn gap_reasons() -> impl Strategy<Value = GapReason> {
    prop::sample::select(vec![GapReason::Disconnected, GapReason::Overrun, GapReason::Restarted])
}

/// What a watch tells.
pub fn watched() -> impl Strategy<Value = Watched> {
    prop_oneof![
        prop::collection::vec(registered_agents(), 0..3).prop_map(Watched::Snapshot),
        registry_events().prop_map(Watched::Event),
        (gap_reasons(), prop::option::of(1..100u64))
            .prop_map(|(reason, missed)| Watched::Gap { reason, missed }),
    ]
}
