//! Repairing what crashed peers and hands inside Redis leave, and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use coord_core::{
    DeadBody, FailureType, MailboxPolicy, MessageCoordinator, MessagePriority, Page,
    Reconciliation, ReservationToken, Timestamp,
};
use coord_redis::KeyLayout;
use coord_testkit::Clock;
use coord_testkit::server::Frame;

use crate::both::{Server, on_both};
use crate::harness::{At, Fake, LAYOUTS, LONG, Random, World, counts, private, reset_counts};

/// What a reservation without a deadline gets.
const VISIBILITY: Duration = Duration::from_secs(30);
/// A little later.
const LATER: Duration = Duration::from_millis(20);

on_both! { still:
    what_looks_lost_is_watched_for_the_grace,
    who_is_healthy_again_is_forgotten,
    reservations_without_a_deadline_get_one,
    copies_are_counted,
    the_dead_do_not_come_back,
    what_cannot_be_read_goes_to_the_dead_letters,
    many_are_put_back,
    what_comes_back_goes_to_who_waits,
    the_compact_layout_is_put_in_order,
}

on_both! { still alone: what_stands_where_it_was_seen_is_not_searched }

async fn mailbox(server: &Server, layout: KeyLayout) -> World {
    let policy = MailboxPolicy::new().with_backoff(Duration::ZERO, 2.0, Duration::ZERO);
    World::with(server, layout, policy).await
}

impl World {
    async fn reconcile(&self, grace: Duration) -> Reconciliation {
        self.mail.reconcile(&self.to, grace).await.expect("reconciling works")
    }

    fn schedule(&self, level: u8) -> String {
        format!("{}:prio:{level}", self.key("sched"))
    }

    fn listed(&self) -> Vec<String> {
        self.at.texts(&["LRANGE", &self.key("queue"), "0", "-1"])
    }

    fn has(&self, part: &str) -> bool {
        self.at.command(&["EXISTS", &self.key(part)]) == Frame::Integer(1)
    }

    /// Sends a message and takes it out of its schedule, as a crash after a receive's ZREM does.
    async fn lose(&self, level: MessagePriority) -> String {
        self.send_at("{}", level).await;
        let json = self.listed().pop().expect("it was sent");
        let schedule = self.schedule(level.number());
        assert_eq!(self.at.command(&["ZREM", &schedule, &json]), Frame::Integer(1));
        json
    }

    async fn drain(&self) -> Vec<String> {
        let mut ids = Vec::new();
        while let Some(received) = self.maybe_receive().await {
            self.mail.ack(&self.to, &received.token).await.expect("it is reserved");
            ids.push(received.queue_message.message.message_id.to_string());
        }
        ids
    }
}

fn suspects(count: u64) -> Reconciliation {
    Reconciliation { suspects: count, ..Reconciliation::default() }
}

fn redriven(count: u64) -> Reconciliation {
    Reconciliation { redriven: count, ..Reconciliation::default() }
}

fn removed(count: u64) -> Reconciliation {
    Reconciliation { leaks_removed: count, ..Reconciliation::default() }
}

async fn what_looks_lost_is_watched_for_the_grace(server: &Server) {
    let world = mailbox(server, KeyLayout::Tta).await;
    let json = world.lose(MessagePriority::High).await;
    let before = server.now();
    assert_eq!(world.reconcile(LONG).await, suspects(1));
    let after = server.now();
    assert_eq!(world.reconcile(LONG).await, suspects(1));
    let noted = world.at.texts(&["ZRANGE", &world.key("suspects"), "0", "-1", "WITHSCORES"]);
    let [suspect, since] = &noted[..] else { panic!("{noted:?}") };
    assert_eq!(*suspect, json);
    let since = Duration::from_micros(since.parse().expect("a time"));
    assert!((before..=after).contains(&since), "{since:?}");
    server.passes(LATER).await;
    let passed = server.now() - since;
    assert_eq!(world.reconcile(passed + server.a_while()).await, suspects(1));
    assert!(world.maybe_receive().await.is_none());
    assert_eq!(world.reconcile(passed).await, redriven(1));
    assert!(!world.has("suspects"));
    assert!(world.reconcile(Duration::ZERO).await.is_clean());
    let received = world.receive().await;
    assert_eq!(received.queue_message.priority, MessagePriority::High);
    world.mail.ack(&world.to, &received.token).await.expect("it is reserved");
    assert!(world.listed().is_empty());
}

