//! breaker list, show, open, close, reset.

use crate::harness::{Place, everywhere};

const STATE: &str = r#"{"state": "open", "failure_count": 2, "half_open_calls": 0, "half_open_successes": 0, "last_failure_time": 1795211365.224917, "state_changed_at": 1795211365.2249196, "updated_at": 1795211365.2251341}"#;
const METRICS: &str = r#"{"total_calls": 3, "failed_calls": 2, "successful_calls": 1, "state_changes": 1, "last_failure_time": 1795211365.224917, "last_success_time": null, "updated_at": 1795211365.22519}"#;

/// A breaker that the original has opened.
fn fill(place: &Place) {
    let tag = if place.layout == "compact" { "{flow:svc}" } else { "flow:svc" };
    for (part, json) in [("state", STATE), ("metrics", METRICS)] {
        place.redis(&["SET", &format!("{}:cb:{part}:{tag}", place.prefix), json]);
    }
    place.redis(&["SADD", &format!("{}:cb:registry", place.prefix), "flow:svc"]);
}

/// `line` with the numbers that time makes replaced.
fn stable(line: &str) -> String {
    let mut out = String::new();
    for (at, part) in line.split(r#"_at":"#).enumerate() {
        let Some((_, rest)) = part.split_once(',').filter(|_| at > 0) else {
            out.push_str(part);
            continue;
        };
        out.push_str(r#"_at":TIME,"#);
        out.push_str(rest);
    }
    out
}

#[test]
fn what_the_original_stored_is_shown() {
    everywhere("what_the_original_stored_is_shown", |place| {
        fill(place);
        let line = concat!(
            r#"{"name":"flow:svc","state":"open","source":"original","left_seconds":null,"#,
            r#""votes":0,"probes":0,"generation":0,"reason":null,"author":null,"#,
            r#""state_changed_at":1795211365.224920,"metrics":{"total_calls":3,"failed_calls":2,"#,
            r#""successful_calls":1,"state_changes":1,"last_failure_time":1795211365.224917,"#,
            r#""last_success_time":null}}"#,
            "\n"
        );
        assert_eq!(place.json(&["breaker", "show", "flow:svc"]), line);
        assert_eq!(place.json(&["breaker", "list"]), line);
        let table = place.run(&["breaker", "list"]).out;
        assert!(table.starts_with("BREAKER   STATE  LEFT  VOTES"), "{table}");
        assert!(
            table.contains("flow:svc  open      -      0       0      3       2  -"),
            "{table}"
        );
    });
}

#[test]
fn one_that_cannot_be_read_hides_no_other() {
    everywhere("one_that_cannot_be_read_hides_no_other", |place| {
        fill(place);
        let tag = if place.layout == "tta" { "bad" } else { "{bad}" };
        place.redis(&["SET", &format!("{}:cb:state:{tag}", place.prefix), "nope"]);
        place.redis(&["SADD", &format!("{}:cb:registry", place.prefix), "bad"]);
        let ran = place.run(&["breaker", "list"]);
        assert_eq!(ran.status, Some(1));
        assert!(ran.out.contains("flow:svc"), "{ran:?}");
        assert!(ran.err.starts_with("coord: breaker bad: corrupt reply or data: "), "{ran:?}");
    });
}

#[test]
fn orders_hold_and_reset() {
    everywhere("orders_hold_and_reset", |place| {
        fill(place);
        let show = || stable(&place.json(&["breaker", "show", "flow:svc"]));
        let open = ["breaker", "open", "flow:svc", "--reason", "drill \"1\"", "--author", "ops"];
        assert_eq!(place.json(&open), "{\"ok\":true}\n");
        let line = concat!(
            r#"{"name":"flow:svc","state":"forced_open","source":"fleet","left_seconds":null,"#,
            r#""votes":0,"probes":0,"generation":2,"reason":"drill \"1\"","author":"ops","#,
            r#""state_changed_at":TIME,"metrics":{"#
        );
        assert!(show().starts_with(line), "{}", show());
        let ran = place.run(&["breaker", "close", "flow:svc", "--for", "1h"]);
        let said = "flow:svc lets all calls pass for 60m\n";
        assert_eq!((ran.status, ran.out.as_str()), (Some(0), said));
        assert!(show().contains(r#""state":"disabled","source":"fleet","left_seconds":359"#));
        let text = place.run(&["breaker", "show", "flow:svc"]).out;
        assert!(text.starts_with("breaker  flow:svc\nstate    disabled\nleft     "), "{text}");
        assert_eq!(place.json(&["breaker", "reset", "flow:svc"]), "{\"ok\":true}\n");
        let reset = r#""state":"closed","source":"fleet","left_seconds":null,"votes":0,"probes":0,"generation":4,"reason":null,"#;
        assert!(show().contains(reset), "{}", show());
    });
}

#[test]
fn an_unknown_breaker_is_status_4() {
    everywhere("an_unknown_breaker_is_status_4", |place| {
        let ran = place.run(&["breaker", "list"]);
        assert_eq!((ran.status, ran.out.as_str()), (Some(4), ""), "{}", ran.err);
        for verb in ["show", "open", "close", "reset"] {
            let ran = place.run(&["breaker", verb, "nobody"]);
            let err = "coord: unknown breaker nobody: none of that name under this prefix; \
                       `coord breaker list` lists all\n";
            assert_eq!((ran.status, ran.out.as_str(), ran.err.as_str()), (Some(4), "", err));
        }
        assert_eq!(place.run(&["breaker", "list"]).status, Some(4), "none of it made one");
        for args in [&["show", ""][..], &["open", "x", "--for", "0s"], &["open", "x", "--for", "y"]]
        {
            let ran = place.run(&[&["breaker"], args].concat());
            assert_eq!(ran.status, Some(2), "{args:?}: {}", ran.err);
        }
    });
}

#[test]
fn a_pipe_gives_orders_too() {
    everywhere("a_pipe_gives_orders_too", |place| {
        fill(place);
        let requests = concat!(
            r#"{"op":"breaker open","id":1,"name":"flow:svc","for":"5s","reason":"r"}"#,
            "\n",
            r#"{"op":"breaker show","id":2,"name":"nobody"}"#,
            "\n",
            r#"{"op":"breaker list","id":3}"#,
            "\n"
        );
        let ran = place.fed(&["pipe"], requests.as_bytes());
        let lines: Vec<&str> = ran.out.lines().collect();
        assert_eq!(lines[0], r#"{"id":1,"ok":true}"#, "{ran:?}");
        assert!(lines[1].contains(r#""kind":"unknown_breaker""#), "{ran:?}");
        assert!(lines[2].contains(r#""state":"forced_open""#), "{ran:?}");
    });
}
