//! `coord discover`: which capabilities fit.

use std::path::Path;
use std::str::FromStr;

use clap::Args;
use coord_core::InvalidInput;
use coord_core::capability::{
    CapabilityCriteria, CapabilityMatch, CapabilityMatcher, CapabilitySet, CapabilityType,
    MatchStrategy, VersionOrder,
};
use coord_core::registry::AgentRegistry;
use coord_redis::KeyLayout;
use serde::Serialize;

use super::register::{PolicyArgs, parse_kind};
use crate::answer::{Answer, Human};
use crate::cli::{Global, choice};
use crate::failure::{Failure, Kind};
use crate::output;
use crate::session::Session;
use crate::table::Table;

#[derive(Debug, Args)]
pub(crate) struct DiscoverArgs {
    /// The name of the capability
    #[arg(long)]
    name: Option<String>,

    /// Its type: processing, generation, analysis, coordination, storage or communication
    #[arg(long = "type", value_name = "TYPE", value_parser = parse_kind)]
    kind: Option<CapabilityType>,

    /// A tag it should have; may be repeated
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,

    /// An input that can be given; may be repeated
    #[arg(long = "input", value_name = "INPUT")]
    inputs: Vec<String>,

    /// The oldest version
    #[arg(long, value_name = "VERSION")]
    min_version: Option<String>,

    /// The newest version
    #[arg(long, value_name = "VERSION")]
    max_version: Option<String>,

    /// The version that is best
    #[arg(long, value_name = "VERSION")]
    preferred_version: Option<String>,

    /// How long it may take, in milliseconds
    #[arg(long, value_name = "MS")]
    max_duration_ms: Option<u64>,

    /// How busy the agent may be, 0 to 1 [default: 0.8]
    #[arg(long, value_name = "LOAD")]
    max_load: Option<f64>,

    /// Also agents that take no work now
    #[arg(long)]
    unavailable: bool,

    /// All criteria as JSON, with the matcher's fields; other options change single ones
    #[arg(long, value_name = "JSON|@FILE")]
    criteria: Option<String>,

    /// Match against the capability sets in a file instead of those in Redis
    #[arg(long, value_name = "@FILE")]
    agents: Option<String>,

    /// How to judge
    #[arg(long, default_value = "weighted_score",
          value_parser = choice::<MatchStrategy>(MatchStrategy::ALL.map(MatchStrategy::as_str)))]
    strategy: MatchStrategy,

    /// How versions compare [default: semantic, with the tta layout: text]
    #[arg(long, value_name = "ORDER", value_parser = choice::<WrittenOrder>(["semantic", "text"]))]
    versions: Option<WrittenOrder>,

    /// At most N matches
    #[arg(long, value_name = "N", default_value_t = 10)]
    max: usize,

    #[command(flatten)]
    policy: PolicyArgs,
}

#[derive(Debug, Clone, Copy)]
struct WrittenOrder(VersionOrder);

impl FromStr for WrittenOrder {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        match text {
            "semantic" => Ok(Self(VersionOrder::Semantic)),
            "text" => Ok(Self(VersionOrder::Text)),
            _ => Err(InvalidInput::new("versions", format!("{text:?} is none of semantic, text"))),
        }
    }
}

const HEADER: [&str; 6] = [">SCORE", "AGENT", "CAPABILITY", "VERSION", ">LOAD", "EXACT"];

pub(super) async fn run(mut args: DiscoverArgs, global: &Global) -> Result<(), Failure> {
    let by_layout = match global.layout {
        KeyLayout::Compact => VersionOrder::Semantic,
        KeyLayout::Tta => VersionOrder::Text,
    };
    let order = args.versions.map_or(by_layout, |it| it.0);
    let matcher = CapabilityMatcher::new().with_versions(order).with_max_results(args.max);
    let criteria = args.criteria()?;
    let found = match &args.agents {
        Some(file) => matcher.find(&criteria, args.strategy, &read_sets(file)?),
        None => {
            let session = Session::connect(global).await?;
            let registry = args.policy.registry(&session)?;
            registry.discover(&criteria, args.strategy, matcher).await?
        }
    };
    if found.is_empty() {
        return Err(Failure::new(Kind::Empty, "no capability fits; ask for less"));
    }
    let mut table = Table::new(&HEADER);
    for one in &found {
        table.row(&cells(one));
    }
    let lines = found.iter().map(line).collect();
    let answer = Answer::list(lines, Human::Table(table));
    output::write(&answer, global.output).map_err(|e| Failure::io("writing the answer", &e))
}

