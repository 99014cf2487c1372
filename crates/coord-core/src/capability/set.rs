//! A capability, and the set that one agent offers.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::version::CapabilityVersion;
use crate::agent::AgentId;
use crate::error::InvalidInput;

/// What kind of work a capability is. Exhaustive: the wire knows these six.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CapabilityType {
    /// Turns input into output.
    Processing,
    /// Makes something new.
    Generation,
    /// Finds something out.
    Analysis,
    /// Directs other agents.
    Coordination,
    /// Keeps things.
    Storage,
    /// Talks to somebody.
    Communication,
}

/// Where a capability may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CapabilityScope {
    /// In one session; the default.
    #[default]
    Session,
    /// Everywhere.
    Global,
    /// At this instance only.
    Instance,
}

/// Whether a capability is to be used. Only active ones are ever matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CapabilityStatus {
    /// To be used; the default.
    #[default]
    Active,
    /// Going away.
    Deprecated,
    /// Turned off.
    Disabled,
    /// Not finished.
    Experimental,
}

/// One thing that an agent can do.
///
/// The JSON is the one form that both this library and the original can read: lists for sets,
/// fields in this order.
///
/// # Defaults
/// Scope session, status active, everything else absent or empty.
///
/// ```
/// use coord_core::capability::{AgentCapability, CapabilityType};
///
/// let capability = AgentCapability::new("text_analysis", CapabilityType::Processing, "1.0.0")?;
/// assert!(AgentCapability::new("Text", CapabilityType::Processing, "1.0").is_err());
/// # Ok::<(), coord_core::InvalidInput>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentCapability {
    /// Its name: a lower-case letter, then lower-case letters, digits and `_`.
    pub name: String,
    /// What kind of work it is.
    #[serde(rename = "type")]
    pub kind: CapabilityType,
    /// Its version, `major.minor.patch` with an optional `-suffix`.
    pub version: String,
    /// What it does, for people and for the semantic strategy.
    #[serde(default)]
    pub description: Option<String>,
    /// Where it may be used.
    #[serde(default)]
    pub scope: CapabilityScope,
    /// Whether it is to be used.
    #[serde(default)]
    pub status: CapabilityStatus,
    /// Inputs it needs.
    #[serde(default)]
    pub required_inputs: Vec<String>,
    /// Inputs it can use.
    #[serde(default)]
    pub optional_inputs: Vec<String>,
    /// What it gives, in the caller's own terms.
    #[serde(default)]
    pub output_schema: Option<Value>,
    /// How long it takes, in milliseconds.
    #[serde(default)]
    pub estimated_duration_ms: Option<u64>,
    /// What it needs, in the caller's own terms.
    #[serde(default)]
    pub resource_requirements: Map<String, Value>,
    /// Versions it stands in for.
    #[serde(default)]
    pub compatible_versions: Vec<String>,
    /// Other capabilities it needs.
    #[serde(default)]
    pub dependencies: Vec<String>,
    /// Free tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Anything else.
    #[serde(default)]
    pub metadata: Map<String, Value>,
}

impl AgentCapability {
    /// The longest name, in bytes.
    pub const MAX_NAME_BYTES: usize = 128;

    /// A capability with everything optional at its default.
    ///
    /// # Errors
    /// [`InvalidInput`] about `capability name` or `capability version`.
    pub fn new(
        name: impl Into<String>,
        kind: CapabilityType,
        version: impl Into<String>,
    ) -> Result<Self, InvalidInput> {
        let capability = Self {
            name: name.into(),
            kind,
            version: version.into(),
            description: None,
            scope: CapabilityScope::default(),
            status: CapabilityStatus::default(),
            required_inputs: Vec::new(),
            optional_inputs: Vec::new(),
            output_schema: None,
            estimated_duration_ms: None,
            resource_requirements: Map::new(),
            compatible_versions: Vec::new(),
            dependencies: Vec::new(),
            tags: Vec::new(),
            metadata: Map::new(),
        };
        capability.check()?;
        Ok(capability)
    }

    /// Whether name and version are of the form the original demands.
    ///
    /// # Errors
    /// [`InvalidInput`] as [`AgentCapability::new`].
    pub fn check(&self) -> Result<(), InvalidInput> {
        let mut chars = self.name.chars();
        let starts = chars.next().is_some_and(|c| c.is_ascii_lowercase());
        let goes_on = chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if !starts || !goes_on || self.name.len() > Self::MAX_NAME_BYTES {
            let problem = format!(
                "{:?}, must be a lower-case letter and then lower-case letters, digits and `_`, \
                 at most {} bytes",
                self.name,
                Self::MAX_NAME_BYTES
            );
            return Err(InvalidInput::new("capability name", problem));
        }
        CapabilityVersion::parse(&self.version).map(drop)
    }
}

/// All that one agent can do, and how busy it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CapabilitySet {
    /// Whose capabilities.
    pub agent_id: AgentId,
    /// What it can do.
    pub capabilities: Vec<AgentCapability>,
    /// The version of the set.
    #[serde(default = "first_version")]
    pub version: String,
    /// When it was written, ISO 8601 in UTC without an offset, as the original has it.
    #[serde(default)]
    pub last_updated: Option<String>,
    /// 1 to 10, higher is preferred; 5 by default.
    #[serde(default = "middle_priority")]
    pub priority: i64,
    /// How busy it is, 0 to 1. The original's default is 1, which never matches the default
    /// criteria; [`CapabilitySet::new`] starts at 0.
    #[serde(default = "full_load")]
    pub load_factor: f64,
    /// Whether it takes work.
    #[serde(default = "available")]
    pub availability: bool,
}

impl CapabilitySet {
    /// The most capabilities of one agent.
    pub const MAX_CAPABILITIES: usize = 1_000;

    /// A set of an idle, available agent.
    pub fn new(agent_id: AgentId, capabilities: Vec<AgentCapability>) -> Self {
        Self {
            agent_id,
            capabilities,
            version: first_version(),
            last_updated: None,
            priority: middle_priority(),
            load_factor: 0.0,
            availability: true,
        }
    }

    /// Checks the agent, every capability, and that load and priority are in range.
    ///
    /// # Errors
    /// [`InvalidInput`] that names the field and its limit.
    pub fn check(&self) -> Result<(), InvalidInput> {
        self.agent_id.check()?;
        if self.capabilities.len() > Self::MAX_CAPABILITIES {
            let (count, limit) = (self.capabilities.len(), Self::MAX_CAPABILITIES);
            return Err(InvalidInput::new("capabilities", format!("{count}, at most {limit}")));
        }
        if !(0.0..=1.0).contains(&self.load_factor) {
            let problem = format!("{}, must be 0 to 1", self.load_factor);
            return Err(InvalidInput::new("load_factor", problem));
        }
        if !(1..=10).contains(&self.priority) {
            let problem = format!("{}, must be 1 to 10", self.priority);
            return Err(InvalidInput::new("priority", problem));
        }
        self.capabilities.iter().try_for_each(AgentCapability::check)
    }
}

fn first_version() -> String {
    "1.0.0".to_owned()
}

const fn middle_priority() -> i64 {
    5
}

const fn full_load() -> f64 {
    1.0
}

const fn available() -> bool {
    true
}
