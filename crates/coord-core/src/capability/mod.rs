//! What agents can do, and finding the one that can.

mod criteria;
mod matcher;
mod set;
mod strategy;
mod version;

pub use criteria::CapabilityCriteria;
pub use matcher::{CapabilityMatch, CapabilityMatcher};
pub use set::{AgentCapability, CapabilityScope, CapabilitySet, CapabilityStatus, CapabilityType};
pub use strategy::MatchStrategy;
pub use version::{CapabilityVersion, VersionOrder};

#[cfg(test)]
mod tests;
