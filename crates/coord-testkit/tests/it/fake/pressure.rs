//! A server under pressure: memory, replicas, pauses, busy scripts, long argument lists.

use coord_testkit::FakeRedis;
use coord_testkit::fake_redis::Reply;

use super::wire::Wire;

fn is_error(reply: &Reply, start: &str) -> bool {
    matches!(reply, Reply::Error(text) if text.starts_with(start))
}

/// A command whose reply is of no interest here.
fn tell(server: &FakeRedis, words: &[&str]) {
    let _reply = server.command(words.iter().copied());
}

fn info(server: &FakeRedis, section: &str, name: &str) -> Option<String> {
    let Reply::Verbatim(_, text) = server.command(["INFO", section]) else { panic!("no text") };
    let text = String::from_utf8(text.to_vec()).expect("ASCII");
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::to_owned)
}

#[tokio::test]
async fn keys_are_evicted_as_the_policy_allows() {
    let server = FakeRedis::start().await.expect("starts");
    tell(&server, &["SET", "stays", "1"]);
    tell(&server, &["SET", "goes", "1", "EX", "1000"]);
    tell(&server, &["CONFIG", "SET", "maxmemory-policy", "volatile-lru"]);
    tell(&server, &["CONFIG", "SET", "maxmemory", "1"]);
    assert_eq!(server.command(["EXISTS", "stays", "goes"]), Reply::Integer(1));
    assert_eq!(info(&server, "stats", "evicted_keys").as_deref(), Some("1"));
    assert!(is_error(&server.command(["SET", "more", "1"]), "OOM "));
    let script = "return redis.call('SET', KEYS[1], 1)";
    assert!(is_error(&server.command(["EVAL", script, "1", "more"]), "OOM command"));
    let flagged = "#!lua flags=allow-oom\nreturn redis.call('SET', KEYS[1], 1)";
    assert_eq!(server.command(["EVAL", flagged, "1", "more"]), Reply::OK);
    assert!(is_error(&server.command(["EVAL", "#!lua\nreturn 1", "0"]), "OOM allow-oom"));
    tell(&server, &["CONFIG", "SET", "maxmemory-policy", "allkeys-random"]);
    tell(&server, &["PING"]);
    assert_eq!(server.command(["DBSIZE"]), Reply::Integer(0));
}

#[tokio::test]
async fn a_transaction_that_would_use_memory_is_refused_whole() {
    let server = FakeRedis::start().await.expect("starts");
    let mut wire = Wire::to(&server);
    wire.ask("MULTI", "+OK|").await;
    wire.ask("SET a 1", "+QUEUED|").await;
    tell(&server, &["CONFIG", "SET", "maxmemory", "1"]);
    let text = wire.line("EXEC").await;
    assert!(text.starts_with("-EXECABORT Transaction discarded because of: OOM"), "{text}");
}

#[tokio::test]
async fn writes_need_the_replicas_that_are_asked_for() {
    let server = FakeRedis::start().await.expect("starts");
    tell(&server, &["CONFIG", "SET", "min-replicas-to-write", "1"]);
    assert!(is_error(&server.command(["SET", "a", "1"]), "NOREPLICAS "));
    assert_eq!(server.command(["GET", "a"]), Reply::Null);
    let script = "return redis.call('SET', KEYS[1], 1)";
    assert!(is_error(&server.command(["EVAL", script, "1", "a"]), "NOREPLICAS "));
}

#[tokio::test]
async fn errors_and_refusals_are_counted() {
    let server = FakeRedis::start().await.expect("starts");
    tell(&server, &["SET", "text", "x"]);
    tell(&server, &["LPUSH", "text", "x"]);
    tell(&server, &["GET"]);
    tell(&server, &["EVAL", "return redis.pcall('INCR', KEYS[1])", "1", "text"]);
    assert_eq!(info(&server, "errorstats", "errorstat_WRONGTYPE").as_deref(), Some("count=1"));
    // The script only passes on the error of its command, which is counted once.
    assert_eq!(info(&server, "errorstats", "errorstat_ERR").as_deref(), Some("count=2"));
    let calls = |name: &str| info(&server, "commandstats", name).unwrap_or_default();
    assert!(calls("cmdstat_get").ends_with("rejected_calls=1,failed_calls=0"));
    assert!(calls("cmdstat_lpush").ends_with("rejected_calls=0,failed_calls=1"));
    assert!(calls("cmdstat_eval").ends_with("rejected_calls=0,failed_calls=1"));
}

