//! Scripts as connections see them: atomic, and busy when they last.

use coord_testkit::FakeRedis;
use coord_testkit::fake_redis::Reply;

use super::wire::Wire;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_script_is_atomic() {
    let server = FakeRedis::start().await.expect("starts");
    let client = redis::Client::open(server.url()).expect("a url");
    let source = "redis.call('SET', KEYS[1], (redis.call('GET', KEYS[1]) or 0) + 1)";
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let mut connection = client.get_multiplexed_async_connection().await.expect("connects");
        tasks.push(tokio::spawn(async move {
            let script = redis::Script::new(source);
            for _ in 0..500 {
                let () = script.key("n").invoke_async(&mut connection).await.expect("runs");
            }
        }));
    }
    for task in tasks {
        task.await.expect("no panic");
    }
    assert_eq!(server.command(["GET", "n"]), Reply::bulk("4000"));
    let runs = server.script_runs();
    assert_eq!(runs.values().sum::<u64>(), 4000, "{runs:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_script_that_lasts_is_busy_and_can_be_killed() {
    let server = FakeRedis::start().await.expect("starts");
    assert_eq!(server.command(["CONFIG", "SET", "busy-reply-threshold", "10"]), Reply::OK);
    let mut endless = Wire::to(&server);
    endless.send_raw(b"EVAL \"while true do end\" 0\r\n").await;
    let mut other = Wire::to(&server);
    let busy =
        "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.|";
    // The two connections race for the lock at first.
    while other.line("GET a").await != busy.trim_end_matches('|') {}
    other.ask("FUNCTION KILL", busy).await;
    other.ask("SCRIPT KILL", "+OK|").await;
    endless.expect("-ERR Script killed by user with SCRIPT KILL.").await;
    other.ask("SCRIPT KILL", "-NOTBUSY No scripts in execution right now.|").await;
}

/// 0 is never, as in Redis.
#[tokio::test]
async fn without_a_threshold_no_script_is_busy() {
    let server = FakeRedis::start().await.expect("starts");
    assert_eq!(server.command(["CONFIG", "SET", "busy-reply-threshold", "0"]), Reply::OK);
    let (mut long, mut other) = (Wire::to(&server), Wire::to(&server));
    long.send_raw(b"EVAL \"for i = 1, 1e7 do end return 'done'\" 0\r\n").await;
    other.ask("PING", "+PONG|").await;
    long.expect("$4|done|").await;
}

#[tokio::test]
async fn every_node_has_its_own_cache() {
    let cluster = FakeRedis::cluster(2).await.expect("starts");
    let keys: Vec<&str> = ["a", "b", "c", "d"]
        .into_iter()
        .filter(|key| cluster.slot_owner(FakeRedis::slot(key)) == Some(0))
        .collect();
    let other =
        ["a", "b", "c", "d"].into_iter().find(|key| !keys.contains(key)).expect("one of four");
    let sha = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db";
    let known = cluster.command(["EVAL", "return 1", "1", keys[0]]);
    assert_eq!(known, Reply::Integer(1));
    assert_eq!(cluster.command(["EVALSHA", sha, "1", keys[0]]), Reply::Integer(1));
    let Reply::Error(text) = cluster.command(["EVALSHA", sha, "1", other]) else { panic!("found") };
    assert!(text.starts_with("NOSCRIPT"), "{text}");
    cluster.flush_scripts();
}

#[tokio::test]
async fn a_script_can_be_broken_on_purpose() {
    let cluster = FakeRedis::cluster(2).await.expect("starts");
    let code = "redis.call('SET', KEYS[1], 'x') return redis.call('GET', KEYS[1])";
    assert_eq!(cluster.command(["EVAL", code, "1", "a"]), Reply::bulk("x"));
    cluster.replace_in_scripts("'x'", "'broken'");
    for key in ["a", "b", "c", "d"] {
        assert_eq!(cluster.command(["EVAL", code, "1", key]), Reply::bulk("broken"));
    }
}
