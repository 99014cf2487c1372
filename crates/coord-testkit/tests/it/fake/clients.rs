//! Clients as people use them: redis-rs, deadpool-redis, redis-cli, redis-py.

use std::process::{Command, Stdio};

use coord_testkit::FakeRedis;
use redis::AsyncCommands;

#[tokio::test]
async fn redis_rs_in_both_protocol_versions() {
    let server = FakeRedis::start().await.expect("starts");
    for url in [server.url(), format!("{}/3?protocol=resp3", server.url())] {
        let client = redis::Client::open(url).expect("a url");
        let mut connection = client.get_multiplexed_async_connection().await.expect("connects");
        let () = connection.hset_multiple("h", &[("a", 1), ("b", 2)]).await.expect("sets");
        let all: std::collections::BTreeMap<String, i64> =
            connection.hgetall("h").await.expect("gets");
        assert_eq!(all["b"], 2);
        let () = connection.zadd("z", "m", 1.5).await.expect("adds");
        let scored: Vec<(String, f64)> =
            connection.zrange_withscores("z", 0, -1).await.expect("ranges");
        assert_eq!(scored, [("m".to_owned(), 1.5)]);
        let (kept, gone): (Option<i64>, Option<i64>) = redis::pipe()
            .atomic()
            .set("a", 1)
            .ignore()
            .get("a")
            .get("none")
            .query_async(&mut connection)
            .await
            .expect("runs");
        assert_eq!((kept, gone), (Some(1), None));
    }
}

#[tokio::test]
async fn redis_rs_over_the_in_process_stream() {
    let server = FakeRedis::start().await.expect("starts");
    let info = redis::RedisConnectionInfo::default();
    let config = redis::AsyncConnectionConfig::new();
    let (mut connection, driver) =
        redis::aio::MultiplexedConnection::new_with_config(&info, server.duplex(), config)
            .await
            .expect("connects");
    let driver = tokio::spawn(driver);
    let () = connection.set("a", "b").await.expect("sets");
    let value: String = connection.get("a").await.expect("gets");
    assert_eq!(value, "b");
    drop(connection);
    driver.await.expect("no panic");
}

#[tokio::test]
async fn redis_rs_subscribes() {
    use futures_util::StreamExt as _;
    let server = FakeRedis::start().await.expect("starts");
    let client = redis::Client::open(server.url()).expect("a url");
    let mut pubsub = client.get_async_pubsub().await.expect("connects");
    pubsub.psubscribe("news:*").await.expect("subscribes");
    let _receivers = server.command(["PUBLISH", "news:1", "hello"]);
    let patience = std::time::Duration::from_secs(60);
    let mut messages = pubsub.on_message();
    let message = tokio::time::timeout(patience, messages.next()).await.expect("in time");
    let message = message.expect("a message");
    assert_eq!(message.get_payload::<String>().expect("text"), "hello");
}

#[tokio::test]
async fn deadpool_reuses_its_connections() {
    let server = FakeRedis::start().await.expect("starts");
    let pool = deadpool_redis::Config::from_url(server.url())
        .create_pool(Some(deadpool_redis::Runtime::Tokio1))
        .expect("a pool");
    for _ in 0..3 {
        let mut connection = pool.get().await.expect("a connection");
        let _count: i64 = connection.incr("n", 1).await.expect("counts");
    }
    assert_eq!(server.connections(), 1);
    assert_eq!(server.log().iter().filter(|command| command.name() == "unwatch").count(), 2);
}

/// Said aloud and passed over where redis-cli is not installed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_cli() {
    let server = FakeRedis::start().await.expect("starts");
    let port = server.address().port().to_string();
    let run = |args: &'static [&'static str]| {
        let port = port.clone();
        tokio::task::spawn_blocking(move || {
            Command::new("redis-cli").args(["-p", &port]).args(args).stdin(Stdio::null()).output()
        })
    };
    let Ok(output) = run(&["SET", "a", "1"]).await.expect("no panic") else {
        let _said = std::io::Write::write_all(
            &mut std::io::stderr(),
            b"redis-cli is not installed: skipped\n",
        );
        return;
    };
    assert_eq!(String::from_utf8_lossy(&output.stdout), "OK\n");
    let output = run(&["-3", "CONFIG", "GET", "maxmemory"]).await.expect("no panic").expect("runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "maxmemory 0\n");
    let output = run(&["--scan"]).await.expect("no panic").expect("runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "a\n");
    let output = run(&["INFO", "server"]).await.expect("no panic").expect("runs");
    assert!(String::from_utf8_lossy(&output.stdout).contains("redis_version:7.0.15"));
}

/// Said aloud and passed over where Python or redis-py is not installed; `COORD_TEST_PYTHON`
/// names an interpreter that has it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_py_standalone_on_a_cluster_and_by_a_sentinel() {
    let standalone = FakeRedis::start().await.expect("starts");
    let cluster = FakeRedis::cluster(3).await.expect("starts");
    let sentinel = FakeRedis::sentinel().await.expect("starts");
    let watches = sentinel.sentinel_url().expect("a sentinel");
    let watches = watches.rsplit(':').next().unwrap_or_default().to_owned();
    let python = std::env::var("COORD_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut command = Command::new(python);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tools/python_client.py"));
    command.arg(standalone.address().port().to_string());
    command.arg(cluster.address().port().to_string());
    command.args([&watches, sentinel.master_name()]).stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic");
    let said = match &output {
        Ok(output) => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Err(_) => "missing".to_owned(),
    };
    if said == "missing" {
        let _said = std::io::Write::write_all(
            &mut std::io::stderr(),
            b"redis-py is not installed: skipped\n",
        );
        return;
    }
    let errors = output.map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
    assert_eq!(said, "fine", "{}", errors.unwrap_or_default());
}
