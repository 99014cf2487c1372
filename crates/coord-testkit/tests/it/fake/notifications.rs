//! Keyspace notifications.

use std::time::Duration;

use coord_testkit::FakeRedis;
use coord_testkit::fake_redis::{Clock, Reply};

use super::wire::Wire;

#[tokio::test]
async fn changes_are_told_as_configured() {
    let clock = Clock::manual(Duration::from_secs(1_000_000));
    let server = FakeRedis::builder().clock(clock).start().await.expect("starts");
    let mut listener = Wire::to(&server);
    listener.ask("PSUBSCRIBE __key*", "*3|$10|psubscribe|$6|__key*|:1|").await;
    let ok = |args: &[&str]| assert!(!server.command(args).is_error(), "{args:?}");
    ok(&["SET", "quiet", "1"]);
    ok(&["CONFIG", "SET", "notify-keyspace-events", "KEA"]);
    ok(&["SET", "k", "1", "PX", "1000"]);
    let event = |channel: &str, message: &str| {
        format!(
            "*4|$8|pmessage|$6|__key*|${}|{channel}|${}|{message}|",
            channel.len(),
            message.len()
        )
    };
    for name in ["set", "expire"] {
        listener.expect(&event("__keyspace@0__:k", name)).await;
        listener.expect(&event(&format!("__keyevent@0__:{name}"), "k")).await;
    }
    server.advance(Duration::from_millis(1001));
    listener.expect(&event("__keyspace@0__:k", "expired")).await;
    listener.expect(&event("__keyevent@0__:expired", "k")).await;
    ok(&["CONFIG", "SET", "notify-keyspace-events", "El"]);
    ok(&["SET", "quiet", "2"]);
    ok(&["RPUSH", "list", "x"]);
    listener.expect(&event("__keyevent@0__:rpush", "list")).await;
    let flags = server.command(["CONFIG", "GET", "notify-keyspace-events"]);
    assert_eq!(flags, Reply::Map(vec![(Reply::bulk("notify-keyspace-events"), Reply::bulk("lE"))]));
}

/// With the machine's clock an idle server tells of an expiry in time, without another command.
#[tokio::test]
async fn an_idle_server_tells_of_expiry() {
    let server = FakeRedis::start().await.expect("starts");
    assert_eq!(server.command(["CONFIG", "SET", "notify-keyspace-events", "Ex"]), Reply::OK);
    let mut listener = Wire::to(&server);
    listener
        .ask("SUBSCRIBE __keyevent@0__:expired", "*3|$9|subscribe|$22|__keyevent@0__:expired|:1|")
        .await;
    let mut wire = Wire::to(&server);
    wire.ask("SET k v PX 20", "+OK|").await;
    listener.expect("*3|$7|message|$22|__keyevent@0__:expired|$1|k|").await;
}
