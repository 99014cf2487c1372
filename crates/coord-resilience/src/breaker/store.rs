//! The port of the shared breaker: [`BreakerStore`], a trait of transitions.

use std::fmt::Debug;
use std::time::Duration;

use super::ids::{Epoch, InstanceId, LeaseId};
use super::name::BreakerName;
use super::outcome::State;

/// Where a fleet keeps the shared state of its breakers.
///
/// Each method is one atomic step on the store, on the store's own clock, deciding as
/// [`FleetRecord`](super::FleetRecord) does, which is the reference. There is no get and no set.
/// A refused acquire, a late report and a vote that does not trip change nothing that a later
/// call depends on; in particular nothing is prolonged.
///
/// The trait is open for implementations; new methods will come with a default body. Check yours
/// with `breaker::conformance` (feature `conformance`).
///
/// Cancel safety: a dropped future may or may not have taken effect, as with any I/O.
#[async_trait::async_trait]
pub trait BreakerStore: Send + Sync + Debug {
    /// The current view; creates nothing.
    async fn observe(&self, name: &BreakerName) -> Result<FleetView, StoreError>;

    /// Votes to open. The fleet opens when `quorum` votes are alive. Ignored unless the fleet is
    /// CLOSED at the version the voter has seen.
    async fn vote(
        &self,
        name: &BreakerName,
        vote: &Vote,
        policy: &FleetPolicy,
    ) -> Result<FleetView, StoreError>;

    /// Asks for a probe permit, which lapses by itself after `probe_lease`.
    async fn acquire(
        &self,
        name: &BreakerName,
        lease: LeaseId,
        policy: &FleetPolicy,
    ) -> Result<Acquired, StoreError>;

    /// Hands a permit back with the probe's outcome and decides, in one step. Does nothing if
    /// epoch or generation have changed, or the lease has lapsed.
    async fn report(
        &self,
        name: &BreakerName,
        version: Version,
        lease: LeaseId,
        outcome: ProbeOutcome,
        policy: &FleetPolicy,
    ) -> Result<Settled, StoreError>;

    /// Gives a permit back unused.
    async fn release(
        &self,
        name: &BreakerName,
        version: Version,
        lease: LeaseId,
    ) -> Result<Settled, StoreError>;

    /// Carries out an operator's order.
    async fn control(
        &self,
        name: &BreakerName,
        order: &ControlOrder,
    ) -> Result<FleetView, StoreError>;

    /// Waits until the version differs from `seen`. The default waits for ever, which leaves
    /// propagation to polling. It may miss changes; polling covers that.
    async fn changed(&self, name: &BreakerName, seen: Version) -> Result<FleetView, StoreError> {
        let _ = (name, seen);
        std::future::pending().await
    }
}

/// Fence of everything the fleet decides: the record's life and its transitions counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Version {
    /// Which life of the record; zero for no record.
    pub epoch: Epoch,
    /// Transitions in this life, from 1.
    pub generation: u64,
}

impl Version {
    /// No record.
    pub const NONE: Self = Self { epoch: Epoch(0), generation: 0 };
}

/// The automatic state of the fleet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum FleetState {
    /// Calls pass.
    #[default]
    Closed,
    /// Calls are rejected for the time left.
    Open,
    /// Leased probes pass.
    HalfOpen,
}

/// The fleet as the store sees it at one moment. Times are durations, so clocks need not agree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FleetView {
    /// The version this describes.
    pub version: Version,
    /// The state; OPEN whose time has passed is shown as `HalfOpen`.
    pub state: FleetState,
    /// Time left in OPEN.
    pub open_for: Duration,
    /// Votes alive.
    pub votes: u32,
    /// Probe permits out.
    pub probes: u32,
    /// The operator's order in force.
    pub control: Option<FleetControl>,
}

/// A vote to open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vote {
    /// Who votes; one vote each.
    pub voter: InstanceId,
    /// The version the voter last saw.
    pub seen: Version,
    /// For how long the voter's own breaker stays open; the fleet opens for as long as the
    /// deciding vote says.
    pub open_for: Duration,
}

/// The numbers of the fleet protocol; all processes of a fleet should agree on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FleetPolicy {
    /// Votes that open the fleet.
    pub quorum: u32,
    /// How long a vote lives.
    pub vote_ttl: Duration,
    /// How long OPEN lasts after a failed probe.
    pub open_for: Duration,
    /// Probe permits at once, in the whole fleet.
    pub half_open_max_calls: u32,
    /// Successful probes that close.
    pub success_threshold: u32,
    /// How long a permit lives.
    pub probe_lease: Duration,
}

/// The answer to [`BreakerStore::acquire`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acquired {
    /// The permit is yours until it lapses; report with the view's version.
    Granted(FleetView),
    /// All permits are out, or the fleet is not half-open.
    Refused(FleetView),
}

/// The answer to [`BreakerStore::report`] and [`BreakerStore::release`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Whether it counted: false for a late one.
    pub applied: bool,
    /// The fleet afterwards.
    pub view: FleetView,
}

/// How a probe went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeOutcome {
    /// The dependency works.
    Success,
    /// The dependency fails; it may have said for how long to stay away.
    Failure {
        /// The dependency's hint, e.g. `Retry-After`; at most 24 h count.
        open_for: Option<Duration>,
    },
}

/// A state an operator holds the fleet in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Hold {
    /// Reject all calls.
    ForcedOpen,
    /// Let all calls pass.
    Disabled,
    /// Let all calls pass and count.
    MetricsOnly,
}

impl From<Hold> for State {
    fn from(hold: Hold) -> Self {
        match hold {
            Hold::ForcedOpen => Self::ForcedOpen,
            Hold::Disabled => Self::Disabled,
            Hold::MetricsOnly => Self::MetricsOnly,
        }
    }
}

/// What an operator asks of the fleet. Each order replaces the one in force.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ControlOrder {
    /// Hold a state; afterwards the fleet is CLOSED.
    Hold {
        /// The state.
        hold: Hold,
        /// For how long; `None` until the next order.
        lasting: Option<Duration>,
        /// Why.
        reason: String,
        /// Who.
        author: String,
    },
    /// Automatic and CLOSED, with votes and probes forgotten.
    Close,
    /// Automatic and OPEN for this long (at most 24 h).
    Trip {
        /// How long.
        open_for: Duration,
    },
}

/// An operator's hold in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetControl {
    /// The state.
    pub hold: Hold,
    /// Time left; `None` until the next order.
    pub remaining: Option<Duration>,
    /// Why.
    pub reason: String,
    /// Who.
    pub author: String,
}

/// The store could not do its part. A user's call never fails because of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It failed or cannot be reached.
    #[error("the breaker store is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It took longer than the time budget.
    #[error("the breaker store took longer than its time budget")]
    TimedOut,
}
