//! The registry as a state machine.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::error::RegistryError;
use super::event::{EventCursor, EventPage, RegistryEvent, RegistryEventKind};
use super::liveness::{AgentState, Incarnation, Liveness, is_mass_loss};
use super::policy::RegistryPolicy;
use super::port::{Beat, CapabilityFilter, Heartbeat, Registered};
use super::record::{AgentRecord, RegisteredAgent, Registration};
use crate::agent::AgentId;
use crate::capability::CapabilitySet;
use crate::error::InvalidInput;
use crate::time::Timestamp;

/// The registry as a state machine: **no clock, no I/O, the same input gives the same outcome**.
///
/// Adapters either run it (the in-memory registry of the testkit) or do the same work elsewhere;
/// one conformance suite shows that both agree. Every method first looks for who has become
/// suspect or dead.
#[derive(Debug, Clone)]
pub struct RegistryMachine {
    policy: RegistryPolicy,
    agents: BTreeMap<String, Entry>,
    /// Who is gone, and since when: their old incarnations stay refused for a day.
    graves: BTreeMap<String, (Incarnation, Timestamp)>,
    last: Incarnation,
    /// Until when nobody is buried who was not spared before: most vanished at once.
    guard: Timestamp,
    epoch: u64,
    seq: u64,
    events: VecDeque<RegistryEvent>,
}

#[derive(Debug, Clone)]
struct Entry {
    registration: Registration,
    incarnation: Incarnation,
    live: Liveness,
    is_suspect: bool,
    /// Its record is gone; it is dead from this time on.
    spared: Option<Timestamp>,
}

impl RegistryMachine {
    /// How many events are kept.
    pub const MAX_EVENTS: usize = 10_000;
    /// How long the incarnations of the gone are remembered.
    pub const MEMORY: Duration = Duration::from_secs(86_400);

    /// An empty registry.
    pub const fn new(policy: RegistryPolicy) -> Self {
        Self {
            policy,
            agents: BTreeMap::new(),
            graves: BTreeMap::new(),
            last: Incarnation::new(0),
            guard: Timestamp::EPOCH,
            epoch: 1,
            seq: 0,
            events: VecDeque::new(),
        }
    }

    /// The policy.
    pub const fn policy(&self) -> RegistryPolicy {
        self.policy
    }

    /// Loses everything, as a server that restarts empty.
    pub fn forget_everything(&mut self) {
        let (policy, epoch) = (self.policy, self.epoch + 1);
        *self = Self::new(policy);
        self.epoch = epoch;
    }

    /// As [`AgentRegistry::register`](super::AgentRegistry::register).
    ///
    /// # Errors
    /// [`InvalidInput`] about the registration.
    pub fn register(
        &mut self,
        now: Timestamp,
        registration: &Registration,
    ) -> Result<Registered, InvalidInput> {
        registration.check()?;
        self.sweep(now);
        let key = registration.agent_id.mailbox_key();
        let mut registration = registration.clone();
        let before = self.agents.remove(&key).filter(|entry| entry.spared.is_none());
        let stored_state = before.as_ref().and_then(|it| it.registration.state.clone());
        registration.state = registration.state.or_else(|| stored_state.clone());
        registration.capabilities = registration.capabilities.map(|set| set.updated(now));
        self.last = Incarnation::next(self.last, now);
        self.graves.remove(&key);
        self.insert(now, registration, self.last);
        self.emit(now, RegistryEventKind::Registered, &key);
        Ok(Registered {
            incarnation: self.last,
            stored_state,
            took_over: before.map(|it| it.incarnation),
        })
    }

