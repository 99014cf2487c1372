//! `coord doctor`, several URLs, and sentinels.

use std::process::Command;

use coord_testkit::FakeRedis;
use coord_testkit::server::{RealCluster, RealSentinel, RealServerBuilder};

use crate::harness::{Ran, bare, everywhere, ran};

fn lines(ran: &Ran) -> Vec<serde_json::Value> {
    ran.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn state(lines: &[serde_json::Value], check: &str) -> String {
    let line = lines.iter().find(|line| line["check"] == check).expect("the check is there");
    line["state"].as_str().expect("a word").to_owned()
}

#[test]
fn a_healthy_server_has_no_problem() {
    everywhere("a_healthy_server_has_no_problem", |place| {
        place.json(&["send", "writer", "--from", "planner"]);
        let ran = place.run(&["--output", "json", "doctor"]);
        assert_eq!(ran.status, Some(0), "{ran:?}");
        let lines = lines(&ran);
        let checks = [
            "version",
            "eviction",
            "persistence",
            "memory",
            "replication",
            "acl",
            "clock",
            "layout",
            "leaks",
            "tokens",
        ];
        let found: Vec<_> = lines.iter().map(|line| line["check"].as_str().unwrap()).collect();
        assert_eq!(found, checks);
        for line in &lines {
            assert_eq!(line["advice"].is_null(), line["state"] == "ok", "{line}");
        }
        let text = place.run(&["doctor"]).out;
        assert!(text.starts_with("STATE") && text.lines().count() == checks.len() + 1, "{text}");
    });
}

#[test]
fn problems_are_named_with_what_to_do() {
    everywhere("problems_are_named_with_what_to_do", |place| {
        if place.layout == "tta" {
            // As a peer that crashed between two commands.
            place.json(&["send", "writer", "--from", "planner"]);
            let key = |part: &str| format!("{}:{part}:writer:default", place.prefix);
            place.redis(&["RPUSH", &key("queue"), "{}"]);
            place.redis(&["HSET", &key("reserved"), "res_0000000000000001", "{}"]);
            place.redis(&["RPUSH", &key("queue"), "{}"]);
            let ran = place.run(&["--output", "json", "doctor"]);
            assert_eq!(ran.status, Some(1), "{ran:?}");
            let lines = lines(&ran);
            assert_eq!(
                (state(&lines, "leaks"), state(&lines, "tokens")),
                ("problem".into(), "problem".into())
            );
            assert!(ran.err.contains("2 of"), "{}", ran.err);
        }
    });
    let server = RealServerBuilder::new()
        .arg("--maxmemory")
        .arg("100mb")
        .arg("--maxmemory-policy")
        .arg("allkeys-lru");
    let Some(server) = server.start_or_ignore("problems_are_named") else { return };
    let ran = run(&["--redis", &server.url(), "--output", "json", "doctor"]);
    assert_eq!(ran.status, Some(1), "{ran:?}");
    assert_eq!(state(&lines(&ran), "eviction"), "problem");
}

fn run(args: &[&str]) -> Ran {
    let mut command: Command = bare();
    ran(command.args(args).output().expect("it runs"))
}

/// Sends and receives with these global options.
fn round(global: &[&str]) {
    let sent =
        run(&[global, &["send", "writer", "--from", "planner", "--id", "msg-000001"]].concat());
    assert_eq!(sent.out, "delivered msg-000001 to writer\n", "{sent:?}");
    let received = run(&[global, &["--output", "json", "receive", "writer"]].concat());
    assert!(received.out.contains("msg-000001"), "{received:?}");
    let looked = run(&[global, &["--output", "json", "doctor"]].concat());
    assert_eq!(looked.status, Some(0), "{looked:?}");
}

#[test]
fn several_urls_are_a_cluster() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let fake = runtime.block_on(FakeRedis::cluster(3)).unwrap();
    let mut all = vec![fake.node_urls()];
    let real = RealCluster::start_or_ignore("several_urls_are_a_cluster", 3);
    all.extend(real.as_ref().map(RealCluster::urls));
    for urls in all {
        round(&["--redis", &urls[0], "--redis", &urls[1]]);
        let queues = run(&["--redis", &urls[1..].join(","), "queues"]);
        assert!(queues.out.contains("writer"), "{queues:?}");
        let one = run(&["--redis", &urls[0], "queues"]);
        assert_eq!(one.status, Some(1));
        assert!(one.err.contains("several URLs"), "{one:?}");
    }
}

#[test]
fn the_master_of_a_service_is_found() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let fake = runtime.block_on(FakeRedis::sentinel()).unwrap();
    round(&["--redis", &fake.sentinel_url().unwrap(), "--sentinel", fake.master_name()]);
    let Some(real) = RealSentinel::start_or_ignore("the_master_of_a_service") else { return };
    round(&["--redis", &real.urls().join(","), "--sentinel", real.service()]);
    let ran = run(&["--redis", &real.urls()[0], "--sentinel", "nobody", "queues"]);
    assert_eq!(ran.status, Some(1));
    assert!(ran.err.contains("nobody") && ran.err.lines().count() == 1, "{ran:?}");
}