#[tokio::test]
async fn a_script_passes_thousands_of_arguments() {
    let server = FakeRedis::start().await.expect("starts");
    let script = |verb: &str| {
        format!(
            "local t = {{}} for i = 1, 7990 do t[i] = i end return redis.{verb}('RPUSH', KEYS[1], unpack(t))"
        )
    };
    assert_eq!(server.command(["EVAL", &script("call"), "1", "l"]), Reply::Integer(7990));
    tell(&server, &["SET", "text", "x"]);
    let wrong = server.command(["EVAL", &script("call"), "1", "text"]);
    assert!(is_error(&wrong, "WRONGTYPE "), "{wrong:?}");
    assert_eq!(server.command(["EVAL", &script("pcall"), "1", "l"]), Reply::Integer(15_980));
}

#[tokio::test]
async fn approximate_trimming_goes_by_the_configured_nodes() {
    let server = FakeRedis::start().await.expect("starts");
    tell(&server, &["CONFIG", "SET", "stream-node-max-entries", "10"]);
    for _ in 0..25 {
        tell(&server, &["XADD", "s", "*", "f", "v"]);
    }
    let trim = |limit: &str| server.command(["XTRIM", "s", "MAXLEN", "~", "3", "LIMIT", limit]);
    assert_eq!(trim("9"), Reply::Integer(0));
    assert_eq!(trim("19"), Reply::Integer(10));
    assert_eq!(trim("0"), Reply::Integer(10));
}

#[tokio::test]
async fn names_of_functions_have_no_case() {
    let server = FakeRedis::start().await.expect("starts");
    let code = "#!lua name=l\nredis.register_function('Hello', function() return 1 end)";
    tell(&server, &["FUNCTION", "LOAD", code]);
    assert_eq!(server.command(["FCALL", "hELLO", "0"]), Reply::Integer(1));
}

#[tokio::test]
async fn a_paused_client_counts_as_blocked() {
    let server = FakeRedis::start().await.expect("starts");
    let mut control = Wire::to(&server);
    control.ask("CLIENT PAUSE 100000 WRITE", "+OK|").await;
    let mut writer = Wire::to(&server);
    writer.send_raw(b"SET a 1\r\n").await;
    let mut counted = false;
    while !counted {
        control.ask("PING", "+PONG|").await;
        counted = info(&server, "clients", "blocked_clients").as_deref() == Some("1");
    }
    // What only reads goes on, and so does what is wrong.
    control.ask("GET a", "$-1|").await;
    control.ask("SET a", "-ERR wrong number of arguments for 'set' command|").await;
    control.ask("CLIENT UNPAUSE", "+OK|").await;
    writer.expect("+OK").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_transaction_does_not_survive_a_busy_server_in_part() {
    let server = FakeRedis::start().await.expect("starts");
    tell(&server, &["CONFIG", "SET", "busy-reply-threshold", "10"]);
    let mut other = Wire::to(&server);
    other.ask("MULTI", "+OK|").await;
    other.ask("SET a 1", "+QUEUED|").await;
    let mut endless = Wire::to(&server);
    endless.send_raw(b"EVAL \"while true do end\" 0\r\n").await;
    let mut third = Wire::to(&server);
    // The connections race for the lock at first.
    while !third.line("GET a").await.starts_with("-BUSY") {}
    let text = other.line("EXEC").await;
    assert!(text.starts_with("-EXECABORT Transaction discarded because of: BUSY"), "{text}");
    third.ask("MULTI", "+OK|").await;
    assert!(third.line("SET a 1").await.starts_with("-BUSY"));
    third.ask("SCRIPT KILL", "+OK|").await;
    endless.expect("-ERR Script killed by user with SCRIPT KILL.").await;
    other.ask("EXEC", "-ERR EXEC without MULTI|").await;
    third.ask("EXEC", "-EXECABORT Transaction discarded because of previous errors.|").await;
    third.ask("GET a", "$-1|").await;
}
