//! The names of the registry's keys, in both layouts.

use coord_core::AgentId;

use crate::layout::KeyLayout;

/// The keys of the registry of one prefix.
///
/// The original's names; on the compact layout all under one hash tag, so that the scripts work
/// on a cluster. What the original does not have lies under `registry:`.
#[derive(Debug, Clone)]
pub(crate) struct RegistryKeys {
    space: String,
}

/// What the scripts call them is in `scripts/lib/registry.lua`; the order is that of its list.
const SHARED: [&str; 12] = [
    "agents:index",
    "registry:meta",
    "registry:deadlines",
    "registry:suspects",
    "registry:events",
    "registry:log",
    "registry:spared",
    "registry:graves",
    "capabilities:index",
    "registry:names",
    "registry:members",
    "registry:known",
];

impl RegistryKeys {
    pub(crate) fn new(layout: KeyLayout, prefix: &str) -> Self {
        let space = match layout {
            KeyLayout::Compact => format!("{prefix}:{{agents}}"),
            KeyLayout::Tta => prefix.to_owned(),
        };
        Self { space }
    }

    /// What all its keys start with; on a cluster it alone says where they lie.
    pub(crate) fn space(&self) -> &str {
        &self.space
    }

    /// The keys that every script gets first.
    pub(crate) fn shared(&self) -> Vec<String> {
        SHARED.map(|name| format!("{}:{name}", self.space)).to_vec()
    }

    /// The record of an agent given as `type:instance`.
    pub(crate) fn record(&self, agent: &str) -> String {
        format!("{}:agents:{agent}", self.space)
    }

    /// The capabilities of an agent given as `type:instance`.
    pub(crate) fn capabilities(&self, agent: &str) -> String {
        format!("{}:capabilities:{agent}", self.space)
    }

    /// `type:instance` of a record's key.
    pub(crate) fn agent_of<'a>(&self, record: &'a str) -> Option<&'a str> {
        record.strip_prefix(&self.space)?.strip_prefix(":agents:")
    }

    /// The shared keys, and those of some agents.
    pub(crate) fn with_agents<'a>(&self, agents: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        let mut keys = self.shared();
        for agent in agents {
            keys.push(self.record(agent));
            keys.push(self.capabilities(agent));
        }
        keys
    }
}

/// The id in a key: split at the first colon, as the original does; `default` is no instance.
pub(crate) fn parse_agent(agent: &str) -> AgentId {
    let (kind, instance) = agent.split_once(':').unwrap_or((agent, ""));
    let instance = Some(instance).filter(|name| !matches!(*name, "" | "default"));
    AgentId::foreign(kind, instance.map(str::to_owned))
}
