//! Waiting clients: order, time-outs, CLIENT UNBLOCK, CLIENT PAUSE.

use std::time::Duration;

use coord_testkit::FakeRedis;
use coord_testkit::fake_redis::{Clock, Reply};

use super::wire::{Wire, settle};

async fn manual() -> FakeRedis {
    FakeRedis::builder()
        .clock(Clock::manual(Duration::from_secs(1_000_000)))
        .start()
        .await
        .expect("starts")
}

#[tokio::test]
async fn the_first_to_wait_is_the_first_to_be_served() {
    let server = manual().await;
    let mut first = Wire::to(&server);
    first.send("BLPOP q 0").await;
    settle(|| server.blocked_connections() == 1).await;
    let mut second = Wire::to(&server);
    second.send("BLPOP other q 0").await;
    settle(|| server.blocked_connections() == 2).await;
    assert_eq!(server.command(["RPUSH", "q", "a", "b", "c"]), Reply::Integer(3));
    first.expect("*2|$1|q|$1|a|").await;
    second.expect("*2|$1|q|$1|b|").await;
    assert_eq!(server.command(["LLEN", "q"]), Reply::Integer(1));
}

#[tokio::test]
async fn what_is_gone_at_the_end_of_a_transaction_serves_nobody() {
    let server = manual().await;
    let mut waiting = Wire::to(&server);
    waiting.send("BLPOP q 5").await;
    settle(|| server.blocked_connections() == 1).await;
    let mut wire = Wire::to(&server);
    wire.ask("MULTI", "+OK|").await;
    wire.ask("RPUSH q x", "+QUEUED|").await;
    wire.ask("DEL q", "+QUEUED|").await;
    wire.ask("EXEC", "*2|:1|:1|").await;
    assert_eq!(server.command(["SET", "q", "text"]), Reply::OK);
    assert_eq!(server.blocked_connections(), 1);
    server.advance(Duration::from_millis(4_999));
    assert_eq!(server.blocked_connections(), 1);
    server.advance(Duration::from_millis(1));
    waiting.expect("*-1|").await;
}

#[tokio::test]
async fn a_client_that_leaves_is_not_served() {
    let server = manual().await;
    let mut waiting = Wire::to(&server);
    waiting.send("BLPOP q 0").await;
    settle(|| server.blocked_connections() == 1).await;
    drop(waiting);
    settle(|| server.connections() == 0).await;
    assert_eq!(server.command(["RPUSH", "q", "x"]), Reply::Integer(1));
    assert_eq!(server.command(["LLEN", "q"]), Reply::Integer(1));
}

#[tokio::test]
async fn unblock_answers_as_asked() {
    let server = manual().await;
    for (how, reply) in
        [("TIMEOUT", "*-1|"), ("ERROR", "-UNBLOCKED client unblocked via CLIENT UNBLOCK|")]
    {
        let mut waiting = Wire::to(&server);
        waiting.send("CLIENT ID").await;
        let id = server.command(["CLIENT", "ID"]);
        let Reply::Integer(id) = id else { panic!("{id:?}") };
        let _ = id;
        waiting.send("BLPOP q 0").await;
        settle(|| server.blocked_connections() == 1).await;
        let blocked = server
            .log()
            .iter()
            .rev()
            .find(|command| command.name() == "blpop")
            .map(|command| command.connection);
        let blocked = blocked.expect("it was logged");
        waiting.expect(&format!(":{blocked}|")).await;
        assert_eq!(
            server.command(["CLIENT", "UNBLOCK", &blocked.to_string(), how]),
            Reply::Integer(1)
        );
        waiting.expect(reply).await;
    }
}

#[tokio::test]
async fn a_pause_holds_back_writes_until_it_ends() {
    let server = manual().await;
    let mut wire = Wire::to(&server);
    wire.ask("CLIENT PAUSE 1000 WRITE", "+OK|").await;
    wire.ask("GET k", "$-1|").await;
    wire.send_raw(b"SET k 1\r\nGET k\r\n").await;
    let mut other = Wire::to(&server);
    other.ask("PING", "+PONG|").await;
    assert_eq!(server.command(["GET", "k"]), Reply::Null);
    server.advance(Duration::from_secs(1));
    wire.expect("+OK|$1|1|").await;
    wire.ask("CLIENT PAUSE 100000", "+OK|").await;
    wire.send("PING").await;
    assert_eq!(server.command(["CLIENT", "UNPAUSE"]), Reply::OK);
    wire.expect("+PONG|").await;
}
