//! What somebody looks for.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::set::{AgentCapability, CapabilitySet, CapabilityType};
use super::version::VersionOrder;

/// What somebody looks for; the JSON has the original's fields.
///
/// # Defaults
/// Nothing demanded, except `max_load_factor` 0.8 and `require_available` true.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CapabilityCriteria {
    /// The name.
    pub capability_name: Option<String>,
    /// The kind.
    pub capability_type: Option<CapabilityType>,
    /// The oldest version.
    pub min_version: Option<String>,
    /// The newest version.
    pub max_version: Option<String>,
    /// The version that is best.
    pub preferred_version: Option<String>,
    /// Inputs that can be given.
    pub required_inputs: Vec<String>,
    /// Tags it should have.
    pub required_tags: Vec<String>,
    /// How long it may take, in milliseconds.
    pub max_duration_ms: Option<u64>,
    /// How busy the agent may be, 0 to 1; equal passes.
    pub max_load_factor: f64,
    /// Whether the agent must take work.
    pub require_available: bool,
    /// Carried for the original's sake; no strategy reads it.
    pub metadata_filters: Map<String, Value>,
    /// Carried for the original's sake; no strategy reads it.
    pub resource_constraints: Map<String, Value>,
}

impl Default for CapabilityCriteria {
    fn default() -> Self {
        Self {
            capability_name: None,
            capability_type: None,
            min_version: None,
            max_version: None,
            preferred_version: None,
            required_inputs: Vec::new(),
            required_tags: Vec::new(),
            max_duration_ms: None,
            max_load_factor: 0.8,
            require_available: true,
            metadata_filters: Map::new(),
            resource_constraints: Map::new(),
        }
    }
}

impl CapabilityCriteria {
    /// Whether an agent is there and not too busy.
    pub fn admits(&self, set: &CapabilitySet) -> bool {
        (set.availability || !self.require_available) && set.load_factor <= self.max_load_factor
    }

    pub(super) fn name_is(&self, capability: &AgentCapability) -> bool {
        self.capability_name.as_ref().is_none_or(|name| *name == capability.name)
    }

    pub(super) fn kind_is(&self, capability: &AgentCapability) -> bool {
        self.capability_type.is_none_or(|kind| kind == capability.kind)
    }

    pub(super) fn version_fits(&self, capability: &AgentCapability, order: VersionOrder) -> bool {
        let version = capability.version.as_str();
        let above = |min: &String| order.compare(version, min).is_ge();
        let below = |max: &String| order.compare(version, max).is_le();
        self.min_version.as_ref().is_none_or(above) && self.max_version.as_ref().is_none_or(below)
    }

    pub(super) fn inputs_fit(&self, capability: &AgentCapability) -> bool {
        self.required_inputs.iter().all(|input| {
            capability.required_inputs.contains(input) || capability.optional_inputs.contains(input)
        })
    }

    /// As the original: a limit or an estimate of zero counts as none.
    pub(super) fn duration_fits(&self, capability: &AgentCapability) -> bool {
        let limit = self.max_duration_ms.filter(|&limit| limit > 0);
        let estimate = capability.estimated_duration_ms.filter(|&estimate| estimate > 0);
        limit.zip(estimate).is_none_or(|(limit, estimate)| estimate <= limit)
    }
}
