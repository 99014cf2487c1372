//! SLOWLOG, LATENCY, and what INFO and CLIENT LIST tell of connections and time.

use coord_testkit::FakeRedis;
use coord_testkit::fake_redis::Reply;

use super::wire::Wire;

fn items(reply: Reply) -> Vec<Reply> {
    match reply {
        Reply::Array(items) => items,
        other => panic!("no array: {other:?}"),
    }
}

fn text(reply: Reply) -> String {
    match reply {
        Reply::Verbatim(_, text) | Reply::Bulk(text) => String::from_utf8_lossy(&text).into_owned(),
        other => panic!("no text: {other:?}"),
    }
}

#[tokio::test]
async fn the_slow_log_cuts_and_hides() {
    let server = FakeRedis::start().await.expect("starts");
    assert_eq!(server.command(["CONFIG", "SET", "slowlog-log-slower-than", "0"]), Reply::OK);
    assert_eq!(server.command(["SLOWLOG", "RESET"]), Reply::OK);
    let long = "x".repeat(130);
    let many = (0..40).map(|n| n.to_string());
    let _size = server.command(["SADD".to_owned(), "s".to_owned()].into_iter().chain(many));
    assert_eq!(server.command(["SET", "k", &long]), Reply::OK);
    assert_eq!(server.command(["ACL", "SETUSER", "u", ">secret"]), Reply::OK);
    let logged = items(server.command(["SLOWLOG", "GET", "3"]));
    let args = |at: usize| match items(logged[at].clone()).swap_remove(3) {
        Reply::Array(args) => args.into_iter().map(text).collect::<Vec<_>>(),
        other => panic!("no arguments: {other:?}"),
    };
    assert_eq!(args(0), ["ACL", "SETUSER", "(redacted)", "(redacted)"]);
    assert_eq!(args(1)[2], format!("{}... (2 more bytes)", "x".repeat(128)));
    assert_eq!(args(2).len(), 32);
    assert_eq!(args(2)[31], "... (11 more arguments)");
    let refused = server.command(["SLOWLOG", "GET", "-2"]);
    assert_eq!(refused, Reply::Error("ERR count should be greater than or equal to -1".into()));
    assert_eq!(server.command(["CONFIG", "SET", "slowlog-max-len", "2"]), Reply::OK);
    assert_eq!(server.command(["SLOWLOG", "LEN"]), Reply::Integer(2));
}

#[tokio::test]
async fn histograms_count_calls_until_they_are_reset() {
    let server = FakeRedis::start().await.expect("starts");
    for _ in 0..3 {
        assert_eq!(server.command(["SET", "k", "1"]), Reply::OK);
    }
    let Reply::Map(rows) = server.command(["LATENCY", "HISTOGRAM", "set", "nothing"]) else {
        panic!("no map");
    };
    let Reply::Map(fields) = &rows[0].1 else { panic!("no fields") };
    assert_eq!((rows.len(), &fields[0].1), (1, &Reply::Integer(3)));
    let stats = text(server.command(["INFO", "latencystats"]));
    assert!(stats.contains("latency_percentiles_usec_set:p50="), "{stats}");
    assert_eq!(server.command(["CONFIG", "RESETSTAT"]), Reply::OK);
    assert_eq!(server.command(["LATENCY", "HISTOGRAM", "set"]), Reply::Map(Vec::new()));
    let wrong = ["CONFIG", "SET", "latency-tracking-info-percentiles", "101"];
    assert!(matches!(server.command(wrong), Reply::Error(_)));
}

#[tokio::test]
async fn more_connections_than_allowed_are_refused() {
    let server = FakeRedis::start().await.expect("starts");
    let mut first = Wire::to(&server);
    first.ask("CONFIG SET maxclients 1", "+OK|").await;
    let mut second = Wire::to(&server);
    second.expect("-ERR max number of clients reached|").await;
    second.expect_end().await;
    let stats = first.line("CONFIG SET maxclients 10").await;
    assert_eq!(stats, "+OK");
    let stats = text(server.command(["INFO", "stats"]));
    assert!(stats.contains("rejected_connections:1"), "{stats}");
}

#[tokio::test]
async fn a_client_sees_the_size_of_its_own_request() {
    let server = FakeRedis::start().await.expect("starts");
    let mut wire = Wire::to(&server);
    // 26 bytes, as `*2 $6 CLIENT $4 LIST` with their line ends.
    let _length = wire.line("CLIENT LIST").await;
    let rest = wire.line("PING").await;
    assert!(rest.contains(" qbuf=26 "), "{rest}");
}

#[tokio::test]
async fn what_is_unlinked_in_the_background_is_counted() {
    let server = FakeRedis::start().await.expect("starts");
    let members = (0..100).map(|n| format!("m{n}"));
    let _size = server.command(["SADD".to_owned(), "s".to_owned()].into_iter().chain(members));
    assert_eq!(server.command(["SET", "k", "v"]), Reply::OK);
    assert_eq!(server.command(["UNLINK", "s", "k"]), Reply::Integer(2));
    let memory = text(server.command(["INFO", "memory"]));
    assert!(memory.contains("lazyfreed_objects:1\r\n"), "{memory}");
}

#[tokio::test]
async fn a_sleep_counts_as_slow() {
    let server = FakeRedis::start().await.expect("starts");
    assert_eq!(server.command(["CONFIG", "SET", "slowlog-log-slower-than", "2000"]), Reply::OK);
    assert_eq!(server.command(["CONFIG", "SET", "latency-monitor-threshold", "2"]), Reply::OK);
    let mut wire = Wire::to(&server);
    wire.ask("DEBUG SLEEP 0.003", "+OK|").await;
    let slow = items(server.command(["SLOWLOG", "GET"]));
    assert!(!slow.is_empty());
    let history = items(server.command(["LATENCY", "HISTORY", "command"]));
    let Some(Reply::Array(sample)) = history.last() else { panic!("no sample: {history:?}") };
    assert!(matches!(sample[1], Reply::Integer(ms) if ms >= 3), "{sample:?}");
    assert!(matches!(server.command(["LATENCY", "RESET"]), Reply::Integer(1..)));
    assert_eq!(server.command(["LATENCY", "LATEST"]), Reply::Array(Vec::new()));
}
