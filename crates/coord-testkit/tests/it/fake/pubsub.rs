//! Channels, patterns and sharded channels.

use coord_testkit::FakeRedis;

use super::wire::Wire;

#[tokio::test]
async fn messages_reach_channels_and_patterns() {
    let server = FakeRedis::start().await.expect("starts");
    let mut listener = Wire::to(&server);
    listener.ask("SUBSCRIBE a b", "*3|$9|subscribe|$1|a|:1|*3|$9|subscribe|$1|b|:2|").await;
    listener.ask("PSUBSCRIBE a*", "*3|$10|psubscribe|$2|a*|:3|").await;
    let mut sender = Wire::to(&server);
    sender.ask("PUBLISH a x", ":2|").await;
    listener.expect("*3|$7|message|$1|a|$1|x|*4|$8|pmessage|$2|a*|$1|a|$1|x|").await;
    sender.ask("PUBLISH c x", ":0|").await;
    sender.ask("PUBSUB CHANNELS", "*2|$1|a|$1|b|").await;
    sender.ask("PUBSUB NUMSUB a z", "*4|$1|a|:1|$1|z|:0|").await;
    sender.ask("PUBSUB NUMPAT", ":1|").await;
    listener.ask("UNSUBSCRIBE a", "*3|$11|unsubscribe|$1|a|:2|").await;
    listener.ask("UNSUBSCRIBE", "*3|$11|unsubscribe|$1|b|:1|").await;
    listener.ask("PUNSUBSCRIBE", "*3|$12|punsubscribe|$2|a*|:0|").await;
    listener.ask("UNSUBSCRIBE", "*3|$11|unsubscribe|$-1|:0|").await;
    listener.ask("ECHO free", "$4|free|").await;
}

#[tokio::test]
async fn a_resp2_subscriber_is_restricted_a_resp3_one_is_not() {
    let server = FakeRedis::start().await.expect("starts");
    let mut old = Wire::to(&server);
    old.ask("SUBSCRIBE a", "*3|$9|subscribe|$1|a|:1|").await;
    old.ask("GET k", "-ERR Can't execute 'get': only (P||S)SUBSCRIBE / (P||S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context|").await;
}

#[tokio::test]
async fn a_resp3_subscriber_goes_on_working() {
    let server = FakeRedis::start().await.expect("starts");
    let mut new = Wire::to(&server);
    new.send("HELLO 3").await;
    new.expect("%7|$6|server|$5|redis|$7|version|$6|7.0.15|$5|proto|:3|$2|id|:1|$4|mode|$10|standalone|$4|role|$6|master|$7|modules|*0|").await;
    new.ask("SUBSCRIBE a", ">3|$9|subscribe|$1|a|:1|").await;
    new.ask("GET k", "_|").await;
    new.ask("PUBLISH a hi", ">3|$7|message|$1|a|$2|hi|:1|").await;
}

#[tokio::test]
async fn sharded_channels_are_apart() {
    let server = FakeRedis::start().await.expect("starts");
    let mut listener = Wire::to(&server);
    listener.ask("SSUBSCRIBE a", "*3|$10|ssubscribe|$1|a|:1|").await;
    let mut sender = Wire::to(&server);
    sender.ask("PUBLISH a x", ":0|").await;
    sender.ask("SPUBLISH a y", ":1|").await;
    listener.expect("*3|$8|smessage|$1|a|$1|y|").await;
    sender.ask("PUBSUB SHARDCHANNELS", "*1|$1|a|").await;
}
