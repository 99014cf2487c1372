//! reconcile.

use coord_testkit::server::Frame;

use crate::harness::{Place, everywhere};

fn pass(place: &Place, grace: &str) -> String {
    place.json(&["reconcile", "w", "--grace", grace])
}

fn line(redriven: u64, deadlines: u64, leaks: u64, suspects: u64) -> String {
    format!(
        "{{\"redriven\":{redriven},\"deadlines_given\":{deadlines},\"leaks_removed\":{leaks},\
         \"suspects\":{suspects}}}\n"
    )
}

#[test]
fn a_healthy_mailbox_needs_nothing() {
    everywhere("a_healthy_mailbox_needs_nothing", |place| {
        place.json(&["send", "w", "--from", "p"]);
        place.json(&["send", "w", "--from", "p"]);
        place.receive("w");
        assert_eq!(pass(place, "0ms"), line(0, 0, 0, 0));
        assert_eq!(place.json(&["reconcile", "w"]), line(0, 0, 0, 0));
        assert_eq!(place.run(&["reconcile", "w"]).out, "w: nothing to repair\n");
        let input = b"{\"op\":\"reconcile\",\"id\":1,\"agent\":\"w\",\"grace\":\"0ms\"}\n\
                      {\"op\":\"reconcile\",\"id\":2,\"agent\":\"w\",\"grace\":\"99d\"}\n";
        let piped = place.fed(&["pipe"], input).out;
        let lines: Vec<_> = piped.lines().collect();
        let clean = line(0, 0, 0, 0);
        assert_eq!(lines[0], format!("{{\"id\":1,{}", clean[1..].trim_end()));
        assert!(lines[1].contains("grace") && lines[1].contains("usage"), "{piped}");
        let refused = place.run(&["reconcile", "w", "--grace", "99d"]);
        assert_eq!(refused.status, Some(2), "{refused:?}");
    });
}

#[test]
fn what_doctor_finds_is_repaired() {
    everywhere("what_doctor_finds_is_repaired", |place| {
        if place.layout != "tta" {
            return;
        }
        place.json(&["send", "w", "--from", "p", "--id", "msg-000001"]);
        place.json(&["send", "w", "--from", "p", "--id", "msg-000002"]);
        place.receive("w");
        let key = |part: &str| format!("{}:{part}:w:default", place.prefix);
        place.redis(&["DEL", &format!("{}:prio:5", key("sched"))]);
        place.redis(&["DEL", &key("reserved_deadlines")]);
        assert_eq!(place.run(&["doctor"]).status, Some(1));
        assert_eq!(pass(place, "0ms"), line(0, 1, 0, 1));
        assert_eq!(pass(place, "1h"), line(0, 0, 0, 1));
        let said = place.run(&["reconcile", "w", "--grace", "1h"]).out;
        assert!(said.contains("1 look lost: run it again"), "{said}");
        assert_eq!(pass(place, "0ms"), line(1, 0, 0, 0));
        assert_eq!(place.run(&["doctor"]).status, Some(0));
        assert!(place.json(&["receive", "w"]).contains("msg-000002"));
        assert_eq!(place.redis(&["EXISTS", &key("suspects")]), Frame::Integer(0));
    });
}
