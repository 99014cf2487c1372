//! register, deregister, agents, discover.

use std::fs;

use serde_json::Value;

use crate::harness::{Place, Running, everywhere, run};

const SETS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../coord-core/tests/golden/capability_sets.json");
const VECTORS: &str = include_str!("../../../coord-core/tests/golden/capability_vectors.jsonl");

#[test]
fn an_agent_registers_is_found_and_leaves() {
    everywhere("an_agent_registers_is_found_and_leaves", |place| {
        let reader = ["register", "reader:r1", "--capability", "text_analysis@1.2.0:analysis"];
        let registered: Value = serde_json::from_str(&place.json(&reader)).unwrap();
        assert_eq!((&registered["ok"], &registered["agent"]), (&true.into(), &"reader:r1".into()));
        let number = registered["incarnation"].as_u64().unwrap();

        let listed: Value = serde_json::from_str(&place.json(&["agents"])).unwrap();
        assert_eq!(listed["agent"], "reader:r1");
        assert_eq!((&listed["state"], &listed["alive"]), (&"alive".into(), &true.into()));
        assert_eq!(listed["incarnation"], number);
        assert_eq!(listed["capabilities"][0], "text_analysis@1.2.0");
        assert!(place.run(&["agents"]).out.starts_with("AGENT      STATE"));

        let found: Value =
            serde_json::from_str(&place.json(&["discover", "--name", "text_analysis"])).unwrap();
        let names: Vec<_> = found.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(found["match_score"], 0.96);
        for field in ["agent_id", "capability", "exact_match", "version_match", "performance_match"]
        {
            assert!(names.contains(&field), "{field} in {names:?}");
        }

        // A later registration has a higher number.
        let again: Value = serde_json::from_str(&place.json(&reader)).unwrap();
        assert!(again["incarnation"].as_u64().unwrap() > number);

        assert_eq!(place.json(&["deregister", "reader:r1"]), "{\"ok\":true}\n");
        for nothing in [
            &["deregister", "reader:r1"][..],
            &["agents"],
            &["discover", "--name", "text_analysis"],
        ] {
            let ran = place.run(nothing);
            assert_eq!((ran.status, ran.out.as_str()), (Some(4), ""), "{nothing:?}: {}", ran.err);
        }
    });
}

fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

fn started(place: &Place, args: &[&str]) -> Running {
    Running::start(&mut place.command(&[&["--output", "json"], args].concat()))
}

/// Reads until an event in which a field has a value; the agent it is about.
fn event(watch: &mut Running, field: &str, value: &str) -> String {
    loop {
        let line = json(&watch.line());
        if line[field] == value {
            return line["agent"].as_str().expect("an agent").to_owned();
        }
    }
}

#[test]
fn a_watch_sees_a_held_agent_come_and_go() {
    everywhere("a_watch_sees_a_held_agent_come_and_go", |place| {
        let mut watch = started(place, &["agents", "--watch"]);
        assert_eq!(json(&watch.line())["snapshot"], serde_json::json!([]));
        let register = ["register", "reader:r1", "--ttl", "1s", "--hold"];
        let mut held = started(place, &register);
        assert_eq!(json(&held.line())["ok"], true);
        assert_eq!(event(&mut watch, "event", "registered"), "reader:r1");
        // Longer than it would live without heartbeats.
        std::thread::sleep(std::time::Duration::from_millis(2_500));
        assert_eq!(json(&place.json(&["agents"]))["state"], "alive");
        held.interrupt();
        let ended = held.end();
        assert_eq!((ended.status, ended.err.as_str()), (Some(0), ""));
        assert_eq!(event(&mut watch, "event", "deregistered"), "reader:r1");
        assert_eq!(place.run(&["agents"]).status, Some(4), "nobody is left");
        watch.interrupt();
        let ended = watch.end();
        assert_eq!((ended.status, ended.err.as_str()), (Some(0), ""));
    });
}

#[test]
fn a_watch_sees_a_killed_agent_die() {
    everywhere("a_watch_sees_a_killed_agent_die", |place| {
        let mut watch = started(place, &["agents", "--watch", "--ttl", "1s"]);
        watch.line();
        let mut held = started(place, &["register", "reader:r1", "--ttl", "1s", "--hold"]);
        held.line();
        held.child.kill().expect("it runs");
        assert_eq!(event(&mut watch, "state", "suspect"), "reader:r1");
        assert_eq!(event(&mut watch, "event", "expired"), "reader:r1");
        watch.interrupt();
        assert_eq!(watch.end().status, Some(0));
        held.end();
    });
}

/// Who holds an agent ends when somebody else takes its place.
#[test]
fn a_held_agent_gives_way_to_its_successor() {
    everywhere("a_held_agent_gives_way_to_its_successor", |place| {
        let mut held = started(place, &["register", "reader:r1", "--ttl", "1s", "--hold"]);
        held.line();
        let successor = ["register", "reader:r1", "--ttl", "1m"];
        assert_eq!(json(&place.json(&successor))["ok"], true);
        let ended = held.end();
        assert_eq!(ended.status, Some(3), "{}", ended.err);
        assert!(ended.err.contains("another process"), "{}", ended.err);
        assert_eq!(json(&place.json(&["agents"]))["state"], "alive", "the successor lives");
    });
}

#[test]
fn every_captured_answer_of_the_original_without_redis() {
    let directory = tempfile::tempdir().unwrap();
    let sets = format!("@{SETS}");
    for line in VECTORS.lines() {
        let vector: Value = serde_json::from_str(line).unwrap();
        let criteria = directory.path().join("criteria.json");
        fs::write(&criteria, vector["criteria"].to_string()).unwrap();
        let criteria = format!("@{}", criteria.display());
        let strategy = vector["strategy"].as_str().unwrap();
        let ran = run(&[
            "--output",
            "json",
            "--redis",
            "redis://127.0.0.1:1",
            "discover",
            "--criteria",
            &criteria,
            "--agents",
            &sets,
            "--strategy",
            strategy,
            "--versions",
            "text",
        ]);
        let found: Vec<_> = ran.out.lines().map(summary).collect();
        let wanted: Vec<_> =
            vector["results"].as_array().unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(found, wanted, "{line}");
        assert_eq!(ran.status, Some(if wanted.is_empty() { 4 } else { 0 }), "{line}");
    }
}

/// A match as the captures write it.
fn summary(line: &str) -> String {
    let found: Value = serde_json::from_str(line).unwrap();
    let score = format!("{:?}", found["match_score"].as_f64().unwrap());
    let (agent, capability) = (&found["agent_id"], &found["capability"]);
    serde_json::json!([
        agent["instance"],
        capability["name"],
        capability["version"],
        score,
        found["exact_match"],
        found["version_match"],
        found["performance_match"],
    ])
    .to_string()
}

#[test]
fn bad_arguments_are_named() {
    for (arguments, named) in [
        (&["register", "a:b:c"][..], "agent"),
        (&["register", "reader", "--capability", "Text@1.0.0"], "capability"),
        (&["register", "reader", "--capability", "text@1"], "version"),
        (&["register", "reader", "--load", "2"], "load"),
        (&["discover", "--strategy", "best"], "strategy"),
        (&["discover", "--criteria", "{"], "criteria"),
    ] {
        let ran = run(arguments);
        assert_eq!(ran.status, Some(2), "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains(named), "{arguments:?}: {}", ran.err);
    }
}
