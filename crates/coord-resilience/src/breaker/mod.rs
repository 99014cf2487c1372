//! The circuit breaker: [`CircuitBreaker`] around the pure [`Machine`], and the fleet's
//! [`SharedBreaker`] over a [`BreakerStore`].

mod circuit;
mod config;
mod driver;
mod events;
mod fleet;
mod fleet_permit;
mod ids;
mod memory;
mod metrics;
mod name;
mod outcome;
mod permit;
mod record;
mod registry;
mod shared;
mod shell;
mod state;
mod store;
mod stripes;
mod window;

#[cfg(feature = "conformance")]
pub mod conformance;

pub use circuit::{CallError, CircuitBreaker, Rejected};
pub use config::{Abandoned, CircuitBreakerConfig, Rates, WindowConfig};
pub use driver::Driver;
pub use events::{Event, EventKind, EventStream};
pub use fleet::{FleetHold, FleetLease, FleetRecord, FleetVote};
pub use ids::{Epoch, InstanceId, LeaseId};
pub use memory::InMemoryBreakerStore;
pub use metrics::Metrics;
pub use name::BreakerName;
pub use outcome::{Cause, Outcome, State, Transition};
pub use permit::Permit;
pub use record::{MetricsRecord, StateRecord};
pub use registry::{BreakerRegistry, RegistryError};
pub use shared::{Coordination, SharedBreaker, SharedConfig, SharedPermit};
pub use state::{Machine, Refusal, Ticket};
pub use store::{
    Acquired, BreakerStore, ControlOrder, FleetControl, FleetPolicy, FleetState, FleetView, Hold,
    ProbeOutcome, Settled, StoreError, Version, Vote,
};
pub use window::WindowCounts;
