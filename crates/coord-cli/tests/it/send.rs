//! send and broadcast.

use std::io::Write;

use crate::harness::{Ran, everywhere, place};

#[test]
fn a_send_says_what_became_of_the_message() {
    everywhere("a_send_says_what_became_of_the_message", |place| {
        assert_eq!(
            place.json(&["send", "writer:w1", "--from", "planner", "--id", "msg-000001"]),
            "{\"message_id\":\"msg-000001\",\"delivered\":true,\"error\":null}\n"
        );
        let human = place.run(&["send", "writer:w1", "--from", "planner", "--id", "msg-000002"]);
        let out = "delivered msg-000002 to writer:w1\n".to_owned();
        assert_eq!(human, Ran { status: Some(0), out, err: String::new() });

        let line = place.json(&["send", "writer:w1", "--from", "planner"]);
        let id = line.split('"').nth(3).unwrap();
        assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{line}");
    });
}

#[test]
fn every_option_reaches_the_message() {
    everywhere("every_option_reaches_the_message", |place| {
        place.json(&[
            "send",
            "w",
            "--from",
            "p:p1",
            "--type",
            "event",
            "--priority",
            "high",
            "--payload",
            r#"{"a": 1e400}"#,
            "--id",
            "msg-000001",
            "--topic",
            "t",
            "--tag",
            "x",
            "--tag",
            "y",
            "--header",
            "reply_to=p:p1",
            "--header",
            "k==v",
        ]);
        let line = place.json(&["peek", "w"]);
        for part in [
            r#""sender": {"type": "p", "instance": "p1"}, "recipient": {"type": "w", "instance": null}"#,
            r#""message_type": "event", "payload": {"a": 1e400}, "priority": 9"#,
            r#""routing": {"topic": "t", "tags": ["x", "y"]}"#,
            r#""headers": {"k": "=v", "reply_to": "p:p1"}"#,
        ] {
            assert!(line.contains(part), "{part} in {line}");
        }
    });
}

#[test]
fn a_payload_comes_from_the_line_a_file_or_stdin() {
    everywhere("a_payload_comes_from_the_line_a_file_or_stdin", |place| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"{\"from\":\n \"file\"}\n").unwrap();
        let path = format!("@{}", file.path().display());
        place.json(&["send", "w", "--from", "p", "--payload", &path]);
        let fed =
            place.fed(&["send", "w", "--from", "p", "--payload", "-"], b" {\"from\":\"stdin\"}\n");
        assert_eq!(fed.status, Some(0), "{fed:?}");
        place.json(&["send", "w", "--from", "p", "--payload", r#"{"from":"line"}"#]);
        let lines = place.json(&["peek", "w"]);
        let lines: Vec<&str> = lines.lines().collect();
        assert_eq!(lines.len(), 3, "one object a line: {lines:?}");
        for (line, payload) in
            lines.iter().zip([r#"{"from":  "file"}"#, r#"{"from":"stdin"}"#, r#"{"from":"line"}"#])
        {
            assert!(line.contains(&format!("\"payload\": {payload},")), "{payload} in {line}");
        }
    });
}

#[test]
fn a_full_mailbox_refuses_with_status_3() {
    everywhere("a_full_mailbox_refuses_with_status_3", |place| {
        let send = ["--output", "json", "send", "w", "--from", "p", "--id", "msg-000001"];
        let limited = [&send[..], &["--queue-size", "1"]].concat();
        assert_eq!(place.run(&limited).status, Some(0));
        let refused = place.run(&limited);
        let expected = Ran {
            status: Some(3),
            out: "{\"message_id\":\"msg-000001\",\"delivered\":false,\"error\":\"queue full\"}\n"
                .into(),
            err: "coord: queue full: w holds 1 messages, the limit is 1; send again when its \
                  consumers have caught up, or raise --queue-size\n"
                .into(),
        };
        assert_eq!(refused, expected);

        let broadcast = ["broadcast", "v", "w", "--from", "p", "--id", "msg-000002"];
        let ran =
            place.run(&[&["--output", "json"], &broadcast[..], &["--queue-size", "1"]].concat());
        assert_eq!(ran.status, Some(3));
        assert_eq!(
            ran.out,
            "{\"message_id\":\"msg-000002\",\"delivered\":true,\"error\":null}\n\
             {\"message_id\":\"msg-000002\",\"delivered\":false,\"error\":\"queue full\"}\n"
        );
        let human = place.run(&[&broadcast[..], &["--queue-size", "1"]].concat());
        assert_eq!(
            human.out,
            "refused msg-000002 by v: queue full\nrefused msg-000002 by w: queue full\n"
        );
        assert!(human.err.ends_with("; 1 more recipients did not get it\n"), "{}", human.err);
    });
}

#[test]
fn a_delayed_message_waits() {
    everywhere("a_delayed_message_waits", |place| {
        place.json(&["send", "w", "--from", "p", "--delay", "1h"]);
        assert!(place.json(&["peek", "w"]).starts_with(r#"{"place":"delayed","#));
        assert_eq!(place.run(&["receive", "w"]).status, Some(4));
        assert!(place.json(&["queues", "w"]).contains(r#""delayed":1,"#));
    });
}

#[test]
fn the_same_id_in_the_dedup_window_is_one_message() {
    let Some(place) = place("the_same_id_in_the_dedup_window_is_one_message", "compact") else {
        return;
    };
    let send = ["send", "w", "--from", "p", "--id", "msg-000001", "--dedup-window", "1m"];
    let first = place.json(&send);
    assert_eq!(place.json(&send), first);
    assert_eq!(place.run(&send).out, "duplicate msg-000001 to w\n");
    assert_eq!(place.json(&["peek", "w"]).lines().count(), 1);
}

#[test]
fn what_a_layout_cannot_carry_is_a_usage_error() {
    let Some(place) = place("what_a_layout_cannot_carry_is_a_usage_error", "tta") else { return };
    let ran = place.run(&["send", "w", "--from", "p", "--expires-in", "1m"]);
    let err = "coord: expires_in is not supported by the tta layout; leave the option out or \
               choose the other --layout\n";
    assert_eq!(ran, Ran { status: Some(2), out: String::new(), err: err.into() });
}