impl DiscoverArgs {
    fn criteria(&mut self) -> Result<CapabilityCriteria, Failure> {
        let mut criteria = match &self.criteria {
            None => CapabilityCriteria::default(),
            Some(written) => {
                let text = match written.strip_prefix('@') {
                    Some(path) => read("criteria", path)?,
                    None => written.clone(),
                };
                serde_json::from_str(&text)
                    .map_err(|error| InvalidInput::new("criteria", error.to_string()))?
            }
        };
        let given = |new: &mut Option<String>, old: &mut Option<String>| {
            if let Some(new) = new.take() {
                *old = Some(new);
            }
        };
        given(&mut self.name, &mut criteria.capability_name);
        given(&mut self.min_version, &mut criteria.min_version);
        given(&mut self.max_version, &mut criteria.max_version);
        given(&mut self.preferred_version, &mut criteria.preferred_version);
        criteria.capability_type = self.kind.or(criteria.capability_type);
        criteria.max_duration_ms = self.max_duration_ms.or(criteria.max_duration_ms);
        criteria.max_load_factor = self.max_load.unwrap_or(criteria.max_load_factor);
        criteria.require_available &= !self.unavailable;
        criteria.required_tags.append(&mut self.tags);
        criteria.required_inputs.append(&mut self.inputs);
        Ok(criteria)
    }
}

/// The sets in a file: one list, or any number of sets one after the other.
fn read_sets(written: &str) -> Result<Vec<CapabilitySet>, Failure> {
    let text = read("agents", written.strip_prefix('@').unwrap_or(written))?;
    let mut sets = Vec::new();
    for value in serde_json::Deserializer::from_str(&text).into_iter::<serde_json::Value>() {
        let broken = |error: serde_json::Error| InvalidInput::new("agents", error.to_string());
        let value = value.map_err(broken)?;
        match value.is_array() {
            true => sets.extend(serde_json::from_value::<Vec<_>>(value).map_err(broken)?),
            false => sets.push(serde_json::from_value(value).map_err(broken)?),
        }
    }
    Ok(sets)
}

fn read(field: &'static str, path: &str) -> Result<String, Failure> {
    if path.is_empty() {
        return Err(InvalidInput::new(field, "`@` needs the path of a file").into());
    }
    let unreadable = |error| Failure::usage(format!("cannot read {path} for {field}: {error}"));
    std::fs::read_to_string(Path::new(path)).map_err(unreadable)
}

fn line(found: &CapabilityMatch) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        agent_id: &'a coord_core::AgentId,
        capability: &'a coord_core::capability::AgentCapability,
        match_score: f64,
        exact_match: bool,
        version_match: bool,
        performance_match: bool,
    }
    let line = Line {
        agent_id: &found.agent_id,
        capability: &found.capability,
        match_score: found.match_score,
        exact_match: found.exact_match,
        version_match: found.version_match,
        performance_match: found.performance_match,
    };
    // Strings, numbers and maps with string keys: serialising cannot fail.
    serde_json::to_string(&line).expect("a match serialises")
}

fn cells(found: &CapabilityMatch) -> [String; 6] {
    [
        format!("{:.3}", found.match_score),
        found.agent_id.to_string(),
        found.capability.name.clone(),
        found.capability.version.clone(),
        format!("{:.2}", found.agent_load_factor),
        if found.exact_match { "yes" } else { "no" }.to_owned(),
    ]
}
