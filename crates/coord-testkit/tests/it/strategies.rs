//! What the strategies make is valid.

use std::collections::BTreeSet;
use std::path::Path;

use coord_core::{
    AgentMessage, DeadLetter, Headers, Payload, QueueMessage, ReservationToken, RoutingKey,
    Timestamp, TopicPattern, Trail, check_note, check_visibility,
};
use coord_testkit::strategies;
use proptest::prelude::*;

proptest! {
    #[test]
    fn agents_can_name_mailboxes(agent in strategies::agent_ids()) {
        prop_assert!(agent.check().is_ok());
        prop_assert_eq!(coord_core::AgentId::parse(&agent.to_string()).unwrap(), agent);
    }

    #[test]
    fn policies_options_and_times_pass_their_checks(
        policy in strategies::policies(),
        options in strategies::send_options(),
        duration in strategies::durations(),
        token in strategies::reservation_tokens(),
    ) {
        prop_assert!(policy.validate().is_ok() && options.validate().is_ok());
        prop_assert!(check_visibility(duration).is_ok());
        prop_assert_eq!(ReservationToken::parse(token.as_str()).unwrap(), token);
    }

    #[test]
    fn messages_survive_their_wire(queued in strategies::queue_messages()) {
        let wire = queued.to_wire();
        prop_assert_eq!(&QueueMessage::from_wire(wire.as_bytes()).unwrap(), &queued);
        let json = queued.message.to_json();
        prop_assert_eq!(AgentMessage::from_json(json.as_bytes()).unwrap(), queued.message);
    }

    #[test]
    fn payloads_are_objects(payload in strategies::payloads()) {
        prop_assert_eq!(Payload::from_json(payload.as_json()).unwrap(), payload);
    }

    /// A pattern fits a topic as the segments say, one by one.
    #[test]
    fn patterns_fit_by_their_segments(
        pattern in strategies::topic_patterns(),
        topic in strategies::topics(),
        filter in strategies::filters(),
        rate in strategies::redrive_rates(),
    ) {
        prop_assert_eq!(&pattern.as_str().parse::<TopicPattern>().unwrap(), &pattern);
        let head = pattern.as_str().strip_suffix(".#");
        let wanted: Vec<&str> = head.unwrap_or(pattern.as_str()).split('.').collect();
        let segments: Vec<&str> = topic.split('.').collect();
        let long_enough = match head {
            Some(_) => segments.len() >= wanted.len(),
            None => segments.len() == wanted.len(),
        };
        let fits = long_enough
            && wanted.iter().zip(&segments).all(|(one, it)| *one == "*" || one == it);
        prop_assert_eq!(pattern.fits(&topic), fits);

        let tags = filter.tags().map(str::to_owned).collect();
        let untitled = RoutingKey { topic: None, tags };
        prop_assert_eq!(filter.fits(&untitled), filter.topic().is_none());
        let named = RoutingKey { topic: Some(topic.clone()), ..untitled };
        prop_assert_eq!(filter.fits(&named), filter.topic().is_none_or(|it| it.fits(&topic)));

        let (at_once, pause) = rate.step();
        prop_assert!(at_once >= 1 && pause.as_millis() >= 99 && pause.as_secs() <= 1, "{}", rate);
    }

    /// Seen from now, an age and the time it stands for are the same.
    #[test]
    fn a_resolved_selection_is_the_same(
        selection in strategies::dead_selections(),
        letter in strategies::dead_letters(),
        (now, died) in (0..10u64, 0..10u64),
    ) {
        let now = Timestamp::from_micros(now.max(died));
        let letter = DeadLetter { died_at: letter.died_at.map(|_| Timestamp::from_micros(died)), ..letter };
        let resolved = selection.resolved(now);
        prop_assert!(!resolved.is_relative());
        prop_assert_eq!(selection.takes(now, &letter), resolved.takes(now, &letter));
        if selection.is_all() {
            prop_assert!(selection.takes(now, &letter));
        }
    }

    #[test]
    fn results_agree_with_themselves(
        result in strategies::message_results(),
        stats in strategies::mailbox_stats(),
        _all in (
            strategies::nack_outcomes(),
            strategies::received_messages(),
            strategies::peeked_messages(),
            strategies::dead_letters(),
            strategies::pages(),
        ),
    ) {
        prop_assert_eq!(result.delivered(), result.error().is_none());
        prop_assert_eq!(stats.depth, stats.ready.total() + stats.delayed + stats.reserved);
    }

    /// What is refused or lost has no ticket; what agents hand on, the headers carry.
    #[test]
    fn answers_and_trails_hold_together(
        result in strategies::message_results(),
        publication in strategies::publications(),
        matches in strategies::dead_matches(),
        (trail, note) in (strategies::trails(), strategies::notes()),
        count in strategies::receipt_counts(),
    ) {
        prop_assert!(result.ticket.is_none() || result.delivered());
        let (reached, missed) = (publication.delivered(), publication.missed().count());
        prop_assert_eq!(reached + missed, publication.recipients().len());
        prop_assert!(publication.recipients().is_sorted_by_key(|it| it.mailbox_key()));
        prop_assert!(matches.letters.len() as u64 <= matches.total);
        prop_assert!(matches.readable <= matches.total);
        prop_assert!(check_note(&note).is_ok() && count.is_decided(0));
        let id = coord_core::MessageId::new("msg-000001").unwrap();
        let agent = coord_core::AgentId::parse("a").unwrap();
        let kind = coord_core::MessageType::Event;
        let mut message = AgentMessage::new(id, agent.clone(), agent, kind);
        trail.mark(&mut message);
        prop_assert_eq!(Trail::of(&message), trail);
        prop_assert!(message.headers.iter().count() <= Headers::MAX_COUNT);
    }

    /// What lies in a mailbox and what is said of it agree, after whatever happened.
    #[test]
    fn mailboxes_and_their_dead_are_sound(
        mailbox in strategies::mailboxes(),
        dead in strategies::dead(),
        inputs in strategies::input_sequences(6),
    ) {
        let ready = coord_core::MessagePriority::SERVED.map(|level| mailbox.ready_count(level));
        let places = ready.iter().sum::<u64>() + mailbox.delayed_count() + mailbox.reserved_count();
        prop_assert_eq!(mailbox.depth(), places);
        prop_assert_eq!(dead.letter().died_at, Some(dead.died_at));
        prop_assert!(inputs.len() <= 6);
    }

    #[test]
    fn registrations_and_capabilities_pass_their_checks(
        registration in strategies::registrations(),
        record in strategies::agent_records(),
        set in strategies::capability_sets(),
        version in strategies::capability_versions(),
        policy in strategies::registry_policies(),
        page in strategies::event_pages(),
    ) {
        prop_assert!(registration.check().is_ok() && set.check().is_ok());
        prop_assert!(coord_core::capability::CapabilityVersion::parse(&version).is_ok());
        prop_assert!(policy.validate().is_ok() && policy.suspect_after() <= policy.ttl());
        prop_assert!(record.incarnation.is_some() && record.beat().is_some());
        prop_assert_eq!(page.events.last().map_or(page.head.seq, |it| it.seq), page.head.seq);
    }

    /// A narrow filter loses no match, and whoever is picked was found.
    #[test]
    fn filters_lose_no_match(
        criteria in strategies::capability_criteria(),
        strategy in strategies::match_strategies(),
        choice in strategies::pick_strategies(),
        matcher in strategies::capability_matchers(),
        sets in prop::collection::vec(strategies::capability_sets(), 0..4),
    ) {
        let filter = coord_core::registry::CapabilityFilter::of(&criteria, strategy);
        let found = matcher.find(&criteria, strategy, &sets);
        let narrow = sets.iter().filter(|set| filter.admits(set));
        prop_assert_eq!(&matcher.find(&criteria, strategy, narrow), &found);
        let picked = coord_core::registry::pick(&found, choice, |_| false);
        prop_assert_eq!(picked.is_some(), !found.is_empty());
    }
}

