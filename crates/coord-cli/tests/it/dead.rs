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
        assert_eq!(redrive(&["--all", "--dry-run"]), "{\"would_redrive\":3}\n");
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
            (&[], "say which dead letters: ids, or all of them"),
            (&["--all", "--id", "msg-000001"], "ids and all exclude each other"),
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
            "{\"would_purge\":1}\n"
        );
        assert_eq!(purge(&["--id", "msg-000001", "--id", "msg-000003"]), "{\"purged\":2}\n");
        assert!(place.json(&["dlq", "list", "w"]).contains("msg-000002"));
        assert_eq!(purge(&["--all"]), "{\"purged\":1}\n");
        assert_eq!(place.run(&["dlq", "purge", "w", "--all"]).status, Some(4));
        assert_eq!(place.run(&["dlq", "purge", "w"]).status, Some(2));
    });
}

#[test]
fn the_pipe_has_them_too() {
    everywhere("the_pipe_has_them_too", |place| {
        kill(place, &["msg-000001", "msg-000002"]);
        let requests: [(&str, &str); 3] = [
            (
                r#"{"op":"dlq redrive","id":1,"agent":"w","message_ids":["msg-000001"]}"#,
                r#"{"id":1,"redriven":1}"#,
            ),
            (
                r#"{"op":"dlq purge","id":2,"agent":"w","all":true,"dry_run":true}"#,
                r#"{"id":2,"would_purge":1}"#,
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
