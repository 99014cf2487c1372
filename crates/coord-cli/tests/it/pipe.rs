//! pipe.

use std::process::Stdio;

use crate::harness::{Ran, Running, everywhere, stable, token};

#[test]
fn hundreds_of_lines_are_answered_in_order_and_take_effect_once() {
    everywhere("hundreds_of_lines_are_answered_in_order", |place| {
        let count = 1000;
        let mut input = String::new();
        for n in 0..count {
            input += &format!(
                "{{\"op\":\"send\",\"id\":{n},\"to\":\"w\",\"from\":\"p\",\"payload\":{{\"n\":{n}}}}}\n"
            );
        }
        let sent = place.fed(&["pipe"], input.as_bytes());
        assert_eq!((sent.status, sent.err.as_str()), (Some(0), ""));
        for (n, line) in sent.out.lines().enumerate() {
            assert!(line.starts_with(&format!("{{\"id\":{n},\"message_id\":\"")), "{line}");
            assert!(line.ends_with("\",\"delivered\":true,\"error\":null}"), "{line}");
        }
        assert_eq!(sent.out.lines().count(), count);

        let input = "{\"op\":\"receive\",\"agent\":\"w\"}\n".repeat(count);
        let received = place.fed(&["pipe"], input.as_bytes());
        // Receives that run at once may overtake each other; each message comes exactly once.
        for n in 0..count {
            let payload = format!("\"payload\": {{\"n\":{n}}},");
            assert_eq!(received.out.matches(&payload).count(), 1, "{n}");
        }
        assert_eq!(received.out.lines().count(), count);
    });
}

