//! The shared record as a pure state machine: the reference of every store.

use std::time::Duration;

use super::config::MAX_TIMEOUT;
use super::ids::{Epoch, InstanceId, LeaseId};
use super::record::StateRecord;
use super::store::{
    ControlOrder, FleetControl, FleetPolicy, FleetState, FleetView, Hold, ProbeOutcome, Version,
    Vote,
};

/// The shared state of one breaker.
///
/// **Time is an input**: `now_us` is the store's own clock in microseconds since the Unix epoch.
/// A store is this machine made atomic: in memory behind a lock, on Redis as a script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
pub struct FleetRecord {
    /// This life of the record.
    pub epoch: Epoch,
    /// Transitions in this life, from 1.
    pub generation: u64,
    /// The automatic state as of the last transition.
    pub state: FleetState,
    /// When it began.
    pub changed_at_us: u64,
    /// End of OPEN.
    pub open_until_us: u64,
    /// Successful probes of this HALF_OPEN round.
    pub successes: u32,
    /// Votes to open; lapsed ones are removed by the next vote. At most 1 000.
    pub votes: Vec<FleetVote>,
    /// Probe permits out; lapsed ones are removed by the next acquire.
    pub leases: Vec<FleetLease>,
    /// The operator's hold.
    pub hold: Option<FleetHold>,
}

/// A vote to open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct FleetVote {
    /// Who.
    pub voter: InstanceId,
    /// Until when it counts.
    pub until_us: u64,
}

/// A probe permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct FleetLease {
    /// Which.
    pub id: LeaseId,
    /// When it lapses.
    pub until_us: u64,
}

/// An operator's hold.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct FleetHold {
    /// The state held.
    pub state: Hold,
    /// When it ends, if it does.
    pub until_us: Option<u64>,
    /// Why.
    pub reason: String,
    /// Who.
    pub author: String,
}

impl FleetRecord {
    /// A closed record of a new epoch.
    #[must_use]
    pub fn new(epoch: Epoch, now_us: u64) -> Self {
        Self { epoch, generation: 1, changed_at_us: now_us, ..Self::default() }
    }

    /// Its version.
    #[must_use]
    pub const fn version(&self) -> Version {
        Version { epoch: self.epoch, generation: self.generation }
    }

    /// How it looks at `now_us`.
    #[must_use]
    pub fn view(&self, now_us: u64) -> FleetView {
        let left = self.open_until_us.saturating_sub(now_us);
        let state = match self.state {
            FleetState::Open if left == 0 => FleetState::HalfOpen,
            state => state,
        };
        let open_for = if state == FleetState::Open { left } else { 0 };
        let alive = |until: u64| until > now_us;
        FleetView {
            version: self.version(),
            state,
            open_for: Duration::from_micros(open_for),
            votes: count(self.votes.iter().filter(|v| alive(v.until_us))),
            probes: count(self.leases.iter().filter(|l| alive(l.until_us))),
            control: self.hold(now_us).map(|hold| FleetControl {
                hold: hold.state,
                remaining: hold.until_us.map(|until| Duration::from_micros(until - now_us)),
                reason: hold.reason.clone(),
                author: hold.author.clone(),
            }),
        }
    }

    /// Counts a vote; returns whether it opened the fleet.
    pub fn vote(&mut self, now_us: u64, vote: &Vote, policy: &FleetPolicy) -> bool {
        let due = self.state == FleetState::Closed && self.hold(now_us).is_none();
        // Who saw no record may vote in the first generation of one: nothing has happened since.
        let current =
            vote.seen == self.version() || (vote.seen == Version::NONE && self.generation == 1);
        if !due || !current {
            return false;
        }
        self.votes.retain(|v| v.until_us > now_us && v.voter != vote.voter);
        if self.votes.len() >= MAX_VOTES {
            self.votes.remove(0);
        }
        self.votes.push(FleetVote { voter: vote.voter, until_us: after(now_us, policy.vote_ttl) });
        if self.votes.len() < policy.quorum as usize {
            return false;
        }
        self.open(now_us, vote.open_for);
        true
    }

