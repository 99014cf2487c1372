use super::*;
use crate::message::AgentMessage;

const HOUR: Duration = Duration::from_secs(3_600);

fn at(micros: u64) -> Timestamp {
    Timestamp::from_micros(micros)
}

fn id(text: &str) -> MessageId {
    MessageId::new(text).unwrap()
}

fn letter() -> DeadLetter {
    let sender = AgentId::parse("planner").unwrap();
    let message = AgentMessage::new(id("msg-000001"), sender.clone(), sender, MessageType::Request);
    let mut queued = QueueMessage::new(message);
    queued.delivery_attempts = 4;
    queued.last_error = Some("read timeout after 5 s".to_owned());
    DeadLetter { body: DeadBody::Message(Box::new(queued)), died_at: Some(at(1_000)) }
}

fn unreadable() -> DeadLetter {
    let body = DeadBody::Unreadable { raw: "x".to_owned(), reason: "timeout".to_owned() };
    DeadLetter { body, died_at: Some(at(1_000)) }
}

#[test]
fn every_condition_counts() {
    let all = DeadSelection::all;
    let now = at(10_000);
    let agent = |text: &str| AgentId::parse(text).unwrap();
    for (selection, takes) in [
        (all(), true),
        (DeadSelection::ids([id("msg-000001"), id("msg-000002")]), true),
        (DeadSelection::ids([id("msg-000002")]), false),
        (DeadSelection::ids([]), false),
        (all().with_error("timeout"), true),
        (all().with_error(""), true),
        (all().with_error("Timeout"), false),
        (all().with_type(MessageType::Request), true),
        (all().with_type(MessageType::Event), false),
        (all().with_sender(agent("planner:default")), true),
        (all().with_sender(agent("planner:p1")), false),
        (all().with_attempts(4..=4), true),
        (all().with_attempts(0..=3), false),
        (all().with_attempts(5..=u32::MAX), false),
        (all().with_died_from(at(1_000)), true),
        (all().with_died_from(at(1_001)), false),
        (all().with_died_before(at(1_001)), true),
        (all().with_died_before(at(1_000)), false),
        (all().with_older_than(Duration::from_micros(8_999)), true),
        (all().with_older_than(Duration::from_micros(9_000)), false),
        (all().with_error("timeout").with_type(MessageType::Event), false),
        (all().with_error("timeout").with_attempts(1..=9).with_died_from(at(5)), true),
    ] {
        assert_eq!(selection.takes(now, &letter()), takes, "{selection:?}");
        let resolved = selection.resolved(now);
        assert!(!resolved.is_relative());
        assert_eq!(resolved.takes(at(u64::MAX / 2), &letter()), takes, "resolved {selection:?}");
    }
}

#[test]
fn what_cannot_be_read_fits_by_its_time_only() {
    let all = DeadSelection::all;
    let now = at(10_000);
    assert!(all().takes(now, &unreadable()));
    assert!(all().with_died_before(at(2_000)).takes(now, &unreadable()));
    assert!(!all().with_older_than(HOUR).takes(now, &unreadable()));
    for message in [
        all().with_error("timeout"),
        all().with_type(MessageType::Request),
        all().with_attempts(0..=9),
        DeadSelection::ids([id("msg-000001")]),
        all().with_sender(AgentId::parse("planner").unwrap()),
    ] {
        assert!(!message.takes(now, &unreadable()), "{message:?}");
    }
}

#[test]
fn an_unknown_time_fits_no_condition_about_it() {
    let timeless = DeadLetter { died_at: None, ..letter() };
    assert!(DeadSelection::all().takes(at(9), &timeless));
    for selection in [
        DeadSelection::all().with_died_from(at(0)),
        DeadSelection::all().with_died_before(at(u64::MAX)),
        DeadSelection::all().with_older_than(Duration::ZERO),
    ] {
        assert!(selection.asks_for_time() && !selection.takes(at(9), &timeless));
    }
    assert!(DeadSelection::all().is_all() && !DeadSelection::ids([]).is_all());
}

#[test]
fn a_rate_is_kept_on_average() {
    for (text, at_once, pause_ms) in
        [("1/s", 1, 1000), ("10/s", 1, 100), ("25/s", 3, 120), ("1000/s", 100, 100)]
    {
        let rate = text.parse::<RedriveRate>().unwrap();
        assert_eq!(rate.step(), (at_once, Duration::from_millis(pause_ms)), "{text}");
        assert_eq!(rate.to_string(), text);
    }
    for text in ["0/s", "5", "/s", "5/m", "1000001/s", "-1/s", "99999999999/s"] {
        assert_eq!(text.parse::<RedriveRate>().unwrap_err().field(), "rate");
    }
    assert_eq!(RedriveRate::per_second(0).unwrap_err().field(), "rate");
}
