//! Several nodes with shared slots.

use coord_testkit::FakeRedis;
use coord_testkit::fake_redis::Reply;
use redis::AsyncCommands;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends inline lines to one node and returns everything it says to them.
async fn at_node(cluster: &FakeRedis, node: usize, lines: &str) -> String {
    let mut stream = TcpStream::connect(cluster.addresses()[node]).await.expect("connects");
    stream.write_all(format!("{lines}\r\nQUIT\r\n").as_bytes()).await.expect("writes");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.expect("reads");
    reply.trim_end_matches("+OK\r\n").trim_end().to_owned()
}

#[tokio::test]
async fn a_cluster_client_finds_its_way() {
    let cluster = FakeRedis::cluster(3).await.expect("starts");
    let client = redis::cluster::ClusterClient::new(cluster.node_urls()).expect("urls");
    let mut connection = client.get_async_connection().await.expect("connects");
    for number in 0..100 {
        let () = connection.set(format!("key:{number}"), number).await.expect("sets");
    }
    for number in 0..100 {
        let value: i64 = connection.get(format!("key:{number}")).await.expect("gets");
        assert_eq!(value, number);
    }
    let mut sizes = 0;
    for node in 0..3 {
        let reply = at_node(&cluster, node, "DBSIZE").await;
        let size: i64 = reply[1..].parse().expect("a number");
        assert!(size > 10, "node {node} has {size}");
        sizes += size;
    }
    assert_eq!(sizes, 100);
    assert!(cluster.log().iter().all(|command| command.name() != "asking"));
}

#[tokio::test]
async fn slots_are_checked() {
    let cluster = FakeRedis::cluster(3).await.expect("starts");
    let port = cluster.addresses()[2].port();
    assert_eq!(FakeRedis::slot("foo"), 12_182);
    assert_eq!(at_node(&cluster, 0, "GET foo").await, format!("-MOVED 12182 127.0.0.1:{port}"));
    assert_eq!(at_node(&cluster, 2, "GET foo").await, "$-1");
    assert_eq!(
        at_node(&cluster, 2, "MGET foo bar").await,
        "-CROSSSLOT Keys in request don't hash to the same slot"
    );
    assert_eq!(at_node(&cluster, 2, "MGET {foo}1 {foo}2").await, "*2\r\n$-1\r\n$-1");
    assert_eq!(
        at_node(&cluster, 0, "SELECT 1").await,
        "-ERR SELECT is not allowed in cluster mode"
    );
    assert_eq!(at_node(&cluster, 0, "CLUSTER KEYSLOT {foo}x").await, ":12182");
    let aborted = at_node(&cluster, 0, "MULTI\r\nGET foo\r\nEXEC").await;
    assert!(
        aborted.ends_with("-EXECABORT Transaction discarded because of previous errors."),
        "{aborted}"
    );
}

#[tokio::test]
async fn a_slot_moves_step_by_step() {
    let cluster = FakeRedis::cluster(2).await.expect("starts");
    let slot = FakeRedis::slot("{t}a");
    let from = cluster.slot_owner(slot).expect("an owner");
    let to = 1 - from;
    for key in ["{t}a", "{t}b"] {
        assert_eq!(cluster.command(["SET", key, "1"]), Reply::OK);
    }
    assert!(cluster.begin_slot_migration(slot, to));
    assert_eq!(at_node(&cluster, from, "GET {t}a").await, "$1\r\n1");
    assert!(cluster.migrate_key("{t}a"));
    let ports = [cluster.addresses()[0].port(), cluster.addresses()[1].port()];
    assert_eq!(
        at_node(&cluster, from, "GET {t}a").await,
        format!("-ASK {slot} 127.0.0.1:{}", ports[to])
    );
    assert_eq!(at_node(&cluster, from, "GET {t}b").await, "$1\r\n1");
    let split = "-TRYAGAIN Multiple keys request during rehashing of slot";
    assert_eq!(at_node(&cluster, from, "MGET {t}a {t}b").await, split);
    assert_eq!(
        at_node(&cluster, to, "GET {t}a").await,
        format!("-MOVED {slot} 127.0.0.1:{}", ports[from])
    );
    assert_eq!(at_node(&cluster, to, "ASKING\r\nGET {t}a").await, "+OK\r\n$1\r\n1");
    assert_eq!(at_node(&cluster, to, "ASKING\r\nMGET {t}a {t}b").await, format!("+OK\r\n{split}"));
    let client = redis::cluster::ClusterClient::new(cluster.node_urls()).expect("urls");
    let mut connection = client.get_async_connection().await.expect("connects");
    let value: i64 = connection.get("{t}a").await.expect("follows ASK");
    assert_eq!(value, 1);
    assert!(cluster.finish_slot_migration(slot));
    assert_eq!(at_node(&cluster, to, "MGET {t}a {t}b").await, "*2\r\n$1\r\n1\r\n$1\r\n1");
    assert_eq!(
        at_node(&cluster, from, "GET {t}b").await,
        format!("-MOVED {slot} 127.0.0.1:{}", ports[to])
    );
    let value: i64 = connection.get("{t}b").await.expect("follows MOVED");
    assert_eq!(value, 1);
}

#[tokio::test]
async fn a_standalone_server_has_no_cluster() {
    let server = FakeRedis::start().await.expect("starts");
    let error = Reply::Error("ERR This instance has cluster support disabled".into());
    assert_eq!(server.command(["CLUSTER", "INFO"]), error);
    assert_eq!(server.command(["ASKING"]), error);
    assert!(!server.begin_slot_migration(1, 0));
    assert_eq!(server.slot_owner(1), None);
}
