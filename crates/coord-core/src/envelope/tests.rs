use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::test_values::queue_messages;
use crate::{AgentId, MessageType, Payload};

/// Every envelope that the original wrote while it was captured, one per line.
const CAPTURED: &str = include_str!("../../tests/golden/envelopes.txt");

const BARE: &str = r#"{"message":{"message_id":"msg-000001","sender":{"type":"x"},"recipient":{"type":"y"},"message_type":"event"}}"#;

fn read(wire: &str) -> QueueMessage {
    QueueMessage::from_wire(wire.as_bytes()).unwrap_or_else(|poison| panic!("{poison}: {wire}"))
}

#[test]
fn captured_envelopes_come_back_byte_for_byte() {
    assert_eq!(CAPTURED.lines().count(), 14);
    for wire in CAPTURED.lines() {
        assert_eq!(read(wire).to_wire(), wire);
    }
}

#[test]
fn a_rewrite_gives_the_bytes_the_original_gave() {
    let of = |id: &str, attempts: &str| {
        let attempts = format!("\"delivery_attempts\": {attempts},");
        CAPTURED.lines().find(|line| line.contains(id) && line.contains(&attempts)).unwrap()
    };
    let (before, after) = (of("msg-000001", "0"), of("msg-000001", "1"));
    assert_eq!(QueueMessage::rewrite(before, 1, Some("boom é")).unwrap(), after);
    for wire in CAPTURED.lines() {
        let queued = read(wire);
        let (attempts, error) = (queued.delivery_attempts, queued.last_error.as_deref());
        assert_eq!(QueueMessage::rewrite(wire, attempts, error).unwrap(), wire);
    }
}