async fn who_is_healthy_again_is_forgotten(server: &Server) {
    let world = mailbox(server, KeyLayout::Tta).await;
    let json = world.lose(MessagePriority::Normal).await;
    assert_eq!(world.reconcile(LONG).await, suspects(1));
    // The peer was only slow.
    world.at.command(&["HSET", &world.key("reserved"), "res_0000000000000001", &json]);
    world.at.command(&["ZADD", &world.key("reserved_deadlines"), "1e18", "res_0000000000000001"]);
    server.passes(LATER).await;
    assert!(world.reconcile(LATER).await.is_clean());
    assert!(!world.has("suspects"));
    // It is slow once more: the time counts from the start.
    world.at.command(&["HDEL", &world.key("reserved"), "res_0000000000000001"]);
    let before = server.now();
    assert_eq!(world.reconcile(LONG).await, suspects(1));
    server.passes(LATER).await;
    let passed = server.now() - before;
    assert_eq!(world.reconcile(passed + server.a_while()).await, suspects(1));
    // It settled the message after all.
    world.at.command(&["LREM", &world.key("queue"), "1", &json]);
    server.passes(LATER).await;
    assert!(world.reconcile(LATER).await.is_clean());
    assert!(!world.has("suspects"));
}

async fn reservations_without_a_deadline_get_one(server: &Server) {
    let world = mailbox(server, KeyLayout::Tta).await;
    for _ in 0..250 {
        world.send("{}").await;
        world.receive().await;
    }
    let deadlines = world.key("reserved_deadlines");
    let first = world.at.texts(&["ZRANGE", &deadlines, "0", "0"]).remove(0);
    let rest = world.at.texts(&["ZRANGE", &deadlines, "1", "-1"]);
    let mut remove = vec!["ZREM", deadlines.as_str()];
    remove.extend(rest.iter().map(String::as_str));
    world.at.command(&remove);
    let given = Reconciliation { deadlines_given: 249, ..Reconciliation::default() };
    let before = server.now();
    assert_eq!(world.reconcile(LONG).await, given);
    let given = before + VISIBILITY..=server.now() + VISIBILITY;
    assert!(world.reconcile(LONG).await.is_clean());
    let scores = world.at.texts(&["ZRANGE", &deadlines, "0", "-1", "WITHSCORES"]);
    for pair in scores.chunks(2) {
        let deadline = Duration::from_micros(pair[1].parse().expect("a time"));
        assert_eq!(given.contains(&deadline), pair[0] != first, "{pair:?}, {given:?}");
    }
    server.ages(&[deadlines], VISIBILITY).await;
    assert_eq!(world.mail.recover_pending(Some(&world.to)).await.expect("recovers"), 249);
}

/// The client has seen where the one copy of a message stands: a look there is enough.
async fn what_stands_where_it_was_seen_is_not_searched(server: &Server) {
    let world = mailbox(server, KeyLayout::Tta).await;
    for _ in 0..3 {
        world.lose(MessagePriority::Normal).await;
    }
    assert_eq!(world.reconcile(LONG).await, suspects(3));
    let mut raw = world.raw();
    reset_counts(&mut raw);
    assert_eq!(world.reconcile(LONG).await, suspects(3));
    let counts = counts(&mut raw);
    let count = |name: &str| counts.get(name).copied().unwrap_or_default();
    assert_eq!((count("LINDEX"), count("LPOS")), (3, 0), "{counts:?}");
}

