//! Faults as rules.

use std::time::Duration;

use coord_testkit::FakeRedis;
use coord_testkit::fake_redis::{Clock, Fault, Reply};

use super::wire::{Wire, settle};

#[tokio::test]
async fn a_rule_picks_by_command_key_and_turn() {
    let server = FakeRedis::start().await.expect("starts");
    let fault = server.inject(Fault::read_only().command("set").key("b").nth(2).times(1));
    let mut wire = Wire::to(&server);
    wire.ask("SET b 1", "+OK|").await;
    wire.ask("SET a 1", "+OK|").await;
    wire.ask("SET b 2", "-READONLY You can't write against a read only replica.|").await;
    wire.ask("GET b", "$1|1|").await;
    wire.ask("SET b 3", "+OK|").await;
    assert_eq!(server.fired(fault), 1);
    assert!(server.heal(fault));
    assert!(!server.heal(fault));
}

#[tokio::test]
async fn a_probability_repeats_with_its_seed() {
    let mut histories = Vec::new();
    for _ in 0..2 {
        let server = FakeRedis::builder().seed(7).start().await.expect("starts");
        server.inject(Fault::busy().command("PING").probability(0.5));
        let history: Vec<bool> = (0..64).map(|_| server.command(["PING"]).is_error()).collect();
        let failures = history.iter().filter(|failed| **failed).count();
        assert!((16..=48).contains(&failures), "{failures} of 64");
        histories.push(history);
    }
    assert_eq!(histories[0], histories[1]);
}

#[tokio::test]
async fn the_connection_is_lost_before_or_after() {
    let server = FakeRedis::start().await.expect("starts");
    for (fault, value) in [(Fault::drop_before_executing(), 0), (Fault::execute_then_drop(), 1)] {
        server.inject(fault.command("INCR").times(1));
        let _deleted = server.command(["DEL", "n"]);
        let mut wire = Wire::to(&server);
        wire.send("INCR n").await;
        wire.expect_end().await;
        assert_eq!(server.command(["EXISTS", "n"]), Reply::Integer(value));
        server.heal_all();
    }
}

#[tokio::test]
async fn a_reply_is_cut_or_never_comes() {
    let server = FakeRedis::start().await.expect("starts");
    server.inject(Fault::partial_reply(4).command("ECHO"));
    let mut wire = Wire::to(&server);
    wire.send("ECHO hello").await;
    assert_eq!(wire.rest().await, b"$5\r\n");
    server.inject(Fault::execute_then_hang().command("INCR"));
    let mut wire = Wire::to(&server);
    wire.send_raw(b"INCR n\r\nPING\r\n").await;
    settle(|| server.log().iter().any(|command| command.name() == "incr")).await;
    let mut other = Wire::to(&server);
    other.ask("GET n", "$1|1|").await;
    assert!(server.log().iter().all(|command| command.name() != "ping"));
    assert_eq!(server.kill_connections(), 2);
    wire.expect_end().await;
}

#[tokio::test]
async fn a_delay_follows_the_clock() {
    let server = FakeRedis::builder()
        .clock(Clock::manual(Duration::from_secs(1000)))
        .start()
        .await
        .expect("starts");
    server.inject(Fault::delay(Duration::from_secs(5)).command("SET"));
    let mut wire = Wire::to(&server);
    wire.send("SET k v").await;
    let mut other = Wire::to(&server);
    other.ask("GET k", "$-1|").await;
    server.advance(Duration::from_secs(4));
    other.ask("GET k", "$-1|").await;
    server.advance(Duration::from_secs(1));
    wire.expect("+OK|").await;
    other.ask("GET k", "$1|v|").await;
}

#[tokio::test]
async fn an_error_while_queueing_aborts_the_transaction() {
    let server = FakeRedis::start().await.expect("starts");
    server.inject(Fault::loading().command("SET"));
    let mut wire = Wire::to(&server);
    wire.ask("MULTI", "+OK|").await;
    wire.ask("SET a 1", "-LOADING Redis is loading the dataset in memory|").await;
    wire.ask("EXEC", "-EXECABORT Transaction discarded because of previous errors.|").await;
}

#[tokio::test]
async fn round_trips_count_batches() {
    let server = FakeRedis::start().await.expect("starts");
    let mut wire = Wire::to(&server);
    wire.send_raw(b"PING\r\nPING\r\nPING\r\n").await;
    wire.expect("+PONG|+PONG|+PONG|").await;
    wire.ask("PING", "+PONG|").await;
    assert_eq!(server.round_trips(), 2);
    assert_eq!(server.log().len(), 4);
    server.clear_log();
    assert_eq!(server.round_trips(), 0);
}

#[tokio::test]
async fn refused_connections_come_back_after_healing() {
    let server = FakeRedis::start().await.expect("starts");
    server.refuse_connections();
    let client = redis::Client::open(server.url()).expect("a url");
    assert!(client.get_multiplexed_async_connection().await.is_err());
    server.heal_all();
    let mut connection = client.get_multiplexed_async_connection().await.expect("connects");
    let () = redis::cmd("PING").query_async(&mut connection).await.expect("answers");
}

/// Each error that a rule can answer with has its code, and nothing was executed.
#[tokio::test]
async fn every_error_has_its_code() {
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], 7001));
    let faults = [
        (Fault::loading(), "LOADING "),
        (Fault::read_only(), "READONLY "),
        (Fault::out_of_memory(), "OOM "),
        (Fault::master_down(), "MASTERDOWN "),
        (Fault::busy(), "BUSY "),
        (Fault::no_script(), "NOSCRIPT "),
        (Fault::cluster_down(), "CLUSTERDOWN "),
        (Fault::moved(42, address), "MOVED 42 127.0.0.1:7001"),
        (Fault::error("WRONGTYPE mine"), "WRONGTYPE mine"),
    ];
    let server = FakeRedis::start().await.expect("starts");
    for (fault, code) in faults {
        let id = server.inject(fault.command("SET").times(1));
        let answer = Wire::to(&server).line("SET key value").await;
        assert!(answer.starts_with(&format!("-{code}")), "{answer}, not {code}");
        assert_eq!(server.fired(id), 1);
        Wire::to(&server).ask("EXISTS key", ":0|").await;
        server.heal_all();
    }
}

/// Of all connections none is left, and scripts are forgotten, before anything is executed.
#[tokio::test]
async fn everybody_is_thrown_out_and_scripts_are_forgotten() {
    let server = FakeRedis::start().await.expect("starts");
    let (mut one, mut other) = (Wire::to(&server), Wire::to(&server));
    one.ask("PING", "+PONG|").await;
    other.ask("PING", "+PONG|").await;
    server.inject(Fault::kill_all_connections().command("INCR").times(1));
    one.send("INCR n").await;
    one.expect_end().await;
    other.expect_end().await;
    let mut third = Wire::to(&server);
    third.ask("EXISTS n", ":0|").await;

    third.ask("SCRIPT LOAD return", "$40|63143b6f8007b98c53ca2149822777b3566f9241|").await;
    server.inject(Fault::flush_scripts().command("EVALSHA").times(1));
    let answer = third.line("EVALSHA 63143b6f8007b98c53ca2149822777b3566f9241 0").await;
    assert!(answer.starts_with("-NOSCRIPT "), "{answer}");
}
