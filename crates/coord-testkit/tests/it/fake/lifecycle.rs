//! Starting and stopping.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use coord_testkit::FakeRedis;
use coord_testkit::fake_redis::Reply;

use super::wire::{Wire, settle};

/// Set where nothing else runs in the process.
const ALONE: &str = "COORD_TEST_ALONE";

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
    let alone = std::env::var_os(ALONE).is_some();
    let (more_threads, more_files) = if alone { (0, 0) } else { (99, 499) };
    let (threads_before, files_before) = before.expect("a thousand rounds");
    let (threads, files) = (threads(), files());
    assert!(threads <= threads_before + more_threads, "{threads} threads, {threads_before} before");
    assert!(files <= files_before + more_files, "{files} files, {files_before} before");
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
    assert_eq!(server.command(["GET", "n"]), Reply::bulk("8000"));
}

/// GET and SET in one script are one step, whoever else is at it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_script_that_gets_and_sets_loses_no_count() {
    const SCRIPT: &str =
        "return redis.call('SET', KEYS[1], (tonumber(redis.call('GET', KEYS[1])) or 0) + 1)";
    let server = FakeRedis::start().await.expect("starts");
    let client = redis::Client::open(server.url()).expect("a url");
    let patient = redis::AsyncConnectionConfig::new().set_response_timeout(None);
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let connecting = client.get_multiplexed_async_connection_with_config(&patient);
        let mut connection = connecting.await.expect("connects");
        tasks.push(tokio::spawn(async move {
            let script = redis::Script::new(SCRIPT);
            for _ in 0..250 {
                let () = script.key("n").invoke_async(&mut connection).await.expect("answers");
            }
        }));
    }
    for task in tasks {
        task.await.expect("no panic");
    }
    assert_eq!(server.command(["GET", "n"]), Reply::bulk("2000"));
}

/// The thousand once more, in a process in which nothing else runs: there the counts are exact.
#[test]
fn a_thousand_servers_leave_nothing_behind_in_a_process_of_their_own() {
    let own = std::env::current_exe().expect("this test is a file");
    let mut command = std::process::Command::new(own);
    command.args(["fake::lifecycle::a_thousand_servers_leave_nothing_behind", "--exact"]);
    let output = command.env(ALONE, "1").output().expect("runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// More than a real server promises, but suites of tests send here and look there.
#[tokio::test]
async fn what_arrives_first_on_any_connection_runs_first() {
    let server = FakeRedis::start().await.expect("starts");
    // A machine that gives a thread no time for five seconds makes no script busy.
    assert_eq!(server.command(["CONFIG", "SET", "busy-reply-threshold", "0"]), Reply::OK);
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

/// The one thread that the runtime has for blocking work is the client's, which waits for the script.
#[test]
fn scripts_need_no_thread_of_the_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let server = FakeRedis::start().await.expect("starts");
        let address = server.address();
        let client = move || {
            let mut stream = TcpStream::connect(address).expect("connects");
            stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time-out");
            stream
                .write_all(b"EVAL \"return redis.call('time')[1] + 1 > 0\" 0\r\n")
                .expect("sends");
            let mut reply = [0; 4];
            stream.read_exact(&mut reply).expect("answers");
            assert_eq!(&reply, b":1\r\n");
        };
        tokio::task::spawn_blocking(client).await.expect("is answered");
    });
}
