//! What the strategies make is valid.

use coord_core::{
    AgentMessage, DeadLetter, Payload, QueueMessage, ReservationToken, RoutingKey, Timestamp,
    TopicPattern, check_visibility,
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
}
