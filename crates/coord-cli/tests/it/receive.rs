//! receive.

use std::process::Stdio;

use crate::harness::{Running, everywhere, stable};

#[test]
fn a_receive_prints_the_wire_json_as_it_is() {
    everywhere("a_receive_prints_the_wire_json_as_it_is", |place| {
        place.json(&[
            "send",
            "w:w1",
            "--from",
            "p",
            "--id",
            "msg-000001",
            "--payload",
            r#"{"b": NaN, "a": [1180591620717411303424, {}]}"#,
        ]);
        assert_eq!(
            stable(&place.json(&["receive", "w:w1"])),
            concat!(
                r#"{"token":"TOKEN","fence":1,"visibility_deadline":"TIME","queue_message":"#,
                r#"{"message": {"message_id": "msg-000001", "#,
                r#""sender": {"type": "p", "instance": null}, "#,
                r#""recipient": {"type": "w", "instance": "w1"}, "message_type": "request", "#,
                r#""payload": {"b": NaN, "a": [1180591620717411303424, {}]}, "priority": 5, "#,
                r#""routing": {"topic": null, "tags": []}, "timestamp": "TIME"}, "#,
                r#""priority": 5, "enqueued_at": "TIME", "delivery_attempts": 0, "#,
                "\"last_error\": null}}\n"
            )
        );
    });
}

#[test]
fn people_get_a_block_that_cannot_drive_their_terminal() {
    everywhere("people_get_a_block_that_cannot_drive_their_terminal", |place| {
        let id = "msg-000001";
        place.json(&["send", "w", "--from", "p", "--id", id, "--payload", "{\"a\": \"\u{7f}\"}"]);
        assert_eq!(
            stable(&place.run(&["receive", "w"]).out),
            "token       TOKEN\nfence       1\ndeadline    TIME\n\
             message     msg-000001 (request, normal)\nfrom        p\nattempts    0\n\
             payload     {\"a\": \"\\u{7f}\"}\n"
        );
    });
}

#[test]
fn an_empty_mailbox_is_status_4_and_prints_nothing() {
    everywhere("an_empty_mailbox_is_status_4_and_prints_nothing", |place| {
        for args in [&["receive", "w"][..], &["--output", "json", "receive", "w", "--wait", "20ms"]]
        {
            let ran = place.run(args);
            assert_eq!((ran.status, ran.out.as_str()), (Some(4), ""));
            assert_eq!(
                ran.err,
                "coord: nothing to receive: no message of w is due; wait with --wait 30s, or see \
                 what it holds with `coord queues w`\n"
            );
        }
    });
}

#[test]
fn max_reserves_several_in_order() {
    everywhere("max_reserves_several_in_order", |place| {
        for (id, priority) in
            [("msg-1-low", "low"), ("msg-2-high", "high"), ("msg-3-normal", "normal")]
        {
            place.json(&["send", "w", "--from", "p", "--id", id, "--priority", priority]);
        }
        let lines = place.json(&["receive", "w", "--max", "2"]);
        let ids: Vec<&str> = lines
            .lines()
            .map(|line| line.split("\"message_id\": \"").nth(1).unwrap())
            .map(|rest| rest.split('"').next().unwrap())
            .collect();
        assert_eq!(ids, ["msg-2-high", "msg-3-normal"]);
        assert_eq!(place.json(&["receive", "w", "--max", "5"]).lines().count(), 1);
    });
}

#[test]
fn a_waiting_receive_gets_what_is_sent_later() {
    everywhere("a_waiting_receive_gets_what_is_sent_later", |place| {
        let args = ["-v", "--output", "json", "receive", "w", "--wait", "1m"];
        let mut waiting = Running::start(&mut place.command(&args));
        waiting.await_note("waiting");
        place.json(&["send", "w", "--from", "p"]);
        assert!(waiting.line().starts_with(r#"{"token":"res_"#));
        assert_eq!(waiting.end().status, Some(0));
    });
}

#[test]
fn ctrl_c_ends_a_waiting_receive_cleanly() {
    everywhere("ctrl_c_ends_a_waiting_receive_cleanly", |place| {
        let args = ["-v", "receive", "w", "--wait", "1h"];
        let mut waiting = Running::start(&mut place.command(&args));
        waiting.await_note("waiting");
        waiting.interrupt();
        let ran = waiting.end();
        assert_eq!((ran.status, ran.out.as_str()), (Some(4), ""), "{ran:?}");
    });
}

#[test]
fn what_nobody_can_read_is_given_back() {
    everywhere("what_nobody_can_read_is_given_back", |place| {
        place.json(&["send", "w", "--from", "p"]);
        let mut command = place.command(&["receive", "w", "--wait", "1m"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        let line = place.json(&["queues", "w"]);
        assert!(line.contains(r#""normal":1,"#) && line.contains(r#""reserved":0,"#), "{line}");
    });
}
