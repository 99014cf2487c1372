//! MULTI, EXEC and WATCH.

use std::time::Duration;

use coord_testkit::FakeRedis;
use coord_testkit::fake_redis::{Clock, Reply};

use super::wire::Wire;

#[tokio::test]
async fn queued_commands_run_together() {
    let server = FakeRedis::start().await.expect("starts");
    let mut wire = Wire::to(&server);
    wire.ask("MULTI", "+OK|").await;
    wire.ask("SET a 1", "+QUEUED|").await;
    wire.ask("LPUSH a 1", "+QUEUED|").await;
    wire.ask("INCR a", "+QUEUED|").await;
    wire.ask("MULTI", "-ERR MULTI calls can not be nested|").await;
    wire.ask(
        "EXEC",
        "*3|+OK|-WRONGTYPE Operation against a key holding the wrong kind of value|:2|",
    )
    .await;
    wire.ask("EXEC", "-ERR EXEC without MULTI|").await;
    wire.ask("DISCARD", "-ERR DISCARD without MULTI|").await;
}

#[tokio::test]
async fn a_refused_command_aborts_the_transaction() {
    let server = FakeRedis::start().await.expect("starts");
    let mut wire = Wire::to(&server);
    wire.ask("MULTI", "+OK|").await;
    wire.ask("SET a 1", "+QUEUED|").await;
    wire.ask("GET", "-ERR wrong number of arguments for 'get' command|").await;
    wire.ask("EXEC", "-EXECABORT Transaction discarded because of previous errors.|").await;
    wire.ask("EXISTS a", ":0|").await;
}

#[tokio::test]
async fn watch_sees_every_kind_of_change() {
    let server = FakeRedis::start().await.expect("starts");
    let mut wire = Wire::to(&server);
    let mut other = Wire::to(&server);
    for (change, aborts) in [
        ("SET watched 2", true),
        ("DEL watched", true),
        ("EXPIRE watched 100", true),
        ("FLUSHALL", true),
        ("RENAME watched gone", true),
        ("SWAPDB 0 1", true),
        ("SET other 1", false),
        ("GET watched", false),
    ] {
        assert_eq!(server.command(["FLUSHALL"]), Reply::OK);
        wire.ask("SET watched 1", "+OK|").await;
        wire.ask("WATCH watched", "+OK|").await;
        other.send(change).await;
        let log = || server.log().last().map(|command| command.line());
        super::wire::settle(|| log().as_deref() == Some(change)).await;
        wire.ask("MULTI", "+OK|").await;
        wire.ask("PING", "+QUEUED|").await;
        wire.ask("EXEC", if aborts { "*-1|" } else { "*1|+PONG|" }).await;
    }
}

#[tokio::test]
async fn a_watched_key_that_expires_aborts() {
    let server = FakeRedis::builder()
        .clock(Clock::manual(Duration::from_secs(1_000_000)))
        .start()
        .await
        .expect("starts");
    let mut wire = Wire::to(&server);
    wire.ask("SET a 1 PX 1000", "+OK|").await;
    wire.ask("WATCH a", "+OK|").await;
    server.advance(Duration::from_secs(2));
    wire.ask("MULTI", "+OK|").await;
    wire.ask("PING", "+QUEUED|").await;
    wire.ask("EXEC", "*-1|").await;
}

#[tokio::test]
async fn a_key_past_its_time_when_watched_does_not_abort() {
    let clock = Clock::manual(Duration::from_secs(1_000_000));
    let server = FakeRedis::builder().clock(clock).start().await.expect("starts");
    assert_eq!(server.command(["DEBUG", "SET-ACTIVE-EXPIRE", "0"]), Reply::OK);
    let mut wire = Wire::to(&server);
    wire.ask("SET a 1 PX 1000", "+OK|").await;
    server.advance(Duration::from_secs(2));
    wire.ask("WATCH a", "+OK|").await;
    assert_eq!(server.command(["GET", "a"]), Reply::Null);
    wire.ask("MULTI", "+OK|").await;
    wire.ask("PING", "+QUEUED|").await;
    wire.ask("EXEC", "*1|+PONG|").await;
}

/// A sleep ends inside its transaction, but never moves the time of a script.
#[tokio::test]
async fn a_sleep_moves_the_time_of_a_transaction_and_of_no_script() {
    let clock = Clock::manual(Duration::from_secs(1_800_000_000));
    let server = FakeRedis::builder().clock(clock).start().await.expect("starts");
    let mut wire = Wire::to(&server);
    for line in ["MULTI", "SET key value PX 100", "DEBUG SLEEP 0.2", "EXISTS key", "EXEC"] {
        wire.send(line).await;
    }
    wire.expect("+OK|+QUEUED|+QUEUED|+QUEUED|*3|+OK|+OK|:0|").await;
    wire.ask("DEBUG SET-DISABLE-DENY-SCRIPTS 1", "+OK|").await;
    wire.send("EVAL redis.call('SET',KEYS[1],1,'PX',100)redis.call('DEBUG','SLEEP','0.2')return(redis.call('EXISTS',KEYS[1])) 1 key").await;
    wire.expect(":1|").await;
}
