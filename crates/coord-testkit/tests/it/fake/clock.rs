//! One clock for TIME, expiry and time-outs.

use std::time::Duration;

use coord_testkit::FakeRedis;
use coord_testkit::fake_redis::{Clock, Reply};

use super::wire::{Wire, settle};

#[tokio::test]
async fn a_manual_clock_moves_everything_together() {
    let server = FakeRedis::builder()
        .clock(Clock::manual(Duration::from_secs(1_000)))
        .start()
        .await
        .expect("starts");
    assert_eq!(server.command(["TIME"]), Reply::bulks(["1000", "0"]));
    assert_eq!(server.command(["SET", "k", "v", "PX", "500"]), Reply::OK);
    let mut waiting = Wire::to(&server);
    waiting.send("BLPOP q 0.25").await;
    settle(|| server.blocked_connections() == 1).await;
    server.advance(Duration::from_micros(250_001));
    waiting.expect("*-1|").await;
    assert_eq!(server.command(["TIME"]), Reply::bulks(["1000", "250001"]));
    assert_eq!(server.command(["PTTL", "k"]), Reply::Integer(250));
    server.advance(Duration::from_millis(250));
    assert_eq!(server.command(["GET", "k"]), Reply::bulk("v"));
    server.advance(Duration::from_millis(1));
    assert_eq!(server.command(["GET", "k"]), Reply::Null);
    assert_eq!(server.command(["DBSIZE"]), Reply::Integer(0));
}

#[tokio::test(start_paused = true)]
async fn tokio_time_is_followed() {
    let server = FakeRedis::builder().clock(Clock::tokio()).start().await.expect("starts");
    let started = tokio::time::Instant::now();
    let mut waiting = Wire::to(&server);
    waiting.patience = Duration::from_secs(7200);
    assert_eq!(server.command(["SET", "k", "v", "EX", "3600"]), Reply::OK);
    waiting.ask("BLPOP q 3601", "*-1|").await;
    assert!(started.elapsed() >= Duration::from_secs(3601), "{:?}", started.elapsed());
    assert!(started.elapsed() < Duration::from_secs(3602), "{:?}", started.elapsed());
    assert_eq!(server.command(["EXISTS", "k"]), Reply::Integer(0));
}

/// An idle server must not have timers: with a paused clock they would make time run.
#[tokio::test(start_paused = true)]
async fn an_idle_server_does_not_move_paused_time() {
    let server = FakeRedis::start().await.expect("starts");
    let client = redis::Client::open(server.url()).expect("a url");
    let mut connection = client.get_multiplexed_async_connection().await.expect("connects");
    let started = tokio::time::Instant::now();
    for _ in 0..500 {
        let () = redis::cmd("PING").query_async(&mut connection).await.expect("answers");
    }
    assert_eq!(started.elapsed(), Duration::ZERO);
}
