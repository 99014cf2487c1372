//! dlq redrive and dlq purge.

use crate::harness::{Place, Running, everywhere};

/// Makes dead letters of these ids.
fn kill(place: &Place, ids: &[&str]) {
    for id in ids {
        place.json(&["send", "w", "--from", "p", "--id", id]);
        let token = place.receive("w");
        place.json(&["nack", "w", &token, "--failure", "permanent"]);
    }
}

#[test]
fn redrive_puts_back_what_was_chosen_with_attempts_reset() {
    everywhere("redrive_puts_back_what_was_chosen_with_attempts_reset", |place| {
        kill(place, &["msg-000001", "msg-000002", "msg-000003"]);
        let redrive = |more: &[&str]| place.json(&[&["dlq", "redrive", "w"], more].concat());
        assert_eq!(
            redrive(&["--all", "--dry-run"]),
            "{\"would_redrive\":3,\"message_ids\":[\"msg-000001\",\"msg-000002\",\"msg-000003\"]}\n"
        );
        assert_eq!(redrive(&["--id", "msg-000002"]), "{\"redriven\":1}\n");
        let line = place.json(&["receive", "w"]);
        assert!(
            line.contains("msg-000002") && line.contains("\"delivery_attempts\": 0,"),
            "{line}"
        );
        assert_eq!(redrive(&["--all", "--rate", "50/s"]), "{\"redriven\":2}\n");
        assert!(place.json(&["queues", "w"]).contains("\"dead\":0,"));

        let ran = place.run(&["dlq", "redrive", "w", "--all"]);
        let err = "coord: nothing to do: no such dead letter of w; `coord dlq list w` shows them\n";
        assert_eq!((ran.status, ran.out.as_str(), ran.err.as_str()), (Some(4), "", err));
        for (args, err) in [
            (
                &["--rate", "5", "--all"][..],
                "invalid rate: \"5\" is not a number from 1 to 1000000",
            ),
            (&[], "say which dead letters: by conditions, or all of them"),
            (&["--all", "--id", "msg-000001"], "conditions and all exclude each other"),
        ] {
            let ran = place.run(&[&["dlq", "redrive", "w"], args].concat());
            assert_eq!(ran.status, Some(2), "{ran:?}");
            assert!(ran.err.contains(err), "{ran:?}");
        }
    });
}

#[test]
fn a_slow_redrive_ends_at_ctrl_c_and_says_how_far_it_came() {
    everywhere("a_slow_redrive_ends_at_ctrl_c_and_says_how_far_it_came", |place| {
        kill(place, &["msg-000001", "msg-000002"]);
        // The first one goes back at once, the second one a second later.
        let ids = ["--id", "msg-000001", "msg-000002"];
        let args =
            [&["--output", "json", "dlq", "redrive", "w", "--rate", "1/s"], &ids[..]].concat();
        let slow = Running::start(&mut place.command(&args));
        while !place.json(&["queues", "w"]).contains("\"dead\":1,") {}
        slow.interrupt();
        let ran = slow.end();
        assert_eq!(
            (ran.status, ran.out.as_str(), ran.err.as_str()),
            (Some(0), "{\"redriven\":1}\n", "")
        );
    });
}

#[test]
fn purge_deletes_what_was_chosen() {
    everywhere("purge_deletes_what_was_chosen", |place| {
        kill(place, &["msg-000001", "msg-000002", "msg-000003"]);
        let purge = |more: &[&str]| place.json(&[&["dlq", "purge", "w"], more].concat());
        assert_eq!(
            purge(&["--id", "msg-000001", "msg-000009", "--dry-run"]),
            "{\"would_purge\":1,\"message_ids\":[\"msg-000001\"]}\n"
        );
        assert_eq!(purge(&["--id", "msg-000001", "--id", "msg-000003"]), "{\"purged\":2}\n");
        assert!(place.json(&["dlq", "list", "w"]).contains("msg-000002"));
        assert_eq!(purge(&["--all"]), "{\"purged\":1}\n");
        assert_eq!(place.run(&["dlq", "purge", "w", "--all"]).status, Some(4));
        assert_eq!(place.run(&["dlq", "purge", "w"]).status, Some(2));
    });
}