/// The very same bytes are the same message: as many copies stay as it stands in places.
async fn copies_are_counted(server: &Server) {
    let world = mailbox(server, KeyLayout::Tta).await;
    world.send("{}").await;
    let ready = world.listed().remove(0);
    let lost = world.lose(MessagePriority::Low).await;
    let held = world.lose(MessagePriority::Normal).await;
    let queue = world.key("queue");
    for _ in 0..2 {
        world.at.command(&["RPUSH", &queue, &ready, &lost, &held]);
    }
    for token in ["res_0000000000000001", "res_0000000000000002"] {
        world.at.command(&["HSET", &world.key("reserved"), token, &held]);
        world.at.command(&["ZADD", &world.key("reserved_deadlines"), "1e18", token]);
    }
    assert_eq!(world.listed().len(), 9);
    assert_eq!(world.reconcile(Duration::ZERO).await, suspects(3));
    let wanted = Reconciliation { redriven: 1, leaks_removed: 5, ..Reconciliation::default() };
    assert_eq!(world.reconcile(Duration::ZERO).await, wanted);
    let mut listed = world.listed();
    listed.sort();
    let mut wanted = vec![ready, lost, held.clone(), held];
    wanted.sort();
    assert_eq!(listed, wanted);
    assert!(world.reconcile(Duration::ZERO).await.is_clean());
    assert_eq!(world.drain().await.len(), 2);
}

/// A nack of the original that crashed before its last LREM, or one that failed half-way.
async fn the_dead_do_not_come_back(server: &Server) {
    let world = mailbox(server, KeyLayout::Tta).await;
    let dead = world.lose(MessagePriority::Normal).await;
    world.at.command(&["RPUSH", &world.key("dlq"), &dead]);
    // Two behind it, which move up when it goes.
    let lost = [world.lose(MessagePriority::Low).await, world.lose(MessagePriority::High).await];
    assert_eq!(world.reconcile(Duration::ZERO).await, suspects(3));
    let wanted = Reconciliation { redriven: 2, ..removed(1) };
    assert_eq!(world.reconcile(Duration::ZERO).await, wanted);
    assert_eq!(world.listed(), lost);
    assert_eq!(world.drain().await.len(), 2);
    assert!(world.listed().is_empty());
    assert_eq!(world.dead().await.len(), 1);
}

async fn what_cannot_be_read_goes_to_the_dead_letters(server: &Server) {
    let world = mailbox(server, KeyLayout::Tta).await;
    let queue = world.key("queue");
    let poison = b"\xff\xfe poison";
    let push: [&[u8]; 4] = [b"RPUSH", queue.as_bytes(), poison, poison];
    world.raw().checked(&push).expect("RPUSH");
    assert_eq!(world.reconcile(Duration::ZERO).await, suspects(1));
    assert_eq!(world.reconcile(Duration::ZERO).await, removed(2));
    assert!(world.listed().is_empty());
    let dead = world.dead().await;
    let [letter] = &dead[..] else { panic!("{dead:?}") };
    assert!(matches!(letter.body, DeadBody::Unreadable { .. }));
    assert!(world.reconcile(Duration::ZERO).await.is_clean());
}

/// More than one page and one chunk of them, between healthy ones; each returns to its level.
async fn many_are_put_back(server: &Server) {
    let world = mailbox(server, KeyLayout::Tta).await;
    let (mut lost, mut healthy) = (0, 0);
    for number in 0..350 {
        let level = MessagePriority::from_number([9, 5, 1][number % 3]).expect("a level");
        if number % 7 == 0 {
            world.send_at("{}", level).await;
            healthy += 1;
        } else {
            world.lose(level).await;
            lost += 1;
        }
    }
    assert_eq!(world.reconcile(Duration::ZERO).await, suspects(lost));
    assert_eq!(world.reconcile(Duration::ZERO).await, redriven(lost));
    let stats = world.stats().await;
    let ready = stats.ready;
    assert_eq!((ready.high, ready.normal, ready.low), (117, 117, 116));
    assert_eq!((stats.depth, stats.ready.total()), (lost + healthy, lost + healthy));
    assert_eq!(world.drain().await.len() as u64, lost + healthy);
    assert!(world.listed().is_empty());
}

