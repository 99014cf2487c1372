//! What TTA relies on.

use coord_core::capability::{AgentCapability, CapabilityType, VersionOrder};
use coord_core::{
    AgentId, AgentMessage, ExpiryPolicy, MailboxPolicy, MessageCoordinator, MessageType,
};
use coord_testkit::InMemoryCoordinator;
use coord_tta::{AgentType, DIFFERENCES, create_agent_id, mailbox_policy, matcher};
use std::time::Duration;

const GUIDE: &str = include_str!("../../../../docs/migrating-from-tta.md");

#[test]
fn kinds_are_the_strings_of_the_wire() {
    let wire = ["input_processor", "world_builder", "narrative_generator", "openhands"];
    for (kind, text) in AgentType::ALL.into_iter().zip(wire) {
        assert_eq!(kind.to_string(), text);
        assert_eq!(text.parse(), Ok(kind));
        assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{text}\""));
        assert_eq!(serde_json::from_str::<AgentType>(&format!("\"{text}\"")).unwrap(), kind);
        assert_eq!(AgentType::try_from(&AgentId::from(kind)), Ok(kind));
    }
    let unknown = "IPA".parse::<AgentType>().unwrap_err();
    assert!(unknown.to_string().contains("input_processor"), "{unknown}");
}

#[test]
fn ids_are_those_of_the_guide() {
    let id = create_agent_id(AgentType::Ipa, Some("worker-1")).unwrap();
    assert_eq!(id, AgentId::new("input_processor", Some("worker-1")).unwrap());
    for none in [None, Some("")] {
        assert_eq!(create_agent_id(AgentType::Nga, none).unwrap().instance_key(), "default");
    }
    let refused = create_agent_id(AgentType::Wba, Some("a:b")).unwrap_err();
    assert_eq!(refused.field(), "agent instance");
}

#[test]
fn the_guide_shows_every_difference() {
    let shown: Vec<&str> = GUIDE.lines().filter(|line| line.starts_with("| ")).collect();
    for it in DIFFERENCES {
        let row = format!("| {} | {} | {} | {} |", it.topic, it.original, it.ours, it.preset);
        assert!(shown.contains(&row.as_str()), "missing in docs/migrating-from-tta.md:\n{row}");
    }
    let header = shown.iter().position(|row| row.starts_with("| what | the original")).unwrap();
    let rows = shown[header + 1..].iter().take(DIFFERENCES.len()).count();
    assert_eq!(rows, DIFFERENCES.len());
}

/// The original takes an expired message back without a trace; ours counts.
#[tokio::test]
async fn expiry_counts_nothing_under_the_preset() {
    let agent = create_agent_id(AgentType::Wba, Some("w1")).unwrap();
    for (policy, attempts) in [(mailbox_policy(), 0), (MailboxPolicy::new(), 1)] {
        let mail = InMemoryCoordinator::builder().policy(policy).build().unwrap();
        let (id, from) = (mail.new_message_id(), AgentId::from(AgentType::Ipa));
        let message = AgentMessage::new(id, from.clone(), agent.clone(), MessageType::Request);
        mail.send_message(&from, &agent, message).await.unwrap();
        let second = Duration::from_secs(1);
        mail.receive(&agent, second).await.unwrap().expect("it is there");
        mail.advance(2 * second);
        let again = mail.receive(&agent, second).await.unwrap().expect("it came back");
        assert_eq!(again.queue_message.delivery_attempts, attempts);
    }
    assert_eq!(mailbox_policy().expiry(), ExpiryPolicy::KeepAttempts);
}

/// 1.10.0 is less than 1.9.0 for the original.
#[test]
fn versions_are_texts_under_the_preset() {
    use coord_core::capability::{CapabilityCriteria, CapabilitySet, MatchStrategy};
    let capability = AgentCapability::new("read", CapabilityType::Analysis, "1.10.0").unwrap();
    let sets = [CapabilitySet::new(AgentType::Ipa.into(), vec![capability])];
    let criteria = CapabilityCriteria {
        min_version: Some("1.9.0".to_owned()),
        ..CapabilityCriteria::default()
    };
    let found = |matcher: coord_core::capability::CapabilityMatcher| {
        matcher.find(&criteria, MatchStrategy::Exact, &sets).len()
    };
    assert_eq!(found(matcher()), 0);
    assert_eq!(found(matcher().with_versions(VersionOrder::Semantic)), 1);
}