#[test]
fn conditions_choose() {
    everywhere("conditions_choose", |place| {
        for (id, from, kind, error) in [
            ("msg-000001", "p", "request", "read timeout"),
            ("msg-000002", "q:q1", "request", "no such file"),
            ("msg-000003", "p", "event", "write timeout"),
        ] {
            place.json(&["send", "w", "--from", from, "--id", id, "--type", kind]);
            let token = place.receive("w");
            let nack = ["nack", "w", &token, "--failure", "permanent", "--error", error];
            place.json(&nack);
        }
        let dry = |more: &[&str]| {
            let line = place.json(&[&["dlq", "redrive", "w", "--dry-run"], more].concat());
            let (_, ids) = line.split_once("\"message_ids\":").unwrap();
            ids.trim_end().trim_end_matches('}').to_owned()
        };
        assert_eq!(dry(&["--error", "timeout"]), r#"["msg-000001","msg-000003"]"#);
        assert_eq!(dry(&["--error", "timeout", "--type", "event"]), r#"["msg-000003"]"#);
        assert_eq!(dry(&["--from", "q:q1"]), r#"["msg-000002"]"#);
        assert_eq!(dry(&["--min-attempts", "1", "--type", "event"]), r#"["msg-000003"]"#);
        let listed = place.json(&["dlq", "list", "w", "--error", "timeout", "--offset", "1"]);
        assert!(listed.contains("msg-000003") && !listed.contains("msg-000001"), "{listed}");
        assert_eq!(place.run(&["dlq", "list", "w", "--min-attempts", "2"]).status, Some(4));
        assert_eq!(place.run(&["dlq", "purge", "w", "--type", "response"]).status, Some(4));
        let old = place.run(&["dlq", "purge", "w", "--older-than", "1h"]);
        match place.layout {
            "tta" => {
                assert_eq!(old.status, Some(2), "{old:?}");
                assert!(old.err.contains("not supported by the tta layout"), "{old:?}");
            }
            _ => assert_eq!(old.status, Some(4), "{old:?}"),
        }
        assert_eq!(
            place.json(&["dlq", "redrive", "w", "--error", "timeout", "--rate", "100/s"]),
            "{\"redriven\":2}\n"
        );
        assert_eq!(place.json(&["dlq", "purge", "w", "--from", "q:q1"]), "{\"purged\":1}\n");
    });
}

#[test]
fn the_pipe_has_them_too() {
    everywhere("the_pipe_has_them_too", |place| {
        kill(place, &["msg-000001", "msg-000002"]);
        let requests: [(&str, &str); 5] = [
            (r#"{"op":"dlq list","id":0,"agent":"w","from":"q"}"#, r#"{"id":0,"items":[]}"#),
            (
                r#"{"op":"dlq redrive","id":9,"agent":"w","type":"event"}"#,
                r#"{"id":9,"error":{"kind":"empty","message":"nothing to do: no such dead letter of w; `coord dlq list w` shows them"}}"#,
            ),
            (
                r#"{"op":"dlq redrive","id":1,"agent":"w","message_ids":["msg-000001"]}"#,
                r#"{"id":1,"redriven":1}"#,
            ),
            (
                r#"{"op":"dlq purge","id":2,"agent":"w","all":true,"dry_run":true}"#,
                r#"{"id":2,"would_purge":1,"message_ids":["msg-000002"]}"#,
            ),
            (r#"{"op":"dlq purge","id":3,"agent":"w","all":true}"#, r#"{"id":3,"purged":1}"#),
        ];
        let mut pipe = Running::start(&mut place.command(&["pipe"]));
        for (request, answer) in requests {
            pipe.say(request);
            assert_eq!(pipe.line(), format!("{answer}\n"));
        }
        assert_eq!(pipe.end().status, Some(0));
    });
}