async fn what_comes_back_goes_to_who_waits(server: &Server) {
    for layout in LAYOUTS {
        let world = World::new(server, layout).await;
        // One that listens at another node of a cluster: nobody here wakes it.
        let entry = format!("res_0000000000000001 60000000 0 @{}:wake:1", world.prefix);
        world.at.command(&["ZADD", &world.key("waiters"), "1e18", &entry]);
        // As if it had been lost before the waiter came.
        let other = World::new(server, layout).await;
        other.send("{}").await;
        match layout {
            KeyLayout::Tta => {
                let json = other.listed().remove(0);
                world.at.command(&["RPUSH", &world.key("queue"), &json]);
                assert_eq!(world.reconcile(Duration::ZERO).await, suspects(1));
            }
            KeyLayout::Compact => {
                let record = world.at.texts(&["HGETALL", &other.key("messages")]);
                world.at.command(&["HSET", &world.key("messages"), &record[0], &record[1]]);
            }
        }
        assert_eq!(world.reconcile(Duration::ZERO).await, redriven(1), "{layout}");
        let stats = world.stats().await;
        assert_eq!((stats.reserved, stats.ready.total()), (1, 0), "{layout}");
        assert!(!world.has("waiters"), "{layout}");
    }
}

async fn the_compact_layout_is_put_in_order(server: &Server) {
    let world = mailbox(server, KeyLayout::Compact).await;
    let before = server.now();
    for _ in 0..4 {
        world.send("{}").await;
    }
    world.send_at("{}", MessagePriority::High).await;
    let high = world.receive().await;
    let (ready, timers, messages) =
        (world.key("ready"), world.key("timers"), world.key("messages"));
    let lids = world.at.texts(&["ZRANGE", &ready, "0", "-1"]);
    // A message that nothing points at; one that is gone; its delay, its reservation.
    world.at.command(&["ZREM", &ready, &lids[0]]);
    world.at.command(&["HDEL", &messages, &lids[1]]);
    world.at.command(&["ZADD", &timers, "1e15", "d9000000000000099"]);
    world.at.command(&["ZADD", &timers, "1e15", "x9000000000000099"]);
    world.at.command(&["ZADD", &timers, "1e18", "res_0000000000000009"]);
    world.at.command(&["HSET", &world.key("reserved"), "res_0000000000000008", &lids[1]]);
    // A reservation without a deadline, and a field that is no message.
    world.at.command(&["ZREM", &timers, high.token.as_str()]);
    world.at.command(&["HSET", &messages, "note", "by hand"]);
    let wanted = Reconciliation { redriven: 1, deadlines_given: 1, leaks_removed: 5, suspects: 0 };
    assert_eq!(world.reconcile(LONG).await, wanted);
    assert!(world.reconcile(LONG).await.is_clean());
    let since = before..=server.now();
    world.at.command(&["HDEL", &messages, "note"]);
    let stats = world.stats().await;
    assert_eq!((stats.ready.total(), stats.reserved, stats.depth), (3, 1, 4));
    let peeked = world.mail.peek(&world.to, Page::default()).await.expect("peeks");
    let ready_at = |at: Timestamp| Duration::from_micros(at.as_micros());
    assert!(peeked.iter().all(|it| since.contains(&ready_at(it.available_at))), "{peeked:?}");
    server.ages(&[timers], VISIBILITY).await;
    assert_eq!(world.mail.recover_pending(Some(&world.to)).await.expect("recovers"), 1);
    assert_eq!(world.drain().await.len(), 4);
    assert!(!world.has("messages") && !world.has("timers"));
}

