//! Servers that are not there, not ours, or hold other data.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use coord_testkit::server::{RealServer, RealServerBuilder};

use crate::harness::{Place, Ran, Running, bare, place, run};

/// Runs a command that must fail with status 1 and one line, and returns the line.
fn failure(ran: &Ran) -> &str {
    assert_eq!((ran.status, ran.out.as_str()), (Some(1), ""), "{}", ran.err);
    assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    &ran.err
}

#[test]
fn a_server_that_is_not_there() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("redis://user:hunter2@{free}");
    for args in [&["queues"][..], &["send", "w", "--from", "p"], &["pipe"]] {
        let ran = run(&[&["--redis", &url], args].concat());
        let err = failure(&ran);
        assert!(
            err.starts_with(&format!("coord: backend unreachable: no connection to {free}: ")),
            "{err}"
        );
        assert!(
            err.ends_with(
                "; check that the server runs and that host, port and firewall are right\n"
            ),
            "{err}"
        );
        assert!(!err.contains("hunter2"));
    }
}

#[test]
fn a_server_that_never_answers_is_given_up_in_time() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", silent.local_addr().unwrap());
    let start = Instant::now();
    let ran = run(&["--redis", &url, "--timeout", "200ms", "queues"]);
    assert!(failure(&ran).starts_with("coord: "), "{}", ran.err);
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

#[test]
fn a_server_that_is_no_redis() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", other.local_addr().unwrap());
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = other.accept().unwrap();
        std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        std::io::Read::read_to_end(&mut stream, &mut Vec::new()).unwrap_or(0)
    });
    let ran = run(&["--redis", &url, "--timeout", "2s", "queues"]);
    failure(&ran);
    serving.join().unwrap();
}

#[test]
fn a_wrong_password_is_said_and_not_shown() {
    let name = "a_wrong_password_is_said_and_not_shown";
    let Some(server) = RealServerBuilder::new().password("right").start_or_ignore(name) else {
        return;
    };
    let port = server.port();
    for (user, kind) in [(":hunter2@", "denied"), ("", "denied")] {
        let url = format!("redis://{user}127.0.0.1:{port}");
        let ran = run(&["-v", "--redis", &url, "queues"]);
        assert_eq!(ran.status, Some(1));
        assert!(ran.err.contains(kind) && !ran.err.contains("hunter2"), "{}", ran.err);
    }
    let right = run(&["--redis", &format!("redis://:right@127.0.0.1:{port}"), "recover"]);
    assert_eq!(right.status, Some(0), "{}", right.err);
}

#[test]
fn a_prefix_holds_one_layout() {
    for (own, other) in [("compact", "tta"), ("tta", "compact")] {
        let Some(place) = place("a_prefix_holds_one_layout", own) else { return };
        place.json(&["send", "w", "--from", "p"]);
        let url = place.url();
        let args = ["--redis", &url, "--prefix", &place.prefix, "--layout", other, "peek", "w"];
        let ran = run(&args);
        let err = failure(&ran);
        assert!(err.starts_with("coord: incompatible data: the prefix \"cli-"), "{err}");
        assert!(
            err.contains("tta") && err.contains("compact") && err.contains("; choose "),
            "{err}"
        );
    }
}

#[test]
fn data_of_another_version_is_left_alone() {
    let Some(place) = place("data_of_another_version_is_left_alone", "compact") else { return };
    place.json(&["send", "w", "--from", "p"]);
    let marker = marker(&place);
    place.redis(&["SET", &marker, "compact:99"]);
    let ran = place.run(&["receive", "w"]);
    let err = failure(&ran);
    assert!(err.contains("data model version 99"), "{err}");
}

/// The key that names the layout: the only string key without a mailbox.
fn marker(place: &Place) -> String {
    format!("{}:layout", place.prefix)
}

#[test]
fn verbose_names_the_server_and_the_causes() {
    let Some(place) = place("verbose_names_the_server_and_the_causes", "tta") else { return };
    let ran = place.run(&["-v", "recover"]);
    let address = place.url().trim_start_matches("redis://").to_owned();
    let note = format!("coord: server {address}, layout tta, prefix {}\n", place.prefix);
    assert_eq!((ran.status, ran.err), (Some(0), note));
}

#[test]
fn a_server_that_evicts_is_warned_of() {
    let name = "a_server_that_evicts_is_warned_of";
    let server = RealServerBuilder::new().arg("--maxmemory-policy").arg("allkeys-lru");
    let Some(server) = server.start_or_ignore(name) else { return };
    let ran = run(&["--redis", &url(&server), "recover"]);
    assert_eq!(ran.status, Some(0));
    assert!(ran.err.starts_with("coord: warning: the server evicts keys"), "{}", ran.err);
    assert!(ran.err.contains("set maxmemory-policy noeviction"), "{}", ran.err);
}

fn url(server: &RealServer) -> String {
    server.url()
}

#[test]
fn a_pipe_outlives_its_server() {
    let Some(mut server) = RealServerBuilder::new().private().start_or_ignore("a_pipe_outlives")
    else {
        return;
    };
    let url = server.url();
    let mut pipe = Running::start(bare().args(["--redis", &url, "pipe"]));
    let recovered = "{\"id\":1,\"recovered\":0}\n";
    pipe.say(r#"{"op":"recover","id":1,"agent":"w"}"#);
    assert_eq!(pipe.line(), recovered);
    server.kill().unwrap();
    for _ in 0..2 {
        pipe.say(r#"{"op":"recover","id":1,"agent":"w"}"#);
        let line = pipe.line();
        let kinds = ["unreachable", "outcome_unknown"].map(|kind| format!("\"kind\":\"{kind}\""));
        assert!(kinds.iter().any(|kind| line.contains(kind)), "{line}");
    }
    server.restart().unwrap();
    pipe.say(r#"{"op":"recover","id":1,"agent":"w"}"#);
    assert_eq!(pipe.line(), recovered);
    assert_eq!(pipe.end().status, Some(0));
}

#[test]
fn output_that_cannot_be_written_is_a_failure_and_releases() {
    let name = "output_that_cannot_be_written_is_a_failure_and_releases";
    let (Ok(full), Some(place)) =
        (std::fs::File::options().write(true).open("/dev/full"), place(name, "compact"))
    else {
        return;
    };
    place.json(&["send", "w", "--from", "p"]);
    let output = place.command(&["receive", "w"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.starts_with("coord: writing the answer: "), "{err}");
    assert!(place.json(&["queues", "w"]).contains("\"reserved\":0,"));
}
