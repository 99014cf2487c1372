use serde::Deserialize;

use super::*;

const SETS: &str = include_str!("../../tests/golden/capability_sets.json");
const VECTORS: &str = include_str!("../../tests/golden/capability_vectors.jsonl");

/// One line of the captures: what the original answered.
#[derive(Deserialize)]
struct Vector {
    strategy: MatchStrategy,
    criteria: CapabilityCriteria,
    results: Vec<Answer>,
}

/// Instance, capability, version, score as printed, exact, version fits, fast enough.
type Answer = (Option<String>, String, String, String, bool, bool, bool);

fn sets() -> Vec<CapabilitySet> {
    serde_json::from_str(SETS).unwrap()
}

#[test]
fn every_captured_answer_of_the_original_to_the_last_digit() {
    let matcher = CapabilityMatcher::new().with_versions(VersionOrder::Text);
    for line in VECTORS.lines() {
        let vector: Vector = serde_json::from_str(line).unwrap();
        let found = matcher.find(&vector.criteria, vector.strategy, &sets());
        let found: Vec<_> = found
            .into_iter()
            .map(|m| {
                let score = format!("{:?}", m.match_score);
                let instance = m.agent_id.instance().map(str::to_owned);
                let (exact, version, duration) =
                    (m.exact_match, m.version_match, m.performance_match);
                (instance, m.capability.name, m.capability.version, score, exact, version, duration)
            })
            .collect();
        assert_eq!(found, vector.results, "{line}");
    }
    assert_eq!(VECTORS.lines().count(), 40);
}

#[test]
fn versions_compare_by_meaning_unless_told_otherwise() {
    let criteria =
        CapabilityCriteria { min_version: Some("2.0.0".into()), ..CapabilityCriteria::default() };
    let found = CapabilityMatcher::new().find(&criteria, MatchStrategy::Exact, &sets());
    let versions: Vec<_> = found.iter().map(|m| m.capability.version.as_str()).collect();
    assert_eq!(versions, ["2.0.0", "10.0.0"]);

    // The chain of precedence in semantic versioning 2.0.0, section 11.
    let chain = [
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
        "1.0.1",
        "2.0.0",
        "10.0.0",
    ];
    for pair in chain.windows(2) {
        assert!(VersionOrder::Semantic.compare(pair[0], pair[1]).is_lt(), "{pair:?}");
    }
    assert!(VersionOrder::Text.compare("10.0.0", "2.0.0").is_lt());
    assert!(VersionOrder::Text.compare("1.5.0-beta.1", "1.5.0").is_gt());
}

#[test]
fn names_and_versions_as_the_original_demands_them() {
    for version in ["1.0.0", "01.0.0", "1.0.0-beta.1", "1.2.3-a-b"] {
        assert!(CapabilityVersion::parse(version).is_ok(), "{version}");
    }
    for version in ["1.0", "1.0.0+b", "1.0.0-", "v1.0.0", "1.0.0.0", "1..0", "", "1.0.0\n"] {
        assert!(CapabilityVersion::parse(version).is_err(), "{version:?}");
    }
    let name = |text| AgentCapability::new(text, CapabilityType::Storage, "1.0.0");
    for good in ["a", "text_analysis", "a1_"] {
        assert!(name(good).is_ok(), "{good}");
    }
    for bad in ["", "A", "1a", "_a", "a-b", "é", "a\n"] {
        assert_eq!(name(bad).unwrap_err().field(), "capability name", "{bad:?}");
    }
}

#[test]
fn facts_about_similarity_of_the_originals_tests() {
    let criteria = |name: &str| CapabilityCriteria {
        capability_name: Some(name.into()),
        ..CapabilityCriteria::default()
    };
    let capability =
        |name: &str| AgentCapability::new(name, CapabilityType::Processing, "1.0.0").unwrap();
    let score = |wanted: &str, name: &str, strategy: MatchStrategy| {
        let set = CapabilitySet::new(crate::AgentId::of_type("t").unwrap(), vec![capability(name)]);
        let found = CapabilityMatcher::new().find(&criteria(wanted), strategy, [&set]);
        found.first().map(|found| found.match_score)
    };
    assert_eq!(score("HELLO", "hello", MatchStrategy::Fuzzy), Some(1.0));
    let close = score("hallo", "hello", MatchStrategy::Fuzzy).unwrap();
    assert!(close > 0.0 && close < 1.0);
    assert_eq!(score("", "hello", MatchStrategy::Fuzzy), None);
    assert_eq!(score("hello", "hello", MatchStrategy::Semantic), None);
}

#[test]
fn the_json_is_the_form_both_languages_read() {
    let text = r#"{"agent_id":{"type":"input_processor","instance":"cap"},"capabilities":[{"name":"text_analysis","type":"processing","version":"1.0.0","description":null,"scope":"session","status":"active","required_inputs":[],"optional_inputs":[],"output_schema":null,"estimated_duration_ms":null,"resource_requirements":{},"compatible_versions":[],"dependencies":[],"tags":["nlp"],"metadata":{}}],"version":"1.0.0","last_updated":"2026-11-20T21:49:25.163695","priority":5,"load_factor":1.0,"availability":true}"#;
    let set: CapabilitySet = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&set).unwrap(), text);
    set.check().unwrap();
    let bad = CapabilitySet { load_factor: f64::NAN, ..set.clone() };
    assert_eq!(bad.check().unwrap_err().field(), "load_factor");
    let bad = CapabilitySet { priority: 11, ..set };
    assert_eq!(bad.check().unwrap_err().field(), "priority");
}
