//! queues, peek, dlq list.

use std::process::Stdio;

use crate::harness::{Place, everywhere, stable};

fn fill(place: &Place) {
    for (id, extra) in [
        ("msg-high", &["--priority", "high"][..]),
        ("msg-dead", &["--priority", "high"]),
        ("msg-normal", &[]),
        ("msg-low", &["--priority", "low"]),
        ("msg-later", &["--delay", "1h"]),
    ] {
        place.json(&[&["send", "w:w1", "--from", "p", "--id", id], extra].concat());
    }
    place.receive("w:w1");
    let token = place.receive("w:w1");
    place.json(&["nack", "w:w1", &token, "--failure", "permanent", "--error", "broken"]);
    place.json(&["send", "v", "--from", "p"]);
}

#[test]
fn queues_counts_each_mailbox() {
    everywhere("queues_counts_each_mailbox", |place| {
        fill(place);
        let lines = place.json(&["queues", "--queue-size", "7"]);
        let lines: Vec<&str> = lines.lines().collect();
        let [v, w] = lines[..] else { panic!("{lines:?}") };
        let (head, tail) = split_age(w);
        assert_eq!(
            head,
            r#"{"agent":"w:w1","ready":{"high":0,"normal":1,"low":1},"delayed":1,"reserved":1,"dead":1,"#
        );
        assert_eq!(tail, r#""depth":4,"capacity":7,"paused":false,"rate":null}"#);
        assert!(
            v.starts_with(r#"{"agent":"v","ready":{"high":0,"normal":1,"low":0},"delayed":0,"#)
        );

        let table = place.run(&["queues", "w:w1"]).out;
        let rows: Vec<Vec<&str>> =
            table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(
            rows[0],
            [
                "AGENT", "HIGH", "NORMAL", "LOW", "DELAYED", "RESERVED", "DEAD", "OLDEST", "DEPTH",
                "CAPACITY", "GATE"
            ]
        );
        assert_eq!(rows[1][..7], ["w:w1", "0", "1", "1", "1", "1", "1"]);
        assert_eq!(rows[1][8..], ["4", "10000", "open"]);
        assert!(!table.contains('\u{1b}'), "no colours into a pipe");
    });
}

/// The line before and after the age, which must be a small number of seconds.
fn split_age(line: &str) -> (&str, &str) {
    let (head, rest) = line.split_once(r#""oldest_age_seconds":"#).unwrap();
    let (age, tail) = rest.split_once(',').unwrap();
    let age: f64 = age.parse().unwrap();
    assert!((0.0..60.0).contains(&age), "{line}");
    (head, tail)
}

#[test]
fn peek_shows_the_order_of_service_and_changes_nothing() {
    everywhere("peek_shows_the_order_of_service_and_changes_nothing", |place| {
        fill(place);
        let lines = place.json(&["peek", "w:w1"]);
        let seen: Vec<String> = lines.lines().map(stable).collect();
        assert_eq!(seen.len(), 3);
        for (line, (place, id)) in seen.iter().zip([
            ("ready", "msg-normal"),
            ("ready", "msg-low"),
            ("delayed", "msg-later"),
        ]) {
            let start = format!(
                r#"{{"place":"{place}","available_at":"TIME","queue_message":{{"message": {{"message_id": "{id}","#
            );
            assert!(line.starts_with(&start), "{line}");
        }
        assert_eq!(place.json(&["peek", "w:w1", "--max", "1"]).lines().count(), 1);
        assert_eq!(place.json(&["peek", "w:w1"]), lines);
        let table = place.run(&["peek", "w:w1"]).out;
        assert!(table.starts_with("PLACE    DUE"), "{table}");
        assert_eq!(table.lines().count(), 4);
    });
}

#[test]
fn dead_letters_keep_their_last_error() {
    everywhere("dead_letters_keep_their_last_error", |place| {
        fill(place);
        let line = stable(&place.json(&["dlq", "list", "w:w1"]));
        let died = if place.layout == "tta" { "null" } else { "\"TIME\"" };
        let start = format!(
            r#"{{"died_at":{died},"queue_message":{{"message": {{"message_id": "msg-dead","#
        );
        assert!(line.starts_with(&start), "{line}");
        assert!(
            line.ends_with("\"delivery_attempts\": 1, \"last_error\": \"broken\"}}\n"),
            "{line}"
        );
        assert!(place.run(&["dlq", "list", "w:w1"]).out.contains("  broken"), "for people too");
        let ran = place.run(&["dlq", "list", "w:w1", "--offset", "1"]);
        let err = "coord: no dead letter of w:w1 from number 1 on\n";
        assert_eq!((ran.status, ran.out.as_str(), ran.err.as_str()), (Some(4), "", err));
    });
}

#[test]
fn what_no_reader_understands_is_shown_as_text() {
    everywhere("what_no_reader_understands_is_shown_as_text", |place| {
        if place.layout == "compact" {
            // Nobody but this library writes there.
            return;
        }
        let key = format!("{}:dlq:w:default", place.prefix);
        place.redis(&["RPUSH", &key, "not\u{1b}\n\"json\""]);
        let line = place.json(&["dlq", "list", "w"]);
        let start =
            r#"{"died_at":null,"queue_message":null,"raw":"not\u001b\n\"json\"","reason":""#;
        assert!(line.starts_with(start), "{line}");
        assert!(place.run(&["dlq", "list", "w"]).out.contains(r#"not\u{1b}\n"json""#));
    });
}

#[test]
fn nothing_there_is_status_4() {
    everywhere("nothing_there_is_status_4", |place| {
        let none = "coord: no mailbox under this prefix; check --redis, --layout and --prefix\n";
        let unknown = "coord: unknown agent w: no mailbox of that name under this prefix; \
                       `coord queues` lists all\n";
        let peek = "coord: nothing to see: no message of w is waiting; `coord queues w` counts \
                    reserved and dead ones\n";
        for (args, err) in
            [(&["queues"][..], none), (&["queues", "w"], unknown), (&["peek", "w"], peek)]
        {
            for output in ["human", "json"] {
                let ran = place.run(&[&["--output", output], args].concat());
                assert_eq!((ran.status, ran.out.as_str(), ran.err.as_str()), (Some(4), "", err));
            }
        }
    });
}

#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    everywhere("a_reader_that_leaves_early_is_no_failure", |place| {
        place.json(&["send", "w", "--from", "p"]);
        for args in
            [&["queues"][..], &["peek", "w"], &["--help"], &["man"], &["completions", "bash"]]
        {
            let mut command = place.command(args);
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut child = command.spawn().unwrap();
            drop(child.stdout.take());
            let output = child.wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{args:?}");
            assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{args:?}");
        }
    });
}
