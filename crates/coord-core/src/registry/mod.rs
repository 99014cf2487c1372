//! Who is there: registrations, liveness, events, and finding the agent for a job.
//!
//! [`AgentRegistry`] is the port. What is alive, suspect or dead is decided by the time of the
//! server alone, by the rules of [`Liveness`]; [`RegistryMachine`] is those rules as a state
//! machine without clock and I/O.

mod error;
mod event;
mod heartbeats;
mod liveness;
mod machine;
mod notices;
mod pick;
mod policy;
mod port;
mod publication;
mod record;
mod watch;

pub use error::RegistryError;
pub use event::{EventCursor, EventPage, RegistryEvent, RegistryEventKind};
pub use heartbeats::{Heartbeats, OnDrop, RegistrySnapshot};
pub use liveness::{AgentState, Incarnation, Liveness, is_mass_loss};
pub use machine::RegistryMachine;
pub use notices::Notice;
pub use pick::{PickStrategy, pick};
pub use policy::RegistryPolicy;
pub use port::{
    AgentRegistry, Beat, CapabilityFilter, Heartbeat, LeftOut, Registered, RunningTask,
    SharedRegistry, StatefulAgent, Task, register_stateful,
};
pub use publication::{EventPublication, PublishedStatus};
pub use record::{Activity, AgentRecord, AgentStatus, RegisteredAgent, Registration};
pub use watch::{GapReason, RegistryWatch, Watched};

#[cfg(test)]
mod tests;
