//! Starting and stopping.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use coord_testkit::FakeRedis;

use super::wire::{Wire, settle};

#[tokio::test]
async fn a_thousand_servers_leave_nothing_behind() {
    let threads = || std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
    let files = || std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    let metrics = tokio::runtime::Handle::current().metrics();
    let mut times = Vec::new();
    let mut before = None;
    for _ in 0..1000 {
        let start = Instant::now();
        let server = FakeRedis::start().await.expect("starts");
        times.push(start.elapsed());
        let mut wire = Wire::to(&server);
        wire.ask("PING", "+PONG|").await;
        let address = server.address();
        server.stop().await;
        wire.expect_end().await;
        tokio::net::TcpListener::bind(address).await.expect("the port is free");
        before.get_or_insert_with(|| (threads(), files()));
    }
    settle(|| metrics.num_alive_tasks() == 0).await;
    // Other tests of this process open files and threads of their own.
    let (threads_before, files_before) = before.expect("a thousand rounds");
    assert!(threads() < threads_before + 100, "{} threads, {threads_before} before", threads());
    assert!(files() < files_before + 500, "{} files, {files_before} before", files());
    times.sort_unstable();
    assert!(times[500] < Duration::from_millis(5), "the median start took {:?}", times[500]);
}

#[tokio::test]
async fn dropping_ends_connections_even_unpolled_ones() {
    let server = FakeRedis::start().await.expect("starts");
    let mut polled = Wire::to(&server);
    polled.ask("PING", "+PONG|").await;
    let mut unpolled = Wire::to(&server);
    drop(server);
    polled.expect_end().await;
    unpolled.expect_end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn increments_of_many_connections_are_never_lost() {
    let server = FakeRedis::start().await.expect("starts");
    let client = redis::Client::open(server.url()).expect("a url");
    // The client's own time-out of half a second is no limit on a busy machine.
    let patient = redis::AsyncConnectionConfig::new().set_response_timeout(None);
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let connecting = client.get_multiplexed_async_connection_with_config(&patient);
        let mut connection = connecting.await.expect("connects");
        tasks.push(tokio::spawn(async move {
            for _ in 0..500 {
                let () = redis::pipe()
                    .atomic()
                    .cmd("INCR")
                    .arg("n")
                    .ignore()
                    .cmd("INCRBY")
                    .arg("n")
                    .arg(1)
                    .ignore()
                    .query_async(&mut connection)
                    .await
                    .expect("answers");
            }
        }));
    }
    for task in tasks {
        task.await.expect("no panic");
    }
    assert_eq!(server.command(["GET", "n"]), coord_testkit::fake_redis::Reply::bulk("8000"));
}

/// More than a real server promises, but suites of tests send here and look there.
#[tokio::test]
async fn what_arrives_first_on_any_connection_runs_first() {
    let server = FakeRedis::start().await.expect("starts");
    let address = server.address();
    let client = move || {
        let connect = || TcpStream::connect(address).expect("connects");
        let (mut first, mut second, mut third) = (connect(), connect(), connect());
        let mut reply = [0; 64];
        for round in 100_000..103_000 {
            let set = format!("SET n {round}\r\n");
            let eval = "EVAL \"return redis.call('incr', KEYS[1])\" 1 n\r\n";
            first.write_all(set.as_bytes()).expect("sends");
            second.write_all(eval.as_bytes()).expect("sends");
            third.write_all(b"GET n\r\n").expect("sends");
            let mut read = |stream: &mut TcpStream| {
                let count = stream.read(&mut reply).expect("answers");
                String::from_utf8_lossy(&reply[..count]).into_owned()
            };
            assert_eq!(read(&mut third), format!("$6\r\n{}\r\n", round + 1));
            assert_eq!(read(&mut second), format!(":{}\r\n", round + 1));
            assert_eq!(read(&mut first), "+OK\r\n");
        }
    };
    tokio::task::spawn_blocking(client).await.expect("in order");
}
