//! What a replica hears.

use coord_testkit::FakeRedis;
use coord_testkit::fake_redis::Reply;
use coord_testkit::server::{Frame, RealServer};

use super::wire::Wire;

/// A connection that follows from now on.
async fn follower(server: &FakeRedis) -> Wire {
    let mut wire = Wire::to(server);
    let length = wire.line("SYNC").await;
    let length = length.strip_prefix('$').and_then(|length| length.parse().ok());
    let file = wire.take(length.expect("the length of the data")).await;
    assert!(file.starts_with(b"REDIS0010"));
    wire
}

/// The next command that a follower gets, as words.
async fn heard(wire: &mut Wire) -> String {
    let count = wire.next_line().await;
    let count: usize = count.trim_start_matches('*').parse().expect("a count of words");
    let mut words = Vec::new();
    for _ in 0..count {
        let length = wire.next_line().await;
        let length: usize = length.trim_start_matches('$').parse().expect("a length");
        let word = wire.take(length + 2).await;
        words.push(String::from_utf8_lossy(&word).trim_end().to_owned());
    }
    words.join(" ")
}

/// Runs each line of `lines` before ` -> ` and expects what stands behind it, parted by ` ; `.
async fn check(server: &FakeRedis, wire: &mut Wire, lines: &str) {
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (command, effects) = line.split_once(" ->").expect("a command and its effects");
        let reply = server.command(command.split(' '));
        assert!(!reply.is_error(), "{command}: {reply:?}");
        for effect in effects.split(';').map(str::trim).filter(|effect| !effect.is_empty()) {
            let got = heard(wire).await;
            let fits = match effect.split_once('*') {
                Some((head, tail)) => got.starts_with(head) && got.ends_with(tail),
                None => got == effect,
            };
            assert!(fits, "{command}: heard {got:?}, not {effect:?}");
        }
    }
}

#[tokio::test]
async fn each_change_is_told_as_what_came_of_it() {
    let server = FakeRedis::start().await.expect("starts");
    let mut wire = follower(&server).await;
    check(
        &server,
        &mut wire,
        "SET a 1 -> SELECT 0 ; SET a 1
         GET a ->
         SET a 2 EX 100 -> SET a 2 PXAT *
         SET a 2 GET -> SET a 2
         GETEX a PX 100000 -> PEXPIREAT a *
         GETEX a PERSIST -> PERSIST a
         EXPIRE a 100 -> PEXPIREAT a *
         EXPIRE a -1 -> DEL a
         SETEX a 100 x -> SET a x PXAT *
         GETDEL a -> DEL a
         INCRBYFLOAT f 1.5 -> SET f 1.5 KEEPTTL
         HINCRBYFLOAT h x 1.5 -> HSET h x 1.5
         SADD s m -> SADD s m
         SPOP s -> SREM s m
         SADD s m n -> SADD s m n
         SPOP s 5 -> DEL s
         RPUSH l a b c d e f -> RPUSH l a b c d e f
         LMPOP 2 none l LEFT COUNT 2 -> LPOP l 2
         BLMPOP 0 1 l RIGHT -> RPOP l 1
         BLPOP none l 0 -> LPOP l
         BLMOVE l m LEFT RIGHT 0 -> LMOVE l m LEFT RIGHT
         BRPOPLPUSH l m 0 -> RPOPLPUSH l m
         ZADD z 1 a 2 b 3 c -> ZADD z 1 a 2 b 3 c
         ZMPOP 1 z MAX COUNT 2 -> ZPOPMAX z 2
         BZPOPMIN z 0 -> ZPOPMIN z
         XADD x 5-* f v -> XADD x 5-0 f v
         XADD x MAXLEN ~ 100 LIMIT 10 * f v -> XADD x MAXLEN = 2 * f v
         XGROUP CREATE x g 0 -> XGROUP CREATE x g 0
         XREADGROUP GROUP g c COUNT 1 STREAMS x > -> XCLAIM x g c 0 5-0 TIME * RETRYCOUNT 1 FORCE JUSTID LASTID 5-0
         XACK x g 5-0 -> XACK x g 5-0
         EVAL return{redis.call('INCR',KEYS[1]),redis.call('INCR',KEYS[1])} 1 n -> MULTI ; INCR n ; INCR n ; EXEC
         EVAL return(redis.call('INCR',KEYS[1])) 1 n -> INCR n
         PUBLISH nobody hears -> PUBLISH nobody hears
         FLUSHALL -> FLUSHALL
         SET end 1 -> SET end 1",
    )
    .await;
}

/// A transaction is told as one, in the databases it went through; a blocked client after it.
#[tokio::test]
async fn transactions_and_woken_clients_keep_their_order() {
    let server = FakeRedis::start().await.expect("starts");
    let mut wire = follower(&server).await;
    let (mut waiting, mut busy) = (Wire::to(&server), Wire::to(&server));
    waiting.send("BLPOP l 0").await;
    super::wire::settle(|| server.blocked_connections() == 1).await;
    for line in ["MULTI", "RPUSH l a b", "SELECT 1", "SET k v", "GET k", "EXEC"] {
        busy.line(line).await;
    }
    waiting.expect("*2|$1|l|$1|a|").await;
    for wanted in
        ["SELECT 0", "MULTI", "RPUSH l a b", "SELECT 1", "SET k v", "EXEC", "SELECT 0", "LPOP l"]
    {
        assert_eq!(heard(&mut wire).await, wanted);
    }
}

