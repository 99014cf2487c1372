//! A watched master and its failover.

use coord_testkit::FakeRedis;
use coord_testkit::fake_redis::{Fault, Reply};
use redis::AsyncCommands;
use redis::sentinel::{SentinelClient, SentinelNodeConnectionInfo, SentinelServerType};

fn client(server: &FakeRedis) -> SentinelClient {
    let urls = vec![server.sentinel_url().expect("a sentinel")];
    SentinelClient::build(
        urls,
        String::from(server.master_name()),
        None::<SentinelNodeConnectionInfo>,
        SentinelServerType::Master,
    )
    .expect("a url")
}

#[tokio::test]
async fn a_sentinel_client_follows_the_master() {
    let server = FakeRedis::sentinel().await.expect("starts");
    let mut client = client(&server);
    let mut connection = client.get_async_connection().await.expect("connects");
    let () = connection.set("kept", 1).await.expect("sets");
    let () = connection.set("lost", 1).await.expect("sets");
    let old = server.master_address();
    assert_eq!(server.fail_over(1), 1);
    assert_ne!(server.master_address(), old);
    let refused = connection.set::<_, _, ()>("more", 1).await.expect_err("a replica");
    assert_eq!(refused.code(), Some("READONLY"));
    let mut connection = client.get_async_connection().await.expect("connects");
    let () = connection.set("more", 1).await.expect("sets");
    let kept: Vec<Option<i64>> = connection.mget(&["kept", "lost", "more"]).await.expect("gets");
    assert_eq!(kept, [Some(1), None, Some(1)]);
}

#[tokio::test]
async fn a_crashed_master_is_unreachable_until_it_comes_back_as_replica() {
    let server = FakeRedis::sentinel().await.expect("starts");
    let mut sentinel = client(&server);
    let mut connection = sentinel.get_async_connection().await.expect("connects");
    let () = connection.set("a", 1).await.expect("sets");
    assert_eq!(server.crash_master(0), 0);
    assert!(connection.get::<_, i64>("a").await.is_err());
    let mut connection = sentinel.get_async_connection().await.expect("connects");
    let value: i64 = connection.get("a").await.expect("gets");
    assert_eq!(value, 1);
    assert_eq!(server.command(["WAIT", "1", "1"]), Reply::Integer(0));
    server.revive();
    assert_eq!(server.command(["WAIT", "1", "1"]), Reply::Integer(1));
}

#[tokio::test]
async fn a_fault_fails_over_in_the_middle() {
    let server = FakeRedis::sentinel().await.expect("starts");
    server.inject(Fault::fail_over(1).command("INCRBY").nth(3).times(1));
    let mut sentinel = client(&server);
    let mut connection = sentinel.get_async_connection().await.expect("connects");
    for wanted in 1..=2 {
        let value: i64 = connection.incr("n", 1).await.expect("counts");
        assert_eq!(value, wanted);
    }
    assert!(connection.incr::<_, _, i64>("n", 1).await.is_err());
    let mut connection = sentinel.get_async_connection().await.expect("connects");
    let value: i64 = connection.incr("n", 1).await.expect("counts");
    assert_eq!(value, 2);
}
