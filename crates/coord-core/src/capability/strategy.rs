//! How well a capability fits, by five strategies.
//!
//! The formulas and the order in which their terms are added are the original's, so that scores
//! agree to the last digit.

use serde::{Deserialize, Serialize};

use super::criteria::CapabilityCriteria;
use super::set::{AgentCapability, CapabilitySet};
use super::version::VersionOrder;
use crate::error::InvalidInput;

/// How to judge a capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum MatchStrategy {
    /// Everything demanded must hold; the score is 1.
    #[serde(rename = "exact_match")]
    Exact,
    /// Name 0.4, kind 0.3, version 0.2, duration 0.1; the default.
    #[default]
    #[serde(rename = "weighted_score")]
    Weighted,
    /// By the letters of the name; scores up to 0.3 are left out.
    #[serde(rename = "fuzzy_match")]
    Fuzzy,
    /// By the agent's priority and load; kind and inputs must fit.
    #[serde(rename = "priority_based")]
    Priority,
    /// By tags and the words of the description; scores up to 0.2 are left out.
    #[serde(rename = "semantic_match")]
    Semantic,
}

impl MatchStrategy {
    /// All strategies.
    pub const ALL: [Self; 5] =
        [Self::Exact, Self::Weighted, Self::Fuzzy, Self::Priority, Self::Semantic];

    /// The original's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact_match",
            Self::Weighted => "weighted_score",
            Self::Fuzzy => "fuzzy_match",
            Self::Priority => "priority_based",
            Self::Semantic => "semantic_match",
        }
    }

    /// How well `capability` fits; nothing if it does not.
    pub(super) fn score(
        self,
        criteria: &CapabilityCriteria,
        set: &CapabilitySet,
        capability: &AgentCapability,
        order: VersionOrder,
    ) -> Option<f64> {
        match self {
            Self::Exact => is_exact(criteria, capability, order).then_some(1.0),
            Self::Weighted => weights(criteria, capability, order).map(|weights| {
                let [name, kind, version, duration] = weights;
                (name * 0.4 + kind * 0.3 + version * 0.2 + duration * 0.1).min(1.0)
            }),
            Self::Fuzzy => Some(fuzzy(criteria, capability)).filter(|&score| score > FUZZY_LIMIT),
            Self::Priority => priority(criteria, set, capability),
            Self::Semantic => Some(semantic(criteria, capability)).filter(|&score| score > 0.2),
        }
    }

    /// Whether a capability called `name` may match who looks for `wanted`, whatever else it is.
    pub(crate) fn may_match_name(self, wanted: &str, name: &str, with_kind: bool) -> bool {
        match self {
            Self::Exact => name == wanted,
            Self::Weighted => name_weight(wanted, name).is_some(),
            Self::Fuzzy => fuzzy_score(similarity(name, wanted), with_kind) > FUZZY_LIMIT,
            Self::Priority | Self::Semantic => true,
        }
    }

    /// Whether a match of this strategy counts as exact.
    pub(super) fn is_exact(
        self,
        criteria: &CapabilityCriteria,
        capability: &AgentCapability,
        order: VersionOrder,
    ) -> bool {
        match self {
            Self::Exact | Self::Priority => is_exact(criteria, capability, order),
            Self::Weighted => weights(criteria, capability, order) == Some([1.0; 4]),
            Self::Fuzzy | Self::Semantic => false,
        }
    }
}

impl std::str::FromStr for MatchStrategy {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        Self::ALL.into_iter().find(|strategy| strategy.as_str() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            InvalidInput::new("strategy", format!("{text:?} is none of {names}"))
        })
    }
}

fn is_exact(
    criteria: &CapabilityCriteria,
    capability: &AgentCapability,
    order: VersionOrder,
) -> bool {
    criteria.name_is(capability)
        && criteria.kind_is(capability)
        && criteria.version_fits(capability, order)
        && criteria.inputs_fit(capability)
}

/// How far name, kind, version and duration fit; nothing if one of the first three does not.
fn weights(
    criteria: &CapabilityCriteria,
    capability: &AgentCapability,
    order: VersionOrder,
) -> Option<[f64; 4]> {
    let name = match &criteria.capability_name {
        None => 1.0,
        Some(name) => name_weight(name, &capability.name)?,
    };
    if !criteria.kind_is(capability) || !criteria.version_fits(capability, order) {
        return None;
    }
    let is_preferred = criteria.preferred_version.as_ref() == Some(&capability.version);
    let version = if is_preferred { 1.0 } else { 0.8 };
    let duration = if criteria.duration_fits(capability) { 1.0 } else { 0.5 };
    Some([name, 1.0, version, duration])
}

/// How far a name fits in the weighted score.
fn name_weight(wanted: &str, name: &str) -> Option<f64> {
    if wanted == name {
        return Some(1.0);
    }
    name.contains(&wanted.to_lowercase()).then_some(0.7)
}

/// Fuzzy scores up to this are no match.
const FUZZY_LIMIT: f64 = 0.3;

fn fuzzy_score(similarity: f64, same_kind: bool) -> f64 {
    (similarity + if same_kind { 0.3 } else { 0.0 }).min(1.0)
}

fn fuzzy(criteria: &CapabilityCriteria, capability: &AgentCapability) -> f64 {
    let Some(wanted) = &criteria.capability_name else { return 0.5 };
    let same_kind = criteria.capability_type == Some(capability.kind);
    fuzzy_score(similarity(&capability.name, wanted), same_kind)
}

/// The share of letters of `name` that occur anywhere in `wanted`, without regard to case.
fn similarity(name: &str, wanted: &str) -> f64 {
    let (name, wanted) = (name.to_lowercase(), wanted.to_lowercase());
    let longest = name.chars().count().max(wanted.chars().count());
    if name.is_empty() || wanted.is_empty() {
        return 0.0;
    }
    if name == wanted {
        return 1.0;
    }
    let common = name.chars().filter(|&c| wanted.contains(c)).count();
    common as f64 / longest as f64
}

fn priority(
    criteria: &CapabilityCriteria,
    set: &CapabilitySet,
    capability: &AgentCapability,
) -> Option<f64> {
    let fits = criteria.kind_is(capability) && criteria.inputs_fit(capability);
    fits.then(|| set.priority as f64 / 10.0 * (1.0 - set.load_factor))
}

fn semantic(criteria: &CapabilityCriteria, capability: &AgentCapability) -> f64 {
    let mut score = 0.0;
    let wanted = &criteria.required_tags;
    if !wanted.is_empty() && !capability.tags.is_empty() {
        let common = wanted.iter().filter(|tag| capability.tags.contains(tag)).count();
        score += common as f64 / wanted.len() as f64 * 0.6;
    }
    if let (Some(description), Some(name)) = (&capability.description, &criteria.capability_name) {
        score += keywords(description, name) * 0.4;
    }
    score.min(1.0)
}

/// 1 if `text` contains `words`, otherwise the share of them it contains, without regard to case.
fn keywords(text: &str, words: &str) -> f64 {
    let (text, words) = (text.to_lowercase(), words.to_lowercase());
    if text.is_empty() || words.trim().is_empty() {
        return 0.0;
    }
    if text.contains(&words) {
        return 1.0;
    }
    let all: Vec<_> = words.split_whitespace().collect();
    all.iter().filter(|word| text.contains(**word)).count() as f64 / all.len() as f64
}