    /// Grants a probe permit, or not. A refusal changes nothing.
    pub fn acquire(&mut self, now_us: u64, lease: LeaseId, policy: &FleetPolicy) -> bool {
        let view = self.view(now_us);
        let full = view.probes >= policy.half_open_max_calls;
        if view.control.is_some() || view.state != FleetState::HalfOpen {
            return false;
        }
        if self.state == FleetState::Open {
            self.enter(FleetState::HalfOpen, now_us);
        } else if full {
            return false;
        }
        self.leases.retain(|l| l.until_us > now_us);
        self.leases.push(FleetLease { id: lease, until_us: after(now_us, policy.probe_lease) });
        true
    }

    /// Takes a probe's outcome and decides; returns whether it counted.
    pub fn report(
        &mut self,
        now_us: u64,
        version: Version,
        lease: LeaseId,
        outcome: ProbeOutcome,
        policy: &FleetPolicy,
    ) -> bool {
        if !self.release(now_us, version, lease) {
            return false;
        }
        match outcome {
            ProbeOutcome::Success => {
                self.successes += 1;
                if self.successes >= policy.success_threshold {
                    self.enter(FleetState::Closed, now_us);
                }
            }
            ProbeOutcome::Failure { open_for } => {
                self.open(now_us, open_for.unwrap_or(policy.open_for));
            }
        }
        true
    }

    /// Takes a permit back unused; returns whether it was alive.
    pub fn release(&mut self, now_us: u64, version: Version, lease: LeaseId) -> bool {
        if version != self.version() {
            return false;
        }
        let held = self.leases.iter().position(|l| l.id == lease && l.until_us > now_us);
        held.map(|at| self.leases.swap_remove(at)).is_some()
    }

    /// Carries out an operator's order.
    pub fn control(&mut self, now_us: u64, order: &ControlOrder) {
        self.hold = None;
        match order {
            ControlOrder::Close => self.enter(FleetState::Closed, now_us),
            ControlOrder::Trip { open_for } => self.open(now_us, *open_for),
            ControlOrder::Hold { hold, lasting, reason, author } => {
                self.enter(FleetState::Closed, now_us);
                self.hold = Some(FleetHold {
                    state: *hold,
                    until_us: lasting.map(|lasting| after(now_us, lasting)),
                    reason: reason.clone(),
                    author: author.clone(),
                });
            }
        }
    }

    /// The record in the original's form, with itself beside it. The failure count is that of
    /// the votes while closed.
    #[must_use]
    pub fn to_state_record(&self, now_us: u64) -> StateRecord {
        let view = self.view(now_us);
        let state = match (&view.control, view.state) {
            (Some(FleetControl { hold: Hold::ForcedOpen, .. }), _) | (None, FleetState::Open) => {
                "open"
            }
            (Some(_), _) | (None, FleetState::Closed) => "closed",
            (None, FleetState::HalfOpen) => "half_open",
        };
        StateRecord {
            state: state.to_owned(),
            failure_count: view.votes.into(),
            half_open_calls: view.probes.into(),
            half_open_successes: self.successes.into(),
            last_failure_time: None,
            state_changed_at: self.changed_at_us as f64 / 1e6,
            updated_at: now_us as f64 / 1e6,
            coord: Some(self.clone()),
        }
    }

    fn hold(&self, now_us: u64) -> Option<&FleetHold> {
        self.hold.as_ref().filter(|hold| hold.until_us.is_none_or(|until| until > now_us))
    }

    fn open(&mut self, now_us: u64, lasting: Duration) {
        self.open_until_us = after(now_us, lasting.min(MAX_TIMEOUT));
        self.enter(FleetState::Open, now_us);
    }

    fn enter(&mut self, state: FleetState, now_us: u64) {
        self.state = state;
        self.generation += 1;
        self.changed_at_us = now_us;
        self.successes = 0;
        self.votes.clear();
        self.leases.clear();
    }
}

fn after(now_us: u64, lasting: Duration) -> u64 {
    now_us.saturating_add(u64::try_from(lasting.as_micros()).unwrap_or(u64::MAX))
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}

const MAX_VOTES: usize = 1_000;
