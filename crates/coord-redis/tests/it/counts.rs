//! What each operation costs: its round trips, and the commands its script runs, in order, are
//! those of the table in `docs/performance.md`.

use std::collections::BTreeMap;
use std::time::Duration;

use coord_core::{
    FailureType, MailboxPolicy, MessageCoordinator, MessagePriority, ReservationToken, SendOptions,
};
use coord_testkit::server::Frame;

use crate::harness::{LAYOUTS, LONG, World, private};

const DOCUMENT: &str = include_str!("../../../../docs/performance.md");
const HEADING: &str = "## What each operation costs";

/// Operation and layout to round trips and commands.
type Table = BTreeMap<(String, String), (usize, String)>;

#[tokio::test]
async fn operations_cost_what_the_documents_say() {
    let name = "operations_cost_what_the_documents_say";
    let Some(server) = private(name) else { return };
    let mut measured = Table::new();
    for layout in LAYOUTS {
        let policy = MailboxPolicy::new().with_backoff(Duration::ZERO, 2.0, Duration::ZERO);
        measure(&World::with(&server, layout, policy).await, &mut measured).await;
    }
    let documented = documented();
    let mut differing = String::new();
    for (key @ (operation, layout), cost @ (trips, commands)) in &measured {
        if documented.get(key) != Some(cost) {
            differing += &format!("| {operation} | {layout} | {trips} | `{commands}` |\n");
        }
    }
    assert!(differing.is_empty(), "measured, but not what is documented:\n{differing}");
    for key in documented.keys() {
        assert!(measured.contains_key(key), "{key:?} is documented but nobody measures it");
    }
    for ((operation, layout), (trips, _)) in &measured {
        let limit = match layout.as_str() {
            _ if operation.contains("first") => 4,
            "tta" if operation.contains("parsed token") => 2,
            _ => 1,
        };
        assert!(*trips <= limit, "{operation} on {layout} takes {trips} round trips");
    }
}

async fn measure(world: &World, table: &mut Table) {
    let (mail, to) = (&world.mail, &world.to);
    let mut add = |operation: &str, cost| {
        table.insert((operation.to_owned(), world.layout.to_string()), cost);
    };
    let dedup = SendOptions::new().with_dedup_window(Duration::from_secs(60));
    let delay = SendOptions::new().with_delay(Duration::from_secs(60));
    // Scripts get loaded by their first run.
    warm_up(world).await;
    // The first send of a process to a mailbox puts it into the index.
    let new = World::new(world.at.clone(), world.layout).await;
    add("send (first of a process to a mailbox)", watch(&new, new.send("{}")).await);
    let sends = [("send", SendOptions::new()), ("send with dedup", dedup)];
    for (operation, options) in sends {
        let message = world.message("{}");
        let send = mail.send_message_with(&world.from, to, message, options);
        add(operation, watch(world, async { send.await.expect("sends") }).await);
    }
    drain(world).await;
    add("receive (nothing due)", watch(world, world.maybe_receive()).await);
    for level in [MessagePriority::High, MessagePriority::Normal, MessagePriority::Low] {
        world.send_at("{}", level).await;
        let mut token = None;
        let receive = async { token = Some(world.receive().await.token) };
        add(&format!("receive ({})", level.as_str()), watch(world, receive).await);
        mail.ack(to, &token.expect("received")).await.expect("acks");
    }
    for number in 0..100 {
        world.send(&format!("{{\"n\":{number}}}")).await;
    }
    let mut tokens = Vec::new();
    for _ in 0..100 {
        tokens.push(world.receive().await.token);
    }
    let oldest = watch(world, async { mail.ack(to, &tokens[0]).await.expect("acks") }).await;
    add("ack (oldest)", oldest);
    let newest = watch(world, async { mail.ack(to, &tokens[99]).await.expect("acks") }).await;
    add("ack (newest)", newest);
    let lost = watch(world, async { mail.ack(to, &tokens[0]).await.expect_err("lost") }).await;
    add("ack (lost)", lost);
    let message = world.message("{}");
    let send = mail.send_message_with(&world.from, to, message, delay);
    add("send delayed", watch(world, async { send.await.expect("sends") }).await);
    let parsed = |token: &ReservationToken| token.as_str().parse::<ReservationToken>().unwrap();
    let nack = async |token: &ReservationToken, failure| {
        mail.nack(to, token, failure, Some("boom")).await.expect("nacks");
    };
    add("nack (retried)", watch(world, nack(&tokens[1], FailureType::Transient)).await);
    add("nack (dead)", watch(world, nack(&tokens[2], FailureType::Permanent)).await);
    let token = parsed(&tokens[3]);
    add("nack (retried, parsed token)", watch(world, nack(&token, FailureType::Transient)).await);
    let extend = async { mail.extend(to, &tokens[4], LONG).await.expect("extends") };
    add("extend", watch(world, extend).await);
    let release = async |token: &ReservationToken| mail.release(to, token).await.expect("releases");
    add("release", watch(world, release(&tokens[4])).await);
    add("release (parsed token)", watch(world, release(&parsed(&tokens[5]))).await);
}

/// Runs every script once.
async fn warm_up(world: &World) {
    let (mail, to) = (&world.mail, &world.to);
    for failure in [FailureType::Transient, FailureType::Permanent] {
        world.send("{}").await;
        let token = world.receive().await.token;
        mail.extend(to, &token, LONG).await.expect("extends");
        mail.nack(to, &token, failure, None).await.expect("nacks");
    }
    let token = world.receive().await.token;
    mail.release(to, &token).await.expect("releases");
    drain(world).await;
}

async fn drain(world: &World) {
    while let Some(received) = world.maybe_receive().await {
        world.mail.ack(&world.to, &received.token).await.expect("acks");
    }
}

/// Round trips of an operation, and the commands that its scripts ran, as MONITOR shows them.
async fn watch<T>(world: &World, operation: impl Future<Output = T>) -> (usize, String) {
    let mut monitor = world.raw();
    monitor.checked(&["MONITOR"]).expect("MONITOR");
    operation.await;
    world.at.command(&["ECHO", "that-was-all"]);
    let (mut trips, mut inside) = (0, Vec::new());
    loop {
        let Frame::Simple(line) = monitor.read().expect("MONITOR goes on") else {
            panic!("MONITOR shows lines");
        };
        if line.contains("that-was-all") {
            return (trips, inside.join(" "));
        }
        // 1795211293.657681 [0 lua] "hget" "key" ...
        let verb = line.split('"').nth(1).expect("a command").to_uppercase();
        if line.contains("[0 lua]") {
            inside.push(verb);
        } else {
            trips += 1;
        }
    }
}

fn documented() -> Table {
    let (_, rest) = DOCUMENT.split_once(HEADING).expect("the heading is there");
    let rows = rest.lines().skip_while(|line| !line.starts_with("|---"));
    let mut table = Table::new();
    for row in rows.skip(1).take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [operation, layout, trips, commands] = cells[..] else { panic!("odd row {row}") };
        let cost = (trips.parse().expect("a count"), commands.replace('`', ""));
        let twice = table.insert((operation.to_owned(), layout.to_owned()), cost);
        assert!(twice.is_none(), "{operation} on {layout} stands there twice");
    }
    table
}
