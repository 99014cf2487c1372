//! subscribe.

use coord_testkit::server::Frame;

use crate::harness::{Place, Running, everywhere};

/// What the server has recorded.
fn recorded(place: &Place) -> Vec<String> {
    let key = match place.layout {
        "tta" => format!("{}:subs:w:default", place.prefix),
        _ => format!("{}:{{w:default}}:subs", place.prefix),
    };
    let (Frame::Array(types) | Frame::Set(types)) = place.redis(&["SMEMBERS", &key]) else {
        panic!("no set");
    };
    let mut types: Vec<String> = types
        .into_iter()
        .map(|item| match item {
            Frame::Bulk(bytes) => String::from_utf8(bytes).unwrap(),
            other => panic!("{other:?}"),
        })
        .collect();
    types.sort();
    types
}

#[test]
fn a_subscription_is_held_until_ctrl_c() {
    everywhere("a_subscription_is_held_until_ctrl_c", |place| {
        let args = ["--output", "json", "subscribe", "w", "event", "request"];
        let mut held = Running::start(&mut place.command(&args));
        let line = held.line();
        assert!(line.starts_with(r#"{"subscription_id":"sub_"#), "{line}");
        assert!(
            line.ends_with("\",\"agent\":\"w\",\"message_types\":[\"request\",\"event\"]}\n"),
            "{line}"
        );
        assert_eq!(recorded(place), ["event", "request"]);
        held.interrupt();
        let ran = held.end();
        assert_eq!((ran.status, ran.err.as_str()), (Some(0), ""));
        assert_eq!(recorded(place), [""; 0]);
    });
}

#[test]
fn a_subscription_that_was_left_stays() {
    everywhere("a_subscription_that_was_left_stays", |place| {
        let ran = place.run(&["subscribe", "w", "event", "--leave"]);
        assert_eq!(
            (ran.status, ran.out.as_str()),
            (Some(0), "w is subscribed to event for good\n")
        );
        assert_eq!(recorded(place), ["event"]);
    });
}