    /// As [`AgentRegistry::heartbeat`](super::AgentRegistry::heartbeat), for one agent.
    ///
    /// # Errors
    /// [`InvalidInput`] about the registration.
    pub fn heartbeat(&mut self, now: Timestamp, beat: Heartbeat<'_>) -> Result<Beat, InvalidInput> {
        beat.registration.check()?;
        self.sweep(now);
        let (key, own) = (beat.registration.agent_id.mailbox_key(), beat.incarnation);
        let living = self.agents.get(&key).map(|entry| entry.incarnation);
        let buried = self.graves.get(&key).map(|grave| grave.0);
        if let Some(current) = living.max(buried).filter(|&current| current > own) {
            return Ok(Beat::Superseded { current });
        }
        self.graves.remove(&key);
        self.last = self.last.max(own);
        let before = self.agents.remove(&key);
        let mut registration = beat.registration.clone();
        registration.capabilities = registration.capabilities.map(|set| set.updated(now));
        let keeps = |entry: &Entry| entry.registration.capabilities.clone();
        registration.capabilities =
            registration.capabilities.or_else(|| before.as_ref().and_then(keeps));
        self.insert(now, registration, own);
        let Some(before) = before else {
            self.emit(now, RegistryEventKind::Registered, &key);
            return Ok(Beat::Restored);
        };
        let (old, new) = (&before.registration, beat.registration);
        if new.draining && !old.draining {
            self.emit(now, RegistryEventKind::Draining, &key);
        } else if before.is_suspect || old.status.digest() != new.status.digest() {
            self.emit(now, RegistryEventKind::StatusChanged, &key);
        }
        Ok(if before.spared.is_some() { Beat::Restored } else { Beat::Alive })
    }

    /// As [`AgentRegistry::deregister`](super::AgentRegistry::deregister).
    ///
    /// # Errors
    /// [`RegistryError::Superseded`], [`RegistryError::Invalid`].
    pub fn deregister(
        &mut self,
        now: Timestamp,
        agent: &AgentId,
        incarnation: Option<Incarnation>,
    ) -> Result<bool, RegistryError> {
        agent.check()?;
        self.sweep(now);
        let key = agent.mailbox_key();
        let Some(entry) = self.agents.get(&key) else { return Ok(false) };
        let current = entry.incarnation;
        if let Some(own) = incarnation.filter(|&own| own < current) {
            return Err(RegistryError::Superseded { agent: agent.to_string(), own, current });
        }
        self.last = Incarnation::next(self.last, now);
        let last = self.last;
        self.bury(now, &key, RegistryEventKind::Deregistered, last);
        Ok(true)
    }

    /// As [`AgentRegistry::register_capabilities`](super::AgentRegistry::register_capabilities).
    ///
    /// # Errors
    /// [`RegistryError::UnknownAgent`], [`RegistryError::Invalid`].
    pub fn register_capabilities(
        &mut self,
        now: Timestamp,
        set: &CapabilitySet,
    ) -> Result<(), RegistryError> {
        set.check()?;
        self.sweep(now);
        let entry = self.agents.get_mut(&set.agent_id.mailbox_key());
        let unknown = || RegistryError::UnknownAgent { agent: set.agent_id.to_string() };
        let entry = entry.filter(|entry| entry.spared.is_none()).ok_or_else(unknown)?;
        entry.registration.capabilities = Some(set.clone().updated(now));
        Ok(())
    }

    /// All agents, by name.
    pub fn list(&mut self, now: Timestamp) -> Vec<RegisteredAgent> {
        self.sweep(now);
        self.agents.values().map(|entry| entry.show(now)).collect()
    }

    /// One agent.
    pub fn agent(&mut self, now: Timestamp, agent: &AgentId) -> Option<RegisteredAgent> {
        self.sweep(now);
        self.agents.get(&agent.mailbox_key()).map(|entry| entry.show(now))
    }

    /// What one agent can do.
    pub fn capabilities(&mut self, now: Timestamp, agent: &AgentId) -> Option<CapabilitySet> {
        self.sweep(now);
        let entry = self.agents.get(&agent.mailbox_key())?;
        entry.registration.capabilities.clone().filter(|_| entry.spared.is_none())
    }

    /// What agents that are neither dead nor draining can do.
    pub fn capability_sets(
        &mut self,
        now: Timestamp,
        filter: &CapabilityFilter,
    ) -> Vec<CapabilitySet> {
        self.sweep(now);
        let here = self.agents.values();
        let here = here.filter(|entry| entry.spared.is_none() && !entry.registration.draining);
        let sets = here.filter_map(|entry| entry.registration.capabilities.clone());
        sets.filter(|set| filter.admits(set)).collect()
    }

