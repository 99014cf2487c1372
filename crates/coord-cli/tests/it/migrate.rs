//! migrate check, migrate drain.

use std::collections::BTreeMap;

use coord_testkit::server::Frame;
use serde_json::{Value, json};

use crate::harness::{Place, Ran, Running, everywhere, run};

/// Runs `test` where the original's layout is.
fn on_tta(name: &str, test: impl Fn(&Place)) {
    everywhere(name, |place| {
        if place.layout == "tta" {
            test(place);
        }
    });
}

/// Every key of the server and what lies there, byte for byte.
fn everything(place: &Place) -> BTreeMap<Vec<u8>, (Frame, Frame)> {
    let Frame::Array(keys) = place.redis(&["KEYS", "*"]) else { panic!("KEYS gives a list") };
    let mut found = BTreeMap::new();
    for key in keys {
        let Frame::Bulk(key) = key else { panic!("no key: {key:?}") };
        let name = String::from_utf8(key.clone()).expect("tests use plain names");
        found.insert(key, (place.redis(&["DUMP", &name]), place.redis(&["PTTL", &name])));
    }
    assert_eq!(place.redis(&["DBSIZE"]), Frame::Integer(found.len().try_into().unwrap()));
    found
}

fn check(place: &Place) -> (Ran, Vec<Value>) {
    let ran = place.run(&["--output", "json", "migrate", "check"]);
    let lines = ran.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    (ran, lines)
}

/// State, subject and what was found of every line of a check.
fn of<'a>(lines: &'a [Value], check: &str) -> Vec<(&'a str, &'a str, &'a str)> {
    let text = |line: &'a Value, field: &str| line[field].as_str().expect("text");
    let lines = lines.iter().filter(|line| line["check"] == check);
    lines.map(|it| (text(it, "state"), text(it, "subject"), text(it, "found"))).collect()
}

#[test]
fn a_check_of_healthy_mailboxes_finds_nothing() {
    on_tta("a_check_of_healthy_mailboxes", |place| {
        for agent in ["world_builder:w1", "input_processor"] {
            place.json(&["send", agent, "--from", "narrative_generator"]);
        }
        place.receive("world_builder:w1");
        let before = everything(place);
        let (ran, lines) = check(place);
        assert_eq!(everything(place), before, "it changed something");
        assert_eq!(ran.status, Some(0), "{ran:?}");
        for check in ["instances", "types", "entries", "expired", "capacity", "leaks", "tokens"] {
            let found = of(&lines, check);
            let [("ok", subject, text)] = found[..] else { panic!("{check}: {found:?}") };
            assert_eq!(subject, place.prefix);
            assert!(text.contains("2 of 2 mailboxes"), "{check}: {text}");
        }
        let [("ok", _, usage)] = of(&lines, "usage")[..] else { panic!("{lines:?}") };
        assert!(usage.starts_with("2 mailboxes with 2 messages take "), "{usage}");
        assert!(!usage.contains(" 0 bytes"), "{usage}");
        let text = place.run(&["migrate", "check"]).out;
        assert!(text.starts_with("STATE") && text.lines().count() == lines.len() + 1, "{text}");
    });
}

#[test]
fn a_check_names_what_would_be_a_problem_and_changes_nothing() {
    on_tta("a_check_names_what_would_be_a_problem", |place| {
        let key = |part: &str, agent: &str| format!("{}:{part}:{agent}", place.prefix);
        let reserved = key("reserved", "world_builder:w1");
        let deadlines = key("reserved_deadlines", "world_builder:w1");
        place.json(&["send", "world_builder:w1", "--from", "p", "--id", "msg-000001"]);
        place.receive("world_builder:w1");
        place.json(&["send", "stranger", "--from", "p"]);
        // Leaked, unreadable, without a deadline, expired, a colon in the instance.
        place.redis(&["RPUSH", &key("queue", "world_builder:w1"), "not a message"]);
        place.redis(&["HSET", &reserved, "res_0000000000000001", "{}"]);
        place.redis(&["HSET", &reserved, "res_0000000000000002", "{}"]);
        place.redis(&["ZADD", &deadlines, "1000000", "res_0000000000000002"]);
        place.redis(&["RPUSH", &key("queue", "world_builder:pool:7"), "{}", "{}"]);
        place.redis(&["RPUSH", &key("queue", "world_builder:w1"), "{}", "{}", "{}"]);
        let before = everything(place);
        let (ran, lines) = check(place);
        assert_eq!(everything(place), before, "it changed something");
        assert_eq!(ran.status, Some(1), "{ran:?}");
        assert!(ran.err.contains("found a problem"), "{}", ran.err);
        let [("problem", "world_builder:pool:7", found)] = of(&lines, "instances")[..] else {
            panic!("{lines:?}")
        };
        assert!(found.starts_with("2 messages in a mailbox that cannot be addressed: "), "{found}");
        let w1 = "world_builder:w1";
        let [("problem", subject, found)] = of(&lines, "leaks")[..] else { panic!("{lines:?}") };
        assert_eq!((subject, &found[..2]), (w1, "2 "), "{found}");
        assert!(matches!(of(&lines, "tokens")[..], [("problem", subject, _)] if subject == w1));
        let [("warning", subject, found)] = of(&lines, "entries")[..] else { panic!("{lines:?}") };
        assert_eq!(subject, w1);
        assert!(found.starts_with("4 of 5 messages cannot be read"), "{found}");
        let expired = [("warning", w1, "1 of 3 reservations expired")];
        assert_eq!(of(&lines, "expired"), expired);
        let [("warning", "stranger", found)] = of(&lines, "types")[..] else { panic!("{lines:?}") };
        assert!(found.contains("none of input_processor, world_builder"), "{found}");
        assert_eq!(of(&lines, "capacity")[0].0, "ok");
        for line in &lines {
            assert_eq!(line["advice"].is_null(), line["state"] == "ok", "{line}");
        }
    });
}

