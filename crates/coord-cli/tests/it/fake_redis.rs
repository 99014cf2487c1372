//! fake-redis.

use crate::harness::{Running, bare, run};

#[test]
fn it_says_its_url_serves_and_ends_at_ctrl_c() {
    let mut server = Running::start(bare().args(["--output", "json", "fake-redis"]));
    let line = server.line();
    let url = line.strip_prefix("{\"url\":\"").unwrap().strip_suffix("\"}\n").unwrap();
    let port = url.strip_prefix("redis://127.0.0.1:").unwrap();
    for (args, out) in [
        (&["send", "w", "--from", "p", "--id", "msg-000001"][..], "delivered msg-000001 to w\n"),
        (&["--layout", "tta", "recover"], "took back 0 expired reservations of all mailboxes\n"),
    ] {
        let ran = run(&[&["--redis", url], args].concat());
        assert_eq!((ran.status, ran.out.as_str(), ran.err.as_str()), (Some(0), out, ""));
    }
    let taken = run(&["fake-redis", "--port", port]);
    assert_eq!((taken.status, taken.out.as_str()), (Some(1), ""));
    let start = format!("coord: cannot listen on 127.0.0.1:{port}: ");
    assert!(taken.err.starts_with(&start), "{}", taken.err);
    server.interrupt();
    let ended = server.end();
    assert_eq!((ended.status, ended.out.as_str(), ended.err.as_str()), (Some(0), "", ""));
    assert_eq!(run(&["--redis", url, "queues"]).status, Some(1));

    let mut again = Running::start(bare().args(["fake-redis", "--strict", "--port", port]));
    assert_eq!(again.line(), format!("{url} serves until Ctrl-C and stores nothing\n"));
    again.interrupt();
    assert_eq!(again.end().status, Some(0));
}