/// Reconciliations without any grace, one after the other, beside producers and consumers that do
/// everything a consumer can do: they find nothing, and nothing is lost or settled twice.
async fn leaves_the_healthy_alone(at: At, layout: KeyLayout) {
    const PRODUCERS: usize = 3;
    const EACH: usize = 150;
    let name = format!("leaves_the_healthy_alone_{layout}");
    let policy = MailboxPolicy::new()
        .with_backoff(Duration::ZERO, 2.0, Duration::ZERO)
        .with_retry_attempts(1_000);
    let world = Arc::new(World::with(at, layout, policy).await);
    let seed = Random::seeded(&name).next();
    let settled = Arc::new(AtomicUsize::new(0));
    let all = PRODUCERS * EACH;
    let mut tasks = Vec::new();
    for number in 0..PRODUCERS {
        let world = Arc::clone(&world);
        let mut random = Random::from_seed(seed.wrapping_add(number as u64));
        tasks.push(tokio::spawn(async move {
            for _ in 0..EACH {
                let level = [9, 5, 1][random.below(3)];
                world.send_at("{}", MessagePriority::from_number(level).expect("a level")).await;
            }
        }));
    }
    for number in 0..3 {
        let (world, settled) = (Arc::clone(&world), Arc::clone(&settled));
        let mail = world.another().await;
        let mut random = Random::from_seed(seed.wrapping_add(100 + number));
        tasks.push(tokio::spawn(async move {
            while settled.load(Ordering::SeqCst) < all {
                let visibility = if random.below(8) == 0 { Duration::ZERO } else { LONG };
                let Some(it) = mail.receive(&world.to, visibility).await.expect("receives") else {
                    continue;
                };
                if visibility.is_zero() {
                    continue;
                }
                let token: &ReservationToken = &it.token;
                match random.below(10) {
                    0..=4 => mail.release(&world.to, token).await.expect("held"),
                    5 => {
                        let failure = FailureType::Transient;
                        mail.nack(&world.to, token, failure, Some("no")).await.expect("held");
                    }
                    6 => {
                        mail.extend(&world.to, token, LONG).await.expect("held");
                        mail.ack(&world.to, token).await.expect("held");
                        settled.fetch_add(1, Ordering::SeqCst);
                    }
                    _ => {
                        mail.ack(&world.to, token).await.expect("held");
                        settled.fetch_add(1, Ordering::SeqCst);
                    }
                }
            }
        }));
    }
    let done = Arc::new(AtomicBool::new(false));
    let passes = {
        let (world, done) = (Arc::clone(&world), Arc::clone(&done));
        tokio::spawn(async move {
            let mut passes = 0;
            while !done.load(Ordering::SeqCst) {
                let pass = world.reconcile(Duration::ZERO).await;
                assert!(pass.is_clean(), "pass {passes}: {pass:?}");
                passes += 1;
            }
            passes
        })
    };
    for task in tasks {
        task.await.expect("no task fails");
    }
    done.store(true, Ordering::SeqCst);
    let passes = passes.await.expect("no pass finds anything");
    assert!(passes > 3, "only {passes} passes");
    assert_eq!(settled.load(Ordering::SeqCst), all);
    let stats = world.stats().await;
    assert_eq!((stats.depth, stats.reserved, stats.dead), (0, 0, 0), "{stats:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn healthy_traffic_is_left_alone() {
    for layout in LAYOUTS {
        let Some(server) = private("healthy_traffic_is_left_alone") else { return };
        let at = At::from(&server);
        leaves_the_healthy_alone(at.clone(), layout).await;
        // Messages that moved meanwhile did look lost, and were verified.
        let verified = counts(&mut at.client()).get("LINDEX").copied().unwrap_or(0);
        assert_eq!(verified > 0, layout == KeyLayout::Tta, "{layout}: {verified}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn healthy_traffic_is_left_alone_on_the_fake() {
    for layout in LAYOUTS {
        let fake = Fake::start(Clock::system());
        leaves_the_healthy_alone(At::from(&fake), layout).await;
    }
}
