//! The kinds of agents that TTA knows.

use std::fmt;
use std::str::FromStr;

use coord_core::{AgentId, InvalidInput};
use serde::{Deserialize, Serialize};

/// A kind of agent, as TTA's enum of the same name.
///
/// Its text, in JSON, keys and [`fmt::Display`], is the string that TTA writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum AgentType {
    /// IPA: reads what the player wrote.
    #[serde(rename = "input_processor")]
    Ipa,
    /// WBA: keeps the world.
    #[serde(rename = "world_builder")]
    Wba,
    /// NGA: tells the story.
    #[serde(rename = "narrative_generator")]
    Nga,
    /// The coding agent that only the newer copy of TTA knows.
    #[serde(rename = "openhands")]
    OpenHands,
}

impl AgentType {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Ipa, Self::Wba, Self::Nga, Self::OpenHands];

    /// The string in keys and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ipa => "input_processor",
            Self::Wba => "world_builder",
            Self::Nga => "narrative_generator",
            Self::OpenHands => "openhands",
        }
    }

    /// The name of the member of TTA's enum; in lower case it begins the names that TTA gives its
    /// agents, as in `ipa:worker-1`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ipa => "IPA",
            Self::Wba => "WBA",
            Self::Nga => "NGA",
            Self::OpenHands => "OPENHANDS",
        }
    }
}

impl fmt::Display for AgentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names none of TTA's kinds of agents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownAgentType(String);

impl fmt::Display for UnknownAgentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = AgentType::ALL.map(AgentType::as_str).join(", ");
        write!(f, "{:?} is no agent type of TTA, which knows {known}", self.0)
    }
}

impl std::error::Error for UnknownAgentType {}

impl FromStr for AgentType {
    type Err = UnknownAgentType;

    fn from_str(text: &str) -> Result<Self, UnknownAgentType> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| UnknownAgentType(text.to_owned()))
    }
}

impl TryFrom<&AgentId> for AgentType {
    type Error = UnknownAgentType;

    /// The kind of an agent that may be any; `instance` plays no part.
    fn try_from(agent: &AgentId) -> Result<Self, UnknownAgentType> {
        agent.agent_type().parse()
    }
}

impl From<AgentType> for AgentId {
    /// The agent of a kind that has only one instance.
    fn from(kind: AgentType) -> Self {
        Self::of_type(kind.as_str()).expect("every kind is a valid agent type")
    }
}

/// The agent of a kind, with an instance or without.
///
/// `None` and `Some("")` both mean the only instance, written `default` in keys, as in the
/// original.
///
/// ```
/// use coord_tta::{AgentType, create_agent_id};
///
/// let agent = create_agent_id(AgentType::Wba, None)?;
/// assert_eq!((agent.agent_type(), agent.instance_key()), ("world_builder", "default"));
/// # Ok::<(), coord_core::InvalidInput>(())
/// ```
///
/// # Errors
/// [`InvalidInput`] about `agent instance`: longer than 128 bytes, or with `:`, `{`, `}` or a
/// control character, which the original takes without a word and cannot tell apart later.
pub fn create_agent_id(kind: AgentType, instance: Option<&str>) -> Result<AgentId, InvalidInput> {
    AgentId::new(kind.as_str(), instance)
}
