#![doc = include_str!("../README.md")]

mod agents;
mod compat;

pub use agents::{AgentType, UnknownAgentType, create_agent_id};
#[cfg(feature = "redis")]
pub use compat::redis_config;
pub use compat::{DIFFERENCES, Difference, event_publication, mailbox_policy, matcher};
