//! Why something about the registry was not done.

use thiserror::Error;

use super::liveness::Incarnation;
use crate::error::{BackendError, InvalidInput};

/// Why something about the registry was not done.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// A later registration or a deregistration replaced this one; nothing was written. The
    /// process should stop acting as this agent, or register again.
    #[error(
        "superseded: incarnation {own} of {agent} was replaced by {current}; stop, or register again"
    )]
    Superseded {
        /// The agent.
        agent: String,
        /// The incarnation that was refused.
        own: Incarnation,
        /// The one that stands.
        current: Incarnation,
    },
    /// Nobody of this name is registered; nothing was written.
    #[error("unknown agent: {agent} is not registered")]
    UnknownAgent {
        /// The agent.
        agent: String,
    },
    /// An argument is not acceptable; nothing was written.
    #[error(transparent)]
    Invalid(#[from] InvalidInput),
    /// The infrastructure failed. Registering, beating and deregistering again is safe.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

impl RegistryError {
    /// Whether a later registration or a deregistration replaced this one.
    pub const fn is_superseded(&self) -> bool {
        matches!(self, Self::Superseded { .. })
    }
}
