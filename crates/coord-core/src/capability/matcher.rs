//! Ranking what many agents offer.

use serde::{Deserialize, Serialize};

use super::criteria::CapabilityCriteria;
use super::set::{AgentCapability, CapabilitySet, CapabilityStatus};
use super::strategy::MatchStrategy;
use super::version::VersionOrder;
use crate::agent::AgentId;

/// One capability that fits, and how well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CapabilityMatch {
    /// Who offers it.
    pub agent_id: AgentId,
    /// What is offered.
    pub capability: AgentCapability,
    /// How well it fits, 0 to 1.
    pub match_score: f64,
    /// Whether everything demanded holds, in the terms of the strategy.
    pub exact_match: bool,
    /// Whether the version is in range.
    pub version_match: bool,
    /// Whether it is fast enough.
    pub performance_match: bool,
    /// How busy the agent is.
    pub agent_load_factor: f64,
    /// Whether the agent takes work.
    pub agent_availability: bool,
}

/// Ranks what many agents offer.
///
/// # Defaults
/// - at most 10 matches
/// - versions compare by semantic versioning ([`VersionOrder::Semantic`])
///
/// ```
/// use coord_core::AgentId;
/// use coord_core::capability::*;
///
/// let capability = AgentCapability::new("text_analysis", CapabilityType::Analysis, "1.2.0")?;
/// let sets = [CapabilitySet::new(AgentId::parse("reader")?, vec![capability])];
/// let criteria = CapabilityCriteria {
///     capability_name: Some("text_analysis".into()),
///     ..CapabilityCriteria::default()
/// };
/// let found = CapabilityMatcher::new().find(&criteria, MatchStrategy::Weighted, &sets);
/// assert_eq!(found[0].match_score, 0.96);
/// # Ok::<(), coord_core::InvalidInput>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CapabilityMatcher {
    versions: VersionOrder,
    max_results: usize,
}

impl CapabilityMatcher {
    /// The defaults.
    pub const fn new() -> Self {
        Self { versions: VersionOrder::Semantic, max_results: 10 }
    }

    /// Another order of versions.
    #[must_use]
    pub const fn with_versions(mut self, versions: VersionOrder) -> Self {
        self.versions = versions;
        self
    }

    /// Another limit on the number of matches.
    #[must_use]
    pub const fn with_max_results(mut self, max_results: usize) -> Self {
        self.max_results = max_results;
        self
    }

    /// The best matches, best first. Equal scores keep the order of `sets`, and inside a set
    /// that of its capabilities.
    pub fn find<'a>(
        &self,
        criteria: &CapabilityCriteria,
        strategy: MatchStrategy,
        sets: impl IntoIterator<Item = &'a CapabilitySet>,
    ) -> Vec<CapabilityMatch> {
        let admitted = sets.into_iter().filter(|set| criteria.admits(set));
        let mut found: Vec<_> = admitted
            .flat_map(|set| {
                let active =
                    set.capabilities.iter().filter(|c| c.status == CapabilityStatus::Active);
                active.filter_map(move |c| self.judge(criteria, strategy, set, c))
            })
            .collect();
        found.sort_by(|a, b| b.match_score.total_cmp(&a.match_score));
        found.truncate(self.max_results);
        found
    }

    fn judge(
        &self,
        criteria: &CapabilityCriteria,
        strategy: MatchStrategy,
        set: &CapabilitySet,
        capability: &AgentCapability,
    ) -> Option<CapabilityMatch> {
        let match_score = strategy.score(criteria, set, capability, self.versions)?;
        Some(CapabilityMatch {
            agent_id: set.agent_id.clone(),
            capability: capability.clone(),
            match_score,
            exact_match: strategy.is_exact(criteria, capability, self.versions),
            version_match: criteria.version_fits(capability, self.versions),
            performance_match: criteria.duration_fits(capability),
            agent_load_factor: set.load_factor,
            agent_availability: set.availability,
        })
    }
}

impl Default for CapabilityMatcher {
    fn default() -> Self {
        Self::new()
    }
}