#[test]
fn a_rewrite_touches_two_values_only() {
    for (wire, wanted) in [
        (
            r#"{ "last_error":"x" ,"z": NaN, "delivery_attempts" : 7}"#,
            r#"{ "last_error":null ,"z": NaN, "delivery_attempts" : 2}"#,
        ),
        ("{}", r#"{"delivery_attempts": 2, "last_error": null}"#),
        (r#"{"a": "}"}  "#, r#"{"a": "}", "delivery_attempts": 2, "last_error": null}  "#),
        (
            r#"{"message":{"delivery_attempts":5},"delivery_attempts":0}"#,
            r#"{"message":{"delivery_attempts":5},"delivery_attempts":2, "last_error": null}"#,
        ),
        (
            r#"{"delivery\u005fattempts":0,"last_error":null,"last_error":"b"}"#,
            r#"{"delivery\u005fattempts":2,"last_error":null,"last_error":null}"#,
        ),
    ] {
        assert_eq!(QueueMessage::rewrite(wire, 2, None).unwrap(), wanted);
    }
    assert!(QueueMessage::rewrite("[]", 1, None).is_err());
    let long = QueueMessage::rewrite("{}", 1, Some(&"x".repeat(100_000))).unwrap();
    assert!(long.len() < 2 * crate::MAX_ERROR_BYTES);
}

#[test]
fn reads_what_the_original_reads() {
    let bare = read(BARE);
    assert_eq!(bare.message.sender, AgentId::foreign("x", None));
    assert_eq!(bare.message.message_type, MessageType::Event);
    assert_eq!((bare.message.payload, bare.priority), (Payload::empty(), MessagePriority::Normal));
    assert_eq!((bare.enqueued_at, bare.message.timestamp, bare.delivery_attempts), (None, None, 0));

    let with = |field: &str| read(&BARE.replace(r#""message_type""#, field));
    let message = |field: &str| with(&format!(r#"{field},"message_type""#)).message;
    let envelope = |field: &str| read(&BARE.replacen('{', &format!("{{{field},"), 1));

    for (raw, level) in [
        ("9", MessagePriority::High),
        ("\"9\"", MessagePriority::High),
        ("5.0", MessagePriority::Normal),
        ("true", MessagePriority::Low),
    ] {
        assert_eq!(message(&format!(r#""priority":{raw}"#)).priority, level, "{raw}");
        assert_eq!(envelope(&format!(r#""priority":{raw}"#)).priority, level, "{raw}");
    }
    assert_eq!(message(r#""timestamp":"not a date""#).timestamp.as_deref(), Some("not a date"));
    assert_eq!(message(r#""timestamp":"\ud800x""#).timestamp.as_deref(), Some("\u{fffd}x"));
    assert_eq!(
        message(r#""routing":{"tags":["é","\ud83d\ude00"]}"#).routing.tags,
        ["é", "\u{1f600}"]
    );
    assert_eq!(message(r#""routing":{"topic":"t","x":1}"#).routing.topic.as_deref(), Some("t"));
    assert_eq!(envelope(r#""delivery_attempts":"4""#).delivery_attempts, 4);
    assert_eq!(envelope(r#""last_error":"\ud800""#).last_error.as_deref(), Some("\u{fffd}"));
    let odd = message(r#""headers":{"a":1},"\ud800":2,"x":NaN"#);
    assert!(odd.headers.is_empty());
    let unknown: Vec<_> = odd.unknown_fields().collect();
    assert_eq!(unknown, [("headers", r#"{"a":1}"#), ("\u{fffd}", "2"), ("x", "NaN")]);
    let id = r#""message_id":"漢漢漢漢漢漢""#;
    assert_eq!(
        read(&BARE.replace(r#""message_id":"msg-000001""#, id))
            .message
            .message_id
            .as_str()
            .chars()
            .count(),
        6
    );
    // The last of several counts, and white space is none of our business.
    assert_eq!(envelope(r#""delivery_attempts":1,"delivery_attempts":2"#).delivery_attempts, 2);
    assert_eq!(read(&format!(" \n{}\t\r\n", BARE.replace(':', " : "))), read(BARE));
}

#[test]
fn unknown_fields_stay_where_they_are() {
    let wire = BARE.replacen('{', r#"{"x_env": [1 ,2],"#, 1).replace("{\"m", r#"{"x_msg":{ },"m"#);
    let again = read(&read(&wire).to_wire());
    assert_eq!(again, read(&wire));
    assert!(again.to_wire().contains(r#""x_msg": { }"#));
    assert!(again.to_wire().ends_with(r#""x_env": [1 ,2]}"#));
}

#[test]
fn says_what_is_wrong_with_poison() {
    let check = |bytes: &[u8], wanted: Expect| {
        let poison = QueueMessage::from_wire(bytes).unwrap_err();
        wanted.assert_eq(poison.reason());
    };
    let in_message =
        |field: &str| BARE.replace(r#""message_type""#, &format!(r#"{field},"message_type""#));
    check(b"\xff", expect!["not UTF-8: invalid utf-8 sequence of 1 bytes from index 0"]);
    check(b"", expect!["the envelope is no JSON object: the text ends at byte 0, expected {"]);
    check(b"[]", expect!["the envelope is no JSON object: '[' at byte 0, expected {"]);
    check(b"{} x", expect!["the envelope is no JSON object: 'x' at byte 3, expected the end"]);
    check(
        b"{\"a\": \"\n\"}",
        expect!["the envelope is no JSON object: '\\n' at byte 7, expected an escape"],
    );
    check(b"{}", expect!["`message` is missing"]);
    check(
        br#"{"message": null}"#,
        expect!["the message is no JSON object: 'n' at byte 0, expected {"],
    );
    check(br#"{"message": {}}"#, expect!["`message_id` is missing"]);
    check(
        BARE.replace("msg-000001", "short").as_bytes(),
        expect![[r#"`message_id` is "short", not a text of at least 6 characters"#]],
    );
    check(
        BARE.replace("event", "Event").as_bytes(),
        expect![[r#"`message_type` is "Event", not one of request, response, event"#]],
    );
    check(
        BARE.replace(r#""type":"x""#, r#""instance":"x""#).as_bytes(),
        expect!["`sender.type` is missing"],
    );
    check(
        BARE.replace(r#"{"type":"y"}"#, "7").as_bytes(),
        expect!["recipient is no JSON object: '7' at byte 0, expected {"],
    );
    check(in_message(r#""priority":7"#).as_bytes(), expect!["`priority` is 7, not one of 1, 5, 9"]);
    check(in_message(r#""payload":[1]"#).as_bytes(), expect!["`payload` is [1], not an object"]);
    check(
        in_message(r#""routing":{"tags":[1]}"#).as_bytes(),
        expect!["`tags` is [1], not a list of texts"],
    );
    check(
        in_message(r#""timestamp":5"#).as_bytes(),
        expect!["`timestamp` is 5, not a text or null"],
    );
    check(
        BARE.replacen('{', r#"{"delivery_attempts":-1,"#, 1).as_bytes(),
        expect!["`delivery_attempts` is -1, not a count"],
    );
    let long = in_message(&format!(r#""timestamp":[{}]"#, "1, ".repeat(99) + "1"));
    check(
        long.as_bytes(),
        expect!["`timestamp` is [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, , not a text or null"],
    );
}

#[test]
fn serde_carries_what_standard_json_can() {
    let queued = read(CAPTURED.lines().next().unwrap());
    let json = serde_json::to_string(&queued).unwrap();
    assert_eq!(serde_json::from_str::<QueueMessage>(&json).unwrap(), queued);
    let nan = read(CAPTURED.lines().find(|line| line.contains("NaN")).unwrap());
    assert!(serde_json::to_string(&nan).is_err());
}

proptest! {
    #[test]
    fn wire_round_trip(queued in queue_messages()) {
        let wire = queued.to_wire();
        prop_assert!(wire.is_ascii() || !queued.message.payload.as_json().is_ascii());
        prop_assert_eq!(QueueMessage::from_wire(wire.as_bytes()).unwrap(), queued);
    }

    #[test]
    fn message_round_trip(queued in queue_messages()) {
        let json = queued.message.to_json();
        prop_assert_eq!(AgentMessage::from_json(json.as_bytes()).unwrap(), queued.message);
    }

    /// A rewrite of the stored text and an encoding of the changed envelope are the same bytes.
    #[test]
    fn rewrite_is_a_change_of_the_envelope(
        queued in queue_messages(),
        attempts: u32,
        error in prop::option::of(".{0,20}"),
    ) {
        let rewritten = QueueMessage::rewrite(&queued.to_wire(), attempts, error.as_deref());
        let changed =
            QueueMessage { delivery_attempts: attempts, last_error: error, ..queued };
        prop_assert_eq!(rewritten.unwrap(), changed.to_wire());
    }

    /// Whatever happens to a captured envelope on its way, reading it does not panic, and what is
    /// read is written readably.
    #[test]
    fn damaged_envelopes_do_no_harm(
        line in 0usize..14,
        cut in any::<prop::sample::Index>(),
        bytes in prop::collection::vec(any::<u8>(), 0..4),
    ) {
        let mut wire = CAPTURED.lines().nth(line).unwrap().as_bytes().to_vec();
        let at = cut.index(wire.len());
        let end = (at + bytes.len()).min(wire.len());
        wire.splice(at..end, bytes);
        if let Ok(queued) = QueueMessage::from_wire(&wire) {
            prop_assert_eq!(read(&queued.to_wire()), queued);
        }
    }
}
