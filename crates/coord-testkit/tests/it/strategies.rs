//! What the strategies make is valid.

use coord_core::{AgentMessage, Payload, QueueMessage, ReservationToken, check_visibility};
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