/// Every public type of coord-core that is a value has its strategy, also one of tomorrow.
#[test]
fn every_public_type_has_a_strategy() {
    // What runs, holds connections or borrows is no value: strategies make what they are made of.
    const NO_VALUES: [&str; 9] = [
        "CapabilityVersion",
        "Heartbeat",
        "Heartbeats",
        "InMemoryMetrics",
        "MessageSubscription",
        "NullMetrics",
        "PublishedStatus",
        "RegistryMachine",
        "RegistryWatch",
    ];
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let core = sources(&here.join("../coord-core/src"));
    let ours = sources(&here.join("src/strategies"));
    let made: BTreeSet<&str> = ours
        .lines()
        .filter_map(|line| line.split_once("-> impl Strategy<Value = "))
        .filter_map(|(_, rest)| rest.split(['<', '>']).next())
        .collect();
    let names = core.lines().filter_map(|line| {
        let rest = line.strip_prefix("pub struct ").or_else(|| line.strip_prefix("pub enum "))?;
        rest.split(|c: char| !c.is_alphanumeric()).next()
    });
    let names: BTreeSet<&str> = names.collect();
    assert!(names.len() > 90, "{} types found", names.len());
    let missing: Vec<_> =
        names.iter().filter(|name| !made.contains(*name) && !NO_VALUES.contains(name)).collect();
    assert!(missing.is_empty(), "no strategy makes {missing:?}");
    let needless: Vec<_> =
        NO_VALUES.iter().filter(|name| made.contains(*name) || !names.contains(*name)).collect();
    assert!(needless.is_empty(), "listed without need: {needless:?}");
}

/// The text of all source files under a directory.
fn sources(directory: &Path) -> String {
    let mut all = String::new();
    for entry in std::fs::read_dir(directory).expect("the directory is there") {
        let path = entry.expect("can be read").path();
        if path.is_dir() {
            all += &sources(&path);
        } else if path.extension().is_some_and(|it| it == "rs") {
            all += &std::fs::read_to_string(&path).expect("a source file");
        }
    }
    all
}
