//! COMMAND and CONFIG, where the comparison with a real server does not look.

use coord_testkit::FakeRedis;
use coord_testkit::fake_redis::Reply;

fn names(reply: Reply) -> Vec<String> {
    let Reply::Array(items) = reply else { panic!("no array: {reply:?}") };
    let name = |item| match item {
        Reply::Bulk(name) => String::from_utf8_lossy(&name).into_owned(),
        other => panic!("no name: {other:?}"),
    };
    items.into_iter().map(name).collect()
}

#[tokio::test]
async fn lists_name_subcommands() {
    let server = FakeRedis::start().await.expect("starts");
    let all = names(server.command(["COMMAND", "LIST"]));
    assert!(all.contains(&"client|list".to_owned()) && all.contains(&"get".to_owned()));
    let some = names(server.command(["COMMAND", "LIST", "FILTERBY", "PATTERN", "config|*"]));
    assert_eq!(
        some,
        ["config|get", "config|help", "config|resetstat", "config|rewrite", "config|set"]
    );
    let some = names(server.command(["COMMAND", "LIST", "FILTERBY", "ACLCAT", "scripting"]));
    assert!(some.contains(&"script|kill".to_owned()), "{some:?}");
}

#[tokio::test]
async fn hidden_settings_are_shown_by_name_only() {
    let server = FakeRedis::start().await.expect("starts");
    let size = |pattern: &str| match server.command(["CONFIG", "GET", pattern]) {
        Reply::Map(pairs) => pairs.len(),
        other => panic!("no map: {other:?}"),
    };
    assert_eq!((size("key-load-delay"), size("key-load-*"), size("*of")), (1, 0, 2));
    let port = server.address().port().to_string();
    let shown = vec![(Reply::bulk("port"), Reply::bulk(&port))];
    assert_eq!(server.command(["CONFIG", "GET", "port"]), Reply::Map(shown));
    assert_eq!(server.command(["CONFIG", "SET", "port", &port]), Reply::OK);
    let refused = server.command(["CONFIG", "SET", "maxmemory", "1mb", "port", "1"]);
    assert!(
        matches!(&refused, Reply::Error(text) if text.contains("Unable to listen on this port"))
    );
    let unchanged = vec![(Reply::bulk("maxmemory"), Reply::bulk("0"))];
    assert_eq!(server.command(["CONFIG", "GET", "maxmemory"]), Reply::Map(unchanged));
}

/// What redis-cli and load generators write, and two forms of libraries Redis 7.0.15 takes.
#[tokio::test]
async fn libraries_are_named_as_redis_reads_them() {
    let server = FakeRedis::start().await.expect("starts");
    let load = |code: &str| server.command(["FUNCTION", "LOAD", "REPLACE", code]);
    let body = "\nredis.register_function('f', function() return 1 end)";
    assert_eq!(load(&format!("#!lua name=\"quoted\"{body}")), Reply::bulk("quoted"));
    let error = |text: &str| Reply::Error(text.to_owned());
    assert_eq!(load(&format!("#! name=x{body}")), error("ERR Engine '' not found"));
    assert_eq!(load(&format!("#!lua{body}")), error("ERR Library name was not given"));
    let endless = load("#!lua name=endless\nwhile true do end");
    assert_eq!(endless, error("ERR Error registering functions: ERR FUNCTION LOAD timeout"));
}

/// As a real server: a pattern of more than a thousand stars matches nothing, and soon.
#[tokio::test]
async fn patterns_of_many_stars_match_nothing() {
    let server = FakeRedis::start().await.expect("starts");
    let key = "a".repeat(5_000);
    assert_eq!(server.command(["SET", &key, "1"]), Reply::OK);
    assert_eq!(server.command(["KEYS", &"*?".repeat(5_000)]), Reply::Array(Vec::new()));
    assert_eq!(server.command(["KEYS", &"*?".repeat(900)]), Reply::bulks([key]));
}

/// During a pause nothing is removed: RANDOMKEY must not look for ever.
#[tokio::test]
async fn a_random_key_is_not_sought_for_ever_during_a_pause() {
    let clock = coord_testkit::Clock::manual(std::time::Duration::from_secs(1_800_000_000));
    let server = FakeRedis::builder().clock(clock).start().await.expect("starts");
    assert_eq!(server.command(["SET", "key", "value", "PX", "3"]), Reply::OK);
    assert_eq!(server.command(["CLIENT", "PAUSE", "10000", "WRITE"]), Reply::OK);
    server.advance(std::time::Duration::from_millis(5));
    assert_eq!(server.command(["RANDOMKEY"]), Reply::Null);
}

/// Monitors do not show passwords, in whichever command they stand.
#[tokio::test]
async fn monitors_see_no_password() {
    let server = FakeRedis::start().await.expect("starts");
    let mut monitor = super::wire::Wire::to(&server);
    monitor.ask("MONITOR", "+OK|").await;
    let mut client = super::wire::Wire::to(&server);
    for (line, shown) in [
        ("AUTH user hidden", "\"AUTH\" \"(redacted)\" \"(redacted)\""),
        ("HELLO 2 AUTH user hidden", "\"HELLO\" \"2\" \"AUTH\" \"(redacted)\" \"(redacted)\""),
        ("MIGRATE 127.0.0.1 1 key 9 50 AUTH hidden", "\"50\" \"AUTH\" \"(redacted)\""),
    ] {
        client.line(line).await;
        let seen = monitor.next_line().await;
        assert!(seen.ends_with(shown) && !seen.contains("hidden"), "{seen}");
    }
}
