//! Streams on the fake's own clock; replies as Redis 7.0 gives them are compared elsewhere.

use std::time::Duration;

use coord_testkit::FakeRedis;
use coord_testkit::fake_redis::{Clock, Reply};

use super::wire::{Wire, settle};

async fn at(seconds: u64) -> FakeRedis {
    let clock = Clock::manual(Duration::from_secs(seconds));
    FakeRedis::builder().clock(clock).start().await.expect("starts")
}

#[tokio::test]
async fn identifiers_follow_the_clock() {
    let server = at(1_000).await;
    let add = || server.command(["XADD", "s", "*", "f", "v"]);
    assert_eq!(add(), Reply::bulk("1000000-0"));
    assert_eq!(add(), Reply::bulk("1000000-1"));
    server.advance(Duration::from_millis(7));
    assert_eq!(add(), Reply::bulk("1000007-0"));
    assert_eq!(server.command(["XADD", "s", "2000000-5", "f", "v"]), Reply::bulk("2000000-5"));
    // The last entry is ahead of the clock: its time stays.
    assert_eq!(add(), Reply::bulk("2000000-6"));
}

#[tokio::test]
async fn a_pending_entry_can_be_claimed_after_exactly_its_idle_time() {
    let server = at(1_000).await;
    let mut client = Wire::to(&server);
    client.ask("XADD s 1-1 f v", "$3|1-1|").await;
    client.ask("XGROUP CREATE s g 0", "+OK|").await;
    let entry = "*2|$3|1-1|*2|$1|f|$1|v|";
    let first = format!("*1|*2|$1|s|*1|{entry}");
    client.ask("XREADGROUP GROUP g a STREAMS s >", &first).await;
    server.advance(Duration::from_millis(29_999));
    client.ask("XAUTOCLAIM s g b 30000 0", "*3|$3|0-0|*0|*0|").await;
    client.ask("XPENDING s g - + 9", "*1|*4|$3|1-1|$1|a|:29999|:1|").await;
    server.advance(Duration::from_millis(1));
    client.ask("XAUTOCLAIM s g b 30000 0", &format!("*3|$3|0-0|*1|{entry}*0|")).await;
    client.ask("XPENDING s g - + 9", "*1|*4|$3|1-1|$1|b|:0|:2|").await;
    client.ask("XACK s g 1-1", ":1|").await;
    client.ask("XPENDING s g", "*4|:0|$-1|$-1|*-1|").await;
}

#[tokio::test]
async fn a_reader_waits_for_what_is_added_after_it_came() {
    let server = at(1_000).await;
    let mut reader = Wire::to(&server);
    let mut writer = Wire::to(&server);
    writer.ask("XADD s 1-1 f old", "$3|1-1|").await;
    reader.send("XREAD BLOCK 500 STREAMS s t $ $").await;
    settle(|| server.blocked_connections() == 1).await;
    writer.ask("XADD s 2-1 f new", "$3|2-1|").await;
    reader.expect("*1|*2|$1|s|*1|*2|$3|2-1|*2|$1|f|$3|new|").await;
    reader.send("XREAD BLOCK 500 STREAMS s $").await;
    settle(|| server.blocked_connections() == 1).await;
    server.advance(Duration::from_millis(501));
    reader.expect("*-1|").await;
}

#[tokio::test]
async fn one_consumer_gets_an_entry_and_a_lost_group_is_told() {
    let server = at(1_000).await;
    let (mut one, mut two, mut writer) = (Wire::to(&server), Wire::to(&server), Wire::to(&server));
    writer.ask("XGROUP CREATE s g $ MKSTREAM", "+OK|").await;
    one.send("XREADGROUP GROUP g a COUNT 1 BLOCK 0 STREAMS s >").await;
    settle(|| server.blocked_connections() == 1).await;
    two.send("XREADGROUP GROUP g b COUNT 1 BLOCK 0 STREAMS s >").await;
    settle(|| server.blocked_connections() == 2).await;
    writer.ask("XADD s 1-1 f v", "$3|1-1|").await;
    // Who came first is served first.
    one.expect("*1|*2|$1|s|*1|*2|$3|1-1|*2|$1|f|$1|v|").await;
    assert_eq!(server.blocked_connections(), 1);
    writer.ask("XGROUP DESTROY s g", ":1|").await;
    two.expect("-NOGROUP the consumer group this client was blocked on no longer exists|").await;
    writer.ask("XGROUP CREATE s g $", "+OK|").await;
    two.send("XREADGROUP GROUP g b BLOCK 0 STREAMS s >").await;
    settle(|| server.blocked_connections() == 1).await;
    writer.ask("DEL s", ":1|").await;
    two.expect("-UNBLOCKED the stream key no longer exists|").await;
}
