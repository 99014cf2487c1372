//! demo.

use std::process::Stdio;

use crate::harness::{Ran, bare, everywhere, run};

fn check(ran: &Ran) {
    assert_eq!(ran.status, Some(0), "{ran:?}");
    for part in [
        "asks for \"The Alarm\" (high priority)",
        "is out of ideas for \"The Storm\" (failure 1); it comes back in 200ms",
        "vanishes with \"The Wreck\"; its reservation ends in 600ms",
        "gives \"The Curse\" up: retries are used up, it is a dead letter",
        "accepts \"The Wreck\"",
        "5 chapters: 4 accepted, 1 dead-lettered and purged; none lost",
    ] {
        assert!(ran.out.contains(part), "{part} in {}", ran.out);
    }
}

#[test]
fn the_demo_needs_nothing() {
    let ran = run(&["demo"]);
    check(&ran);
    assert_eq!(ran.err, "coord: no --redis: a server inside this process is used\n");
    let json = run(&["--output", "json", "demo"]).out;
    for line in json.lines() {
        assert!(line.starts_with("{\"seconds\":") && line.ends_with("\"}"), "{line}");
    }
    let accepted = json.lines().filter(|line| line.contains("\"event\":\"accept\""));
    assert_eq!(accepted.count(), 4);
}

#[test]
fn the_demo_runs_on_a_server_and_leaves_no_message_there() {
    everywhere("the_demo_runs_on_a_server_and_leaves_no_message_there", |place| {
        check(&place.run(&["demo"]));
        let left = place.run(&["queues", "--output", "json"]).out;
        for line in left.lines() {
            assert!(line.contains("\"dead\":0,") && line.contains("\"depth\":0,"), "{line}");
        }
    });
}

#[test]
fn a_demo_that_nobody_watches_ends_quietly() {
    let mut child =
        bare().arg("demo").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