/// Also with the default layout, which would mark the prefix as its own.
#[test]
fn the_layout_is_always_the_originals() {
    everywhere("the_layout_is_always_the_originals", |place| {
        if place.layout == "compact" {
            let before = everything(place);
            assert_eq!(check(place).0.status, Some(0));
            assert_eq!(place.run(&["migrate", "drain", "w"]).status, Some(0));
            assert_eq!(everything(place), before);
        }
    });
}

#[test]
fn a_full_mailbox_is_told() {
    on_tta("a_full_mailbox_is_told", |place| {
        let queue = format!("{}:queue:world_builder:default", place.prefix);
        let mut push = vec!["RPUSH", &queue];
        push.extend(std::iter::repeat_n("x", 10_000));
        place.redis(&push);
        let (_, lines) = check(place);
        let [("warning", "world_builder", found)] = of(&lines, "capacity")[..] else {
            panic!("{lines:?}")
        };
        assert_eq!(found, "full: 10000 messages, and 10000 is the default capacity");
        assert!(of(&lines, "entries")[0].2.starts_with("10000 of 10000 "), "{lines:?}");
    });
}

fn left(line: &str) -> Value {
    let mut line: Value = serde_json::from_str(line).expect("JSON");
    assert!(line["waited_seconds"].take().is_f64(), "{line}");
    line
}

fn counts(ready: u64, delayed: u64, reserved: u64, leaked: u64, drained: bool) -> Value {
    json!({"agent": "w:w1", "ready": ready, "delayed": delayed, "reserved": reserved,
        "leaked": leaked, "drained": drained, "waited_seconds": null})
}

#[test]
fn a_drain_ends_when_the_mailbox_is_empty() {
    on_tta("a_drain_ends_when_the_mailbox_is_empty", |place| {
        for _ in 0..2 {
            place.json(&["send", "w:w1", "--from", "p"]);
        }
        let args = ["--output", "json", "migrate", "drain", "w:w1", "--every", "10ms"];
        let mut drain = Running::start(&mut place.command(&args));
        assert_eq!(left(&drain.line()), counts(2, 0, 0, 0, false));
        let token = place.receive("w:w1");
        assert_eq!(left(&drain.line()), counts(1, 0, 1, 0, false));
        let nack = ["nack", "w:w1", &token, "--backoff-base", "1h", "--backoff-max", "1h"];
        place.json(&nack);
        assert_eq!(left(&drain.line()), counts(1, 1, 0, 0, false));
        let token = place.receive("w:w1");
        assert_eq!(left(&drain.line()), counts(0, 1, 1, 0, false));
        place.redis(&["DEL", &format!("{}:sched:w:w1:prio:5", place.prefix)]);
        assert_eq!(left(&drain.line()), counts(0, 0, 1, 1, false));
        place.json(&["ack", "w:w1", &token]);
        assert_eq!(left(&drain.line()), counts(0, 0, 0, 1, true));
        let end = drain.end();
        assert_eq!((end.status, end.out.as_str(), end.err.as_str()), (Some(0), "", ""));
        let said = place.run(&["migrate", "drain", "w:w1"]);
        assert_eq!(said.status, Some(0));
        assert!(said.out.starts_with("w:w1: drained, 0 ready") && said.out.contains("reconcile"));
    });
}

#[test]
fn a_drain_may_wait_for_what_is_reserved_only() {
    on_tta("a_drain_may_wait_for_what_is_reserved_only", |place| {
        place.json(&["send", "w:w1", "--from", "p"]);
        let drain = ["--output", "json", "migrate", "drain", "w:w1", "--until", "unreserved"];
        let ran = place.run(&drain);
        assert_eq!((ran.status, left(&ran.out)), (Some(0), counts(1, 0, 0, 0, true)));
    });
}

#[test]
fn a_drain_gives_up_and_touches_nothing() {
    on_tta("a_drain_gives_up_and_touches_nothing", |place| {
        place.json(&["send", "w:w1", "--from", "p"]);
        let before = everything(place);
        let ran = place.run(&["migrate", "drain", "w:w1", "--within", "50ms", "--every", "10ms"]);
        assert_eq!((ran.status, ran.out.as_str()), (Some(1), ""), "{ran:?}");
        let said = "coord: w:w1: not drained in 50ms, 1 ready, 0 delayed, 0 reserved, 0 leaked; ";
        assert!(ran.err.starts_with(said) && ran.err.lines().count() == 1, "{}", ran.err);
        let args = ["--output", "json", "migrate", "drain", "w:w1"];
        let mut drain = Running::start(&mut place.command(&args));
        drain.line();
        drain.interrupt();
        let end = drain.end();
        assert_eq!(end.status, Some(1), "{end:?}");
        assert!(end.err.contains("interrupted"), "{end:?}");
        assert_eq!(everything(place), before);
        let refused = run(&["migrate", "drain", "w:w1", "--every", "1ms"]);
        assert_ne!(refused.status, Some(0));
    });
}
