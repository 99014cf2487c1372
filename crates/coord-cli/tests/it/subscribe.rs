//! subscribe and publish.

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

#[test]
fn a_publication_reaches_those_whose_filter_fits() {
    everywhere("a_publication_reaches_those_whose_filter_fits", |place| {
        let publish = |more: &[&str]| {
            let args = ["publish", "--from", "p", "--type", "event", "--id", "msg-000001"];
            place.json(&[&args[..], more].concat())
        };
        place.run(&["subscribe", "w", "event", "--leave"]);
        place.run(&["subscribe", "v", "event", "--leave", "--topic", "story.*", "--tag", "x"]);
        let line = |who| {
            format!(
                "{{\"recipient\":\"{who}\",\"message_id\":\"msg-000001\",\"delivered\":true,\"error\":null}}\n"
            )
        };
        assert_eq!(publish(&[]), line("w"));
        assert_eq!(publish(&["--topic", "story.end", "--tag", "x"]), line("v") + &line("w"));
        assert_eq!(publish(&["--topic", "story.end"]), line("w"));
        assert!(place.json(&["receive", "v"]).contains("\"topic\": \"story.end\""));

        let ran = place.run(&["publish", "--from", "p"]);
        let err = "coord: no agent is subscribed to such messages (type request)\n";
        assert_eq!((ran.status, ran.out.as_str(), ran.err.as_str()), (Some(4), "", err));
        let ran = place.run(&["subscribe", "v", "event", "--topic", "#.a"]);
        assert!(ran.status == Some(2) && ran.err.contains("invalid topic"), "{ran:?}");
    });
}

#[test]
fn the_pipe_publishes() {
    everywhere("the_pipe_publishes", |place| {
        let mut pipe = Running::start(&mut place.command(&["pipe"]));
        for (request, answer) in [
            (r#"{"op":"publish","id":1,"from":"p"}"#, r#"{"id":1,"items":[]}"#),
            (
                r#"{"op":"subscribe","id":2,"agent":"w","types":["event"],"topic":"a.#","tags":["x"]}"#,
                r#"{"id":2,"subscription_id":"#,
            ),
            (
                r#"{"op":"publish","id":3,"from":"p","type":"event","topic":"a","tags":["x"],"message_id":"msg-000001"}"#,
                r#"{"id":3,"items":[{"recipient":"w","message_id":"msg-000001","delivered":true,"error":null}]}"#,
            ),
        ] {
            pipe.say(request);
            let line = pipe.line();
            assert!(line.starts_with(answer), "{line}");
        }
        assert_eq!(pipe.end().status, Some(0));
        assert_eq!(recorded(place), [""; 0], "the end of the pipe ends the subscription");
    });
}
