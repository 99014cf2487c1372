//! forward.

use crate::harness::{Running, everywhere};

#[test]
fn a_forward_settles_here_and_sends_there() {
    everywhere("a_forward_settles_here_and_sends_there", |place| {
        place.json(&["send", "w", "--from", "p"]);
        let token = place.receive("w");
        let args = ["forward", "w", &token, "v", "--id", "msg-000002", "--payload", r#"{"a":1}"#];
        assert_eq!(place.json(&args), "{\"ok\":true}\n");
        let line = place.json(&["peek", "v"]);
        for part in
            [r#""message_id": "msg-000002", "sender": {"type": "w","#, r#""payload": {"a":1}"#]
        {
            assert!(line.contains(part), "{line}");
        }
        assert!(place.json(&["queues", "v"]).contains("\"depth\":1,"));
        let again = place.run(&args);
        assert_eq!((again.status, again.out.as_str()), (Some(3), ""));
        assert!(again.err.starts_with("coord: reservation lost: "), "{again:?}");
        assert_eq!(place.json(&["peek", "v"]).lines().count(), 1);
    });
}

#[test]
fn a_forward_that_is_refused_leaves_the_message_reserved() {
    everywhere("a_forward_that_is_refused_leaves_the_message_reserved", |place| {
        place.json(&["send", "v", "--from", "p"]);
        place.json(&["send", "w", "--from", "p"]);
        let token = place.receive("w");
        let ran = place.run(&["forward", "w", &token, "v", "--queue-size", "1"]);
        assert_eq!((ran.status, ran.out.as_str()), (Some(3), ""));
        assert!(ran.err.starts_with("coord: queue full: v holds 1 messages"), "{ran:?}");
        assert!(ran.err.ends_with(&format!("; {token} still holds its message\n")), "{ran:?}");
        let mut pipe = Running::start(&mut place.command(&["pipe"]));
        pipe.say(&format!(
            r#"{{"op":"forward","id":1,"agent":"w","token":"{token}","to":"v","from":"p"}}"#
        ));
        assert_eq!(pipe.line(), "{\"id\":1,\"ok\":true}\n");
        assert_eq!(pipe.end().status, Some(0));
    });
}