/// REPLICAOF makes a replica in name: it refuses writes, and sends those away who follow it.
#[tokio::test]
async fn a_replica_in_name_refuses_writes() {
    let server = FakeRedis::start().await.expect("starts");
    let mut wire = follower(&server).await;
    assert_eq!(server.command(["REPLICAOF", "127.0.0.1", "1"]), Reply::OK);
    wire.expect_end().await;
    let mut client = Wire::to(&server);
    assert!(client.line("SET a 1").await.starts_with("-READONLY "));
    client.ask("GET a", "$-1|").await;
    client.ask("CONFIG SET replica-serve-stale-data no", "+OK|").await;
    assert!(client.line("GET a").await.starts_with("-MASTERDOWN "));
    client.ask("REPLICAOF NO ONE", "+OK|").await;
    client.ask("SET a 1", "+OK|").await;
}

/// A real server follows the fake and ends with the same data.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_server_follows() {
    let server = FakeRedis::start().await.expect("starts");
    let run = |lines: &str| {
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            // A word may have blanks.
            let words = line.split(' ').map(|word| word.replace('_', " "));
            let reply = server.command(words.collect::<Vec<_>>());
            assert!(!reply.is_error(), "{line}: {reply:?}");
        }
    };
    let library = |name: &str, answer: u8| {
        let function = format!("function() return {answer} end, flags = {{'no-writes'}}");
        let code = format!(
            "#!lua name=lib_{name}\nredis.register_function{{function_name = '{name}', callback = {function}}}"
        );
        assert!(!server.command(["FUNCTION", "LOAD", &code]).is_error());
    };
    library("before", 7);
    run(WRITES);
    run("XADD marker 0-1 it follows");
    let port = server.address().port().to_string();
    let real = RealServer::builder().arg("--replicaof").arg("127.0.0.1").arg(port);
    let Some(real) = real.start_or_ignore("a_real_server_follows") else { return };
    let mut client = real.client().expect("connects");
    // Reading blocks until what is asked for has come.
    let mut comes = |after: &str| {
        (0..600).any(|_| {
            let read = client.call(&["XREAD", "BLOCK", "100", "STREAMS", "marker", after]);
            matches!(read, Ok(Frame::Array(_)))
        })
    };
    assert!(comes("0"), "the first data");
    run(WRITES);
    library("after", 8);
    run("XADD marker 1-1 is last");
    assert!(comes("0-1"), "the last write");
    let copy = FakeRedis::start().await.expect("starts");
    let Ok(Frame::Array(keys)) = client.call(&["KEYS", "*"]) else { panic!("no list of keys") };
    for key in keys {
        let Frame::Bulk(key) = key else { panic!("no key") };
        let Ok(Frame::Bulk(value)) = client.call(&[b"DUMP".as_slice(), &key]) else {
            panic!("no value")
        };
        let Ok(Frame::Integer(at)) = client.call(&[b"PEXPIRETIME".as_slice(), &key]) else {
            panic!("no time")
        };
        let at = at.max(0).to_string();
        let restore = [b"RESTORE", key.as_slice(), at.as_bytes(), &value, b"ABSTTL"];
        assert_eq!(copy.command(restore), Reply::OK);
    }
    let (own, its) = (server.command(["DEBUG", "DIGEST"]), copy.command(["DEBUG", "DIGEST"]));
    assert_eq!(
        own,
        its,
        "{:?} and {:?}",
        server.command(["KEYS", "*"]),
        copy.command(["KEYS", "*"])
    );
    for (name, answer) in [("before", 7), ("after", 8)] {
        let called = client.call(&["FCALL_RO", name, "0"]).expect("answers");
        assert_eq!(called, Frame::Integer(answer));
    }
}

/// Changes of every kind of value; run twice, before a replica comes and while it follows.
const WRITES: &str = "
    SET plain text
    SET timed text EX 1000
    SETRANGE plain 3 x
    APPEND plain more
    INCRBYFLOAT float 0.1
    SETBIT bits 70 1
    PFADD hll a b c
    RPUSH list a b c d e f g h
    LMPOP 1 list LEFT COUNT 2
    LMOVE list other LEFT RIGHT
    LINSERT other BEFORE c between
    SADD set 1 2 3 4 5 6
    SPOP set
    SPOP set 2
    SDIFFSTORE difference set none
    HSET hash a 1 b 2
    HINCRBYFLOAT hash a 0.5
    EXPIRE hash 500
    ZADD zset 1 a 2 b 3 c 4 d
    ZADD zset GT CH 9 a
    ZPOPMIN zset
    ZMPOP 1 zset MAX
    GEOADD geo 13.361389 38.115556 here
    XADD stream * a 1 b 2
    XADD stream MAXLEN ~ 1000 * a 1
    XGROUP DESTROY stream group
    XGROUP CREATE stream group 0
    XGROUP CREATECONSUMER stream group made
    XREADGROUP GROUP group consumer COUNT 1 STREAMS stream >
    XAUTOCLAIM stream group thief 0 0 COUNT 1
    COPY plain copied REPLACE
    RENAME copied renamed
    GETDEL renamed
    EVAL redis.call('SET',KEYS[1],redis.call('TIME')[1]) 1 scripted
    EVAL for_i=1,2_do_redis.call('SPOP',KEYS[1])_end 1 set
    MSET p 1 q 2
";

/// Replicas are a type of clients of their own.
#[tokio::test]
async fn replicas_are_listed_and_killed_by_their_type() {
    let server = FakeRedis::start().await.expect("starts");
    let mut wire = follower(&server).await;
    let Reply::Verbatim(_, info) = server.command(["INFO", "replication"]) else {
        panic!("no text")
    };
    let info = String::from_utf8_lossy(&info).into_owned();
    assert!(info.contains("connected_slaves:1\r\nslave0:ip="), "{info}");
    let killed = server.command(["CLIENT", "KILL", "TYPE", "replica"]);
    assert_eq!(killed, Reply::Integer(1));
    wire.expect_end().await;
}
