//! CLIENT TRACKING.

use coord_testkit::FakeRedis;
use coord_testkit::fake_redis::Reply;

use super::wire::Wire;

const HELLO: &str = "%7|$6|server|$5|redis|$7|version|$6|7.0.15|$5|proto|:3|$2|id|:1|$4|mode|$10|standalone|$4|role|$6|master|$7|modules|*0|";

#[tokio::test]
async fn a_key_that_was_read_is_invalidated_once() {
    let server = FakeRedis::start().await.expect("starts");
    let mut wire = Wire::to(&server);
    wire.ask("HELLO 3", HELLO).await;
    wire.ask("CLIENT TRACKING ON", "+OK|").await;
    wire.ask("GET k", "_|").await;
    for _ in 0..2 {
        assert_eq!(server.command(["SET", "k", "1"]), Reply::OK);
    }
    wire.expect(">2|$10|invalidate|*1|$1|k|").await;
    wire.ask("PING", "+PONG|").await;
    assert_eq!(server.command(["FLUSHALL"]), Reply::OK);
    wire.expect(">2|$10|invalidate|_|").await;
}

#[tokio::test]
async fn broadcast_tells_prefixes_and_may_leave_out_oneself() {
    let server = FakeRedis::start().await.expect("starts");
    let mut wire = Wire::to(&server);
    wire.ask("HELLO 3", HELLO).await;
    wire.ask("CLIENT TRACKING ON BCAST PREFIX a: NOLOOP", "+OK|").await;
    wire.ask("SET a:1 x", "+OK|").await;
    assert_eq!(server.command(["MSET", "a:2", "x", "b:1", "x"]), Reply::OK);
    wire.expect(">2|$10|invalidate|*1|$3|a:2|").await;
    wire.ask("CLIENT TRACKING OFF", "+OK|").await;
    assert_eq!(server.command(["SET", "a:1", "y"]), Reply::OK);
    wire.ask("PING", "+PONG|").await;
}

#[tokio::test]
async fn broadcast_sends_one_message_for_each_prefix() {
    let server = FakeRedis::start().await.expect("starts");
    let mut wire = Wire::to(&server);
    wire.ask("HELLO 3", HELLO).await;
    wire.ask("CLIENT TRACKING ON BCAST PREFIX a: PREFIX b:", "+OK|").await;
    assert_eq!(server.command(["MSET", "b:1", "x", "a:2", "x", "a:1", "x"]), Reply::OK);
    wire.expect(">2|$10|invalidate|*2|$3|a:1|$3|a:2|").await;
    wire.expect(">2|$10|invalidate|*1|$3|b:1|").await;
}

#[tokio::test]
async fn keys_are_invalidated_in_the_order_of_their_change() {
    let server = FakeRedis::start().await.expect("starts");
    let mut wire = Wire::to(&server);
    wire.ask("HELLO 3", HELLO).await;
    wire.ask("CLIENT TRACKING ON", "+OK|").await;
    wire.ask("MGET a b", "*2|_|_|").await;
    assert_eq!(server.command(["MSET", "b", "x", "a", "x"]), Reply::OK);
    wire.expect(">2|$10|invalidate|*1|$1|b|>2|$10|invalidate|*1|$1|a|").await;
}

#[tokio::test]
async fn a_script_that_reads_tracks_all_its_keys() {
    let server = FakeRedis::start().await.expect("starts");
    let mut wire = Wire::to(&server);
    wire.ask("HELLO 3", HELLO).await;
    wire.ask("CLIENT TRACKING ON", "+OK|").await;
    wire.ask("EVAL redis.call('set',KEYS[1],1) 2 a b", "_|").await;
    assert_eq!(server.command(["SET", "b", "x"]), Reply::OK);
    wire.ask("EVAL redis.call('get',KEYS[1]) 2 a b", "_|").await;
    assert_eq!(server.command(["SET", "b", "y"]), Reply::OK);
    wire.expect(">2|$10|invalidate|*1|$1|b|").await;
}

#[tokio::test]
async fn a_full_table_forgets_keys_aloud() {
    let server = FakeRedis::start().await.expect("starts");
    let mut wire = Wire::to(&server);
    wire.ask("HELLO 3", HELLO).await;
    wire.ask("CLIENT TRACKING ON", "+OK|").await;
    wire.ask("MGET a b", "*2|_|_|").await;
    assert_eq!(server.command(["CONFIG", "SET", "tracking-table-max-keys", "1"]), Reply::OK);
    wire.expect(">2|$10|invalidate|*1|$1|a|").await;
}

#[tokio::test]
async fn what_is_read_after_its_change_goes_on_being_tracked() {
    let server = FakeRedis::start().await.expect("starts");
    let mut wire = Wire::to(&server);
    wire.ask("HELLO 3", HELLO).await;
    wire.ask("CLIENT TRACKING ON", "+OK|").await;
    wire.ask("EVAL redis.call('set',KEYS[1],1)redis.call('get',KEYS[1]) 1 k", "_|").await;
    wire.ask("PING", "+PONG|").await;
    assert_eq!(server.command(["SET", "k", "2"]), Reply::OK);
    wire.expect(">2|$10|invalidate|*1|$1|k|").await;
}