    /// As [`AgentRegistry::events`](super::AgentRegistry::events).
    pub fn events(&mut self, now: Timestamp, after: Option<&EventCursor>, max: usize) -> EventPage {
        self.sweep(now);
        let head = EventCursor { epoch: self.epoch.to_string(), seq: self.seq };
        let cursor = after.filter(|cursor| cursor.epoch == head.epoch);
        let later = |cursor: &EventCursor| {
            let later = self.events.iter().filter(|event| event.seq > cursor.seq);
            later.take(max).cloned().collect()
        };
        EventPage { events: cursor.map(later).unwrap_or_default(), head }
    }

    fn insert(&mut self, now: Timestamp, registration: Registration, incarnation: Incarnation) {
        let key = registration.agent_id.mailbox_key();
        let live = Liveness::beating(now, &self.policy);
        let entry = Entry { registration, incarnation, live, is_suspect: false, spared: None };
        self.agents.insert(key, entry);
    }

    /// Announces the suspects and buries the dead, unless most have vanished at once.
    fn sweep(&mut self, now: Timestamp) {
        let keys = |test: &dyn Fn(&Entry) -> bool| -> Vec<String> {
            self.agents.iter().filter(|(_, it)| test(it)).map(|(key, _)| key.clone()).collect()
        };
        let suspects = keys(&|it| !it.is_suspect && now >= it.live.suspect_at);
        let (over, spared) = (
            keys(&|it| it.spared.is_none() && now >= it.live.dead_at),
            keys(&|it| it.spared.is_some_and(|until| now >= until)),
        );
        let silent = self.agents.values().filter(|it| now >= it.live.suspect_at).count();
        for key in suspects {
            if let Some(entry) = self.agents.get_mut(&key) {
                entry.is_suspect = true;
            }
            self.emit(now, RegistryEventKind::StatusChanged, &key);
        }
        if !over.is_empty() && is_mass_loss(silent, self.agents.len()) {
            self.guard = now + self.policy.ttl();
        }
        for key in over {
            if now < self.guard {
                let until = now + self.policy.ttl();
                self.agents.entry(key).and_modify(|entry| entry.spared = Some(until));
            } else {
                self.expire(now, &key);
            }
        }
        for key in spared {
            self.expire(now, &key);
        }
        self.graves.retain(|_, (_, since)| now.since(*since) < Self::MEMORY);
    }

    fn expire(&mut self, now: Timestamp, key: &str) {
        if let Some(incarnation) = self.agents.get(key).map(|entry| entry.incarnation) {
            self.bury(now, key, RegistryEventKind::Expired, incarnation);
        }
    }

    fn bury(&mut self, now: Timestamp, key: &str, kind: RegistryEventKind, stands: Incarnation) {
        self.emit(now, kind, key);
        self.agents.remove(key);
        self.graves.insert(key.to_owned(), (stands, now));
    }

    fn emit(&mut self, now: Timestamp, kind: RegistryEventKind, key: &str) {
        let Some(entry) = self.agents.get(key) else { return };
        let state = match kind {
            RegistryEventKind::Deregistered | RegistryEventKind::Expired => AgentState::Dead,
            _ if entry.is_suspect => AgentState::Suspect,
            _ if entry.registration.draining => AgentState::Draining,
            _ => AgentState::Alive,
        };
        self.seq += 1;
        let agent = entry.registration.agent_id.clone();
        let status = entry.registration.status.activity.as_str().to_owned();
        let incarnation = Some(entry.incarnation);
        let event = RegistryEvent::new(self.seq, kind, agent, incarnation, state, status, now);
        self.events.push_back(event);
        if self.events.len() > Self::MAX_EVENTS {
            self.events.pop_front();
        }
    }
}

impl Entry {
    fn show(&self, now: Timestamp) -> RegisteredAgent {
        let wire = self.registration.to_wire(self.live.beat, self.incarnation);
        // What was just written can be read.
        let record = AgentRecord::from_wire(wire.as_bytes()).ok();
        let state = match self.spared {
            Some(_) => AgentState::Suspect,
            None => self.live.state(now, self.registration.draining),
        };
        let record = record.filter(|_| self.spared.is_none());
        let agent = self.registration.agent_id.clone();
        RegisteredAgent::new(
            agent,
            state,
            Some(self.incarnation),
            Some(self.live.beat),
            now,
            record,
        )
    }
}
