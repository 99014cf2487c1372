//! The circuit breaker: [`CircuitBreaker`] around the pure [`Machine`], and the fleet's
//! [`SharedBreaker`] over a [`BreakerStore`].

mod circuit;
mod config;
mod driver;
mod events;
mod fleet;
mod fleet_permit;
mod ids;
mod link;
mod memory;
mod metrics;
mod name;
mod outcome;
mod permit;
mod record;
mod registry;
mod rejection;
mod shared;
mod shared_config;
mod shell;
mod state;
mod store;
mod stripes;
mod ticket;
mod window;

#[cfg(feature = "conformance")]
pub mod conformance;

pub use circuit::CircuitBreaker;
pub use config::{Abandoned, CircuitBreakerConfig, Rates, WindowConfig};
pub use driver::Driver;
pub use events::{Event, EventKind, EventStream};
pub use fleet::{FleetHold, FleetLease, FleetRecord, FleetVote};
pub use fleet_permit::SharedPermit;
pub use ids::{Epoch, InstanceId, LeaseId};
pub use memory::InMemoryBreakerStore;
pub use metrics::Metrics;
pub use name::BreakerName;
pub use outcome::{Cause, Outcome, State, Transition};
pub(crate) use permit::Guard;
pub use permit::Permit;
pub use record::{MetricsRecord, StateRecord};
pub use registry::{BreakerRegistry, RegistryError};
pub use rejection::{CallError, Rejected};
pub use shared::{Coordination, SharedBreaker};
pub use shared_config::SharedConfig;
pub use state::Machine;
pub use store::{
    Acquired, BreakerStore, ControlOrder, FleetControl, FleetPolicy, FleetState, FleetView, Hold,
    ProbeOutcome, Settled, StoreError, Version, Vote,
};
pub use ticket::{Refusal, Ticket};
pub use window::WindowCounts;