#[test]
fn each_op_answers_as_its_command() {
    everywhere("each_op_answers_as_its_command", |place| {
        let mut pipe = Running::start(&mut place.command(&["pipe"]));
        let mut ask = |line: &str| {
            pipe.say(line);
            stable_age(&pipe.line())
        };
        let sent = |id: &str, message: &str| {
            format!(
                "{{\"id\":{id},\"message_id\":\"{message}\",\"delivered\":true,\"error\":null}}\n"
            )
        };
        assert_eq!(
            ask(
                r#"{"op":"send","id":1,"to":"w","from":{"type":"p","instance":null},"type":"event","priority":9,"payload":{"x":1e400},"message_id":"msg-000001","tags":["t"],"headers":{"reply_to":"p"}}"#
            ),
            sent("1", "msg-000001")
        );
        let received =
            ask(r#"{"id":{"any": ["json"]},"op":"receive","agent":"w","visibility":"1m"}"#);
        assert!(received.starts_with(r#"{"id":{"any": ["json"]},"token":"res_"#), "{received}");
        assert!(received.contains(r#""payload": {"x":1e400}, "priority": 9"#), "{received}");
        let token = token(&received);
        let ok = |id: u32| format!("{{\"id\":{id},\"ok\":true}}\n");
        let extended = ask(&format!(
            r#"{{"op":"extend","id":2,"agent":"w","token":"{token}","visibility":"2m"}}"#
        ));
        assert!(extended.starts_with(r#"{"id":2,"ok":true,"visibility_deadline":"#), "{extended}");
        assert_eq!(
            ask(&format!(
                r#"{{"op":"nack","id":3,"agent":"w","token":"{token}","failure":"permanent","error":"e"}}"#
            )),
            ok(3)
        );
        let lost = ask(&format!(r#"{{"op":"release","id":4,"agent":"w","token":"{token}"}}"#));
        assert!(
            lost.starts_with(
                r#"{"id":4,"error":{"kind":"reservation_lost","message":"reservation lost: res_"#
            ),
            "{lost}"
        );
        let lost = ask(&format!(r#"{{"op":"ack","id":4,"agent":"w","token":"{token}"}}"#));
        assert!(lost.starts_with(r#"{"id":4,"error":{"kind":"reservation_lost""#), "{lost}");
        let dead = ask(r#"{"op":"dlq list","id":5,"agent":"w"}"#);
        assert!(dead.starts_with(r#"{"id":5,"items":[{"died_at":"#), "{dead}");
        assert_eq!(
            ask(r#"{"op":"broadcast","id":6,"to":["w","v"],"from":"p","message_id":"msg-000002"}"#),
            concat!(
                r#"{"id":6,"items":[{"message_id":"msg-000002","delivered":true,"error":null},"#,
                "{\"message_id\":\"msg-000002\",\"delivered\":true,\"error\":null}]}\n"
            )
        );
        assert_eq!(
            ask(
                r#"{"op":"send","id":7,"to":"v","from":"p","message_id":"msg-000003","queue_size":1}"#
            ),
            "{\"id\":7,\"message_id\":\"msg-000003\",\"delivered\":false,\"error\":\"queue full\"}\n"
        );
        assert_eq!(
            ask(r#"{"op":"queues","id":8,"agent":"v"}"#),
            concat!(
                r#"{"id":8,"items":[{"agent":"v","ready":{"high":0,"normal":1,"low":0},"delayed":0,"#,
                r#""reserved":0,"dead":0,"oldest_age_seconds":AGE,"depth":1,"capacity":10000,"paused":false,"rate":null}]}"#,
                "\n"
            )
        );
        let peeked = ask(r#"{"op":"peek","id":9,"agent":"v","max":1}"#);
        assert!(
            peeked.starts_with(r#"{"id":9,"items":[{"place":"ready","available_at":"#),
            "{peeked}"
        );
        assert_eq!(ask(r#"{"op":"recover","id":10}"#), "{\"id\":10,\"recovered\":0}\n");
        let many = ask(r#"{"op":"receive","id":11,"agent":"v","max":5}"#);
        assert!(many.starts_with(r#"{"id":11,"items":[{"token":"res_"#), "{many}");
        assert_eq!(
            ask(r#"{"op":"receive","id":12,"agent":"v","max":5}"#),
            "{\"id\":12,\"items\":[]}\n"
        );
        let empty = ask(r#"{"op":"receive","id":13,"agent":"v","wait":"20ms"}"#);
        assert!(
            empty.starts_with(r#"{"id":13,"error":{"kind":"empty","message":"nothing to receive"#),
            "{empty}"
        );
        let held = ask(r#"{"op":"subscribe","id":14,"agent":"v","types":["event"]}"#);
        assert!(held.starts_with(r#"{"id":14,"subscription_id":"sub_"#), "{held}");
        assert_eq!(pipe.end(), Ran { status: Some(0), out: String::new(), err: String::new() });
    });
}

fn stable_age(line: &str) -> String {
    let Some((head, rest)) = line.split_once(r#""oldest_age_seconds":"#) else {
        return line.to_owned();
    };
    let tail = rest.split_once(',').unwrap().1;
    format!("{head}\"oldest_age_seconds\":AGE,{tail}")
}

#[test]
fn an_invalid_line_is_answered_and_the_next_one_served() {
    everywhere("an_invalid_line_is_answered_and_the_next_one_served", |place| {
        let cases: &[(&[u8], &str)] = &[
            (b"nonsense", r#"{"id":null,"error":{"kind":"usage","message":"invalid line: no JSON object: "#),
            (b"[1]", r#"{"id":null,"error":{"kind":"usage","message":"invalid line: no JSON object: "#),
            (b"{\"op\":\"\xff\"}", r#"{"id":null,"error":{"kind":"usage","message":"invalid line: not UTF-8: "#),
            (b"{\"id\":1}", r#"{"id":1,"error":{"kind":"usage","message":"missing field `op`"}}"#),
            (b"{\"id\":2,\"op\":7}", r#"{"id":2,"error":{"kind":"usage","message":"invalid op: 7 is no string"}}"#),
            (b"{\"id\":3,\"op\":\"fly\"}", r#"{"id":3,"error":{"kind":"usage","message":"unknown op \"fly\"; the ops are send, "#),
            (b"{\"id\":4,\"op\":\"ack\",\"agent\":\"w\"}", r#"{"id":4,"error":{"kind":"usage","message":"missing field `token`"}}"#),
            (b"{\"id\":5,\"op\":\"ack\",\"agent\":\"w\",\"token\":null}", r#"{"id":5,"error":{"kind":"usage","message":"null is not allowed here"}}"#),
            (b"{\"id\":6,\"op\":\"recover\",\"agnet\":\"w\"}", r#"{"id":6,"error":{"kind":"usage","message":"unknown field `agnet`, expected `agent`"}}"#),
            (b"{\"id\":7,\"op\":\"recover\",\"agent\":\"a:b:c\"}", r#"{"id":7,"error":{"kind":"usage","message":"invalid agent instance: ':' in \"b:c\"; "#),
            (b"{\"id\":8,\"op\":\"receive\",\"agent\":\"w\",\"visibility\":5}", r#"{"id":8,"error":{"kind":"usage","message":"invalid duration: \"5\" is not a whole number"#),
            (b"{\"id\":9,\"op\":\"receive\",\"agent\":\"w\",\"max\":0}", r#"{"id":9,"error":{"kind":"usage","message":"invalid max: 0, 1 to 1000 are allowed"}}"#),
            (b"{\"id\":10,\"op\":\"send\",\"to\":\"w\",\"from\":\"p\",\"payload\":[]}", r#"{"id":10,"error":{"kind":"usage","message":"invalid payload: [] is no JSON object"}}"#),
            (b"{\"id\":11,\"op\":\"send\",\"to\":\"w\",\"from\":\"p\",\"payload\":\"-\"}", r#"{"id":11,"error":{"kind":"usage","message":"invalid payload: stdin carries the requests"}}"#),
            (b"{\"id\":12,\"op\":\"send\",\"to\":\"w\",\"from\":\"p\",\"payload\":\"{\\\"x\\\": NaN}\"}", r#"{"id":12,"message_id":""#),
            (b"", ""),
            (b"{\"id\":13,\"op\":\"recover\"}", r#"{"id":13,"recovered":0}"#),
        ];
        let input: Vec<u8> =
            cases.iter().flat_map(|(line, _)| [line, &b"\n"[..]].concat()).collect();
        let ran = place.fed(&["pipe"], &input);
        assert_eq!((ran.status, ran.err.as_str()), (Some(0), ""));
        let expected = cases.iter().filter(|(line, _)| !line.is_empty());
        assert_eq!(ran.out.lines().count(), expected.clone().count(), "{}", ran.out);
        for (line, (_, start)) in ran.out.lines().zip(expected) {
            assert!(line.starts_with(start), "wanted {start}, got {line}");
        }
    });
}

#[test]
fn a_waiting_receive_holds_nobody_up() {
    everywhere("a_waiting_receive_holds_nobody_up", |place| {
        let mut pipe = Running::start(&mut place.command(&["pipe"]));
        pipe.say(r#"{"op":"receive","id":"waits","agent":"w","wait":"1m"}"#);
        pipe.say(r#"{"op":"recover","id":"at once"}"#);
        assert_eq!(pipe.line(), "{\"id\":\"at once\",\"recovered\":0}\n");
        pipe.say(r#"{"op":"send","id":"sent","to":"w","from":"p"}"#);
        assert!(pipe.line().starts_with(r#"{"id":"sent","#));
        assert!(stable(&pipe.line()).starts_with(r#"{"id":"waits","token":"TOKEN","#));
        assert_eq!(pipe.end().status, Some(0));
    });
}

#[test]
fn ctrl_c_ends_the_pipe_after_what_is_under_way() {
    everywhere("ctrl_c_ends_the_pipe_after_what_is_under_way", |place| {
        let mut pipe = Running::start(&mut place.command(&["pipe"]));
        pipe.say(r#"{"op":"receive","id":1,"agent":"w","wait":"1h"}"#);
        pipe.say(r#"{"op":"recover","id":2}"#);
        assert_eq!(pipe.line(), "{\"id\":2,\"recovered\":0}\n");
        pipe.interrupt();
        assert!(pipe.line().starts_with(r#"{"id":1,"error":{"kind":"empty","#));
        assert_eq!(pipe.child.wait().unwrap().code(), Some(0), "though its input is still open");
    });
}

#[test]
fn a_pipe_whose_reader_leaves_gives_back_and_ends() {
    everywhere("a_pipe_whose_reader_leaves_gives_back_and_ends", |place| {
        place.json(&["send", "w", "--from", "p"]);
        let mut command = place.command(&["pipe"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let mut stdin = child.stdin.take().unwrap();
        std::io::Write::write_all(&mut stdin, b"{\"op\":\"receive\",\"agent\":\"w\"}\n").unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "though its input is still open");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        drop(stdin);
        assert!(place.json(&["queues", "w"]).contains(r#""reserved":0,"#));
    });
}
