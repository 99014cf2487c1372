//! Waiting consumers: woken once, at once, and again after whatever happens to the server.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use coord_core::{MessageCoordinator, MessageResult, ReceivedMessage, SendOptions};
use coord_redis::{KeyLayout, RedisMessageCoordinator};
use coord_testkit::Clock;
use coord_testkit::server::{Frame, RealServer};
use futures_util::future::{join, join_all};
use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::both::{Server, on_both};
use crate::harness::{At, Fake, LAYOUTS, LONG, World, agent, config, private};

on_both! { running:
    a_large_message_is_come_for,
    who_takes_for_itself_waits_no_longer,
    a_word_comes_before_the_look,
    lost_registrations_come_back,
}

/// How many wait.
const WAITERS: usize = 64;

async fn waits(world: &World) -> Option<ReceivedMessage> {
    world.mail.receive_wait(&world.to, LONG, LONG).await.expect("waiting works")
}

/// Returns when `count` are registered with the server.
async fn registered(world: &World, count: usize) {
    let key = world.key("waiters");
    let began = Instant::now();
    loop {
        let found = world.at.command(&["ZCARD", &key]);
        if found == Frame::Integer(count as i64) {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{count} should wait, but {found:?}");
        tokio::task::yield_now().await;
    }
}

/// Many wait at one mailbox: a message costs its send and its receive, and wakes one of them.
#[tokio::test]
async fn one_message_wakes_one_of_many() {
    let Some(server) = private("one_message_wakes_one_of_many") else { return };
    for layout in LAYOUTS {
        one_of_many(&At::from(&server), layout).await;
    }
}

#[tokio::test]
async fn one_message_wakes_one_of_many_on_the_fake() {
    for layout in LAYOUTS {
        one_of_many(&At::from(&Fake::start(Clock::system())), layout).await;
    }
}

async fn one_of_many(at: &At, layout: KeyLayout) {
    let world = World::new(at.clone(), layout).await;
    let sender = world.another().await;
    // Loads the scripts and the index.
    let warm = sender.send_message(&world.from, &world.to, world.message("{}")).await;
    assert!(warm.is_ok_and(|result| result.delivered()));
    let warm = world.receive().await;
    let mut waiting: FuturesUnordered<_> = (0..WAITERS).map(|_| waits(&world)).collect();
    {
        let all = registered(&world, WAITERS);
        let mut all = std::pin::pin!(all);
        // The waits have to be polled meanwhile.
        tokio::select! {
            biased;
            _ = waiting.next() => panic!("woken by nothing"),
            () = &mut all => {}
        }
    }
    let mut monitor = world.raw();
    monitor.checked(&["MONITOR"]).expect("MONITOR");
    let message = world.message("{}");
    let id = message.message_id.clone();
    let send = async {
        let sent = sender.send_message(&world.from, &world.to, message).await.expect("sends");
        assert!(sent.delivered());
    };
    let (woken, ()) = join(waiting.next(), send).await;
    world.at.command(&["ECHO", "that-was-all"]);
    let received = woken.expect("64 wait").expect("one is woken");
    assert_eq!(received.queue_message.message.message_id, id);
    let mut trips = Vec::new();
    loop {
        let Frame::Simple(line) = monitor.read().expect("MONITOR goes on") else {
            panic!("MONITOR shows lines");
        };
        if line.contains("that-was-all") {
            break;
        }
        // A look of the mailbox falls into this moment once a second.
        if !line.contains("lua]") && !line.contains("\"look\"") {
            trips.push(line);
        }
    }
    assert_eq!(trips.len(), 1, "{trips:#?}");
    assert_eq!(world.at.command(&["ZCARD", &world.key("waiters")]), Frame::Integer(63));
    world.mail.ack(&world.to, &received.token).await.expect("acks");
    world.mail.ack(&world.to, &warm.token).await.expect("acks");
    // Whoever stops to wait leaves nothing behind.
    drop(waiting);
    world.mail.waits_cleared().await;
    assert_eq!(world.at.command(&["EXISTS", &world.key("waiters")]), Frame::Integer(0));
    assert_eq!(world.stats().await.depth, 0);
}

/// What is too large to be sent along is reserved for the waiter, which comes for it.
async fn a_large_message_is_come_for(server: &Server) {
    for layout in LAYOUTS {
        let world = World::new(server, layout).await;
        let sender = world.another().await;
        let text = format!("{{\"text\":\"{}\"}}", "x".repeat(300_000));
        let send = async {
            registered(&world, 1).await;
            let message = world.message(&text);
            let sent = sender.send_message(&world.from, &world.to, message).await;
            assert!(sent.expect("sends").delivered());
        };
        let patience = Duration::from_secs(10);
        let waits = world.mail.receive_wait(&world.to, LONG, patience);
        let (received, ()) = join(waits, send).await;
        let received = received.expect("waiting works").expect("it was reserved for it");
        assert_eq!(received.queue_message.message.payload.as_json(), text);
        assert_eq!(received.fence, 2, "{layout}: reserved for it, then by it");
        world.mail.ack(&world.to, &received.token).await.expect("it is reserved");
        assert_eq!(world.stats().await.depth, 0, "{layout}");
    }
}

/// What falls due wakes when it does, not at the next look; who takes it waits no longer.
async fn who_takes_for_itself_waits_no_longer(server: &Server) {
    for layout in LAYOUTS {
        let world = World::new(server, layout).await;
        let options = SendOptions::new().with_delay(Duration::from_millis(200));
        let mut fastest = Duration::MAX;
        for _ in 0..3 {
            let (message, began) = (world.message("{}"), Instant::now());
            let sent = world.mail.send_message_with(&world.from, &world.to, message, options).await;
            assert!(sent.expect("sends").delivered());
            let received = waits(&world).await.expect("woken");
            fastest = fastest.min(began.elapsed());
            world.mail.ack(&world.to, &received.token).await.expect("acks");
            let left = world.at.command(&["EXISTS", &world.key("waiters")]);
            assert_eq!(left, Frame::Integer(0), "{layout}");
        }
        // By the look alone, each would have taken a second.
        assert!(fastest < Duration::from_millis(800), "{layout}: {fastest:?}");
    }
}

/// Whoever makes a message ready tells the waiter, which does not have to look: with a wish on the
/// general way of the script, without one on the short way.
async fn a_word_comes_before_the_look(server: &Server) {
    let wish = SendOptions::new().with_dedup_window(Duration::from_secs(60));
    for layout in LAYOUTS {
        let mut world = World::new(server, layout).await;
        world.mail = patient(&world).await;
        for options in [SendOptions::new(), wish] {
            let send = async {
                registered(&world, 1).await;
                let message = world.message("{}");
                let sent = world.mail.send_message_with(&world.from, &world.to, message, options);
                assert!(sent.await.expect("sends").delivered());
                Instant::now()
            };
            let (received, began) = join(waits(&world), send).await;
            let took = began.elapsed();
            assert!(took < Duration::from_secs(30), "{layout}: nobody told it: {took:?}");
            world.mail.ack(&world.to, &received.expect("woken").token).await.expect("acks");
        }
    }
}

/// A coordinator whose waiters look by themselves once a minute only.
async fn patient(world: &World) -> RedisMessageCoordinator {
    let patient = config(&world.at.url, world.layout, &world.prefix)
        .with_poll_interval(Duration::from_secs(60))
        .expect("it is within bounds");
    RedisMessageCoordinator::connect(patient).await.expect("the server is there")
}

/// When the server has lost who waits, the next look of one of them brings all back.
async fn lost_registrations_come_back(server: &Server) {
    for layout in LAYOUTS {
        let world = World::new(server, layout).await;
        let mut waiting: FuturesUnordered<_> = (0..3).map(|_| waits(&world)).collect();
        let lose = async {
            registered(&world, 3).await;
            world.at.command(&["DEL", &world.key("waiters")]);
            registered(&world, 3).await;
        };
        tokio::select! {
            biased;
            _ = waiting.next() => panic!("woken by nothing"),
            () = lose => {}
        }
    }
}

/// A producer that knows nothing of who waits, as the original's, wakes all the same, also when it
/// comes between the registration and what its waiter hears of that. Nobody looks by itself here.
#[tokio::test]
async fn a_foreign_producer_wakes() {
    let Some(server) = private("a_foreign_producer_wakes") else { return };
    let mut world = World::new(&server, KeyLayout::Tta).await;
    for _ in 0..10 {
        // Its first wait makes the connection that hears: the most time to come between.
        world.mail = patient(&world).await;
        world.send("{}").await;
        let sample = world.receive().await;
        let json = sample.token.envelope().expect("the tta layout has it").to_owned();
        world.mail.ack(&world.to, &sample.token).await.expect("acks");
        let produce = async {
            registered(&world, 1).await;
            // Without a pause: the waiter has not read yet that it is registered.
            let (queue, schedule) = (world.key("queue"), format!("{}:prio:5", world.key("sched")));
            world.at.command(&["RPUSH", &queue, &json]);
            world.at.command(&["ZADD", &schedule, "1", &json]);
            Instant::now()
        };
        let (received, began) = join(waits(&world), produce).await;
        let took = began.elapsed();
        assert!(took < Duration::from_secs(30), "nobody woke it: {took:?}");
        world.mail.ack(&world.to, &received.expect("woken").token).await.expect("acks");
    }
}

/// Ids of what was received.
type Seen = std::sync::Mutex<BTreeSet<String>>;

/// Consumers wait, producers send; the server is hurt in the middle.
struct Fleet {
    world: Arc<World>,
    total: usize,
}

impl Fleet {
    /// Sends all messages, each until it is certainly taken; the ids.
    async fn produce(&self) -> BTreeSet<String> {
        let mut ids = BTreeSet::new();
        for number in 0..self.total {
            let message = self.world.message(&format!("{{\"n\":{number}}}"));
            ids.insert(message.message_id.to_string());
            while !self.send(&message).await.is_some_and(|result| result.delivered()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            // Lets the consumers wait now and then.
            if number % 50 == 0 {
                tokio::task::yield_now().await;
            }
        }
        ids
    }

    async fn send(&self, message: &coord_core::AgentMessage) -> Option<MessageResult> {
        let world = &self.world;
        // A window makes repeating safe.
        let options = SendOptions::new().with_dedup_window(LONG);
        let sent = world.mail.send_message_with(&world.from, &world.to, message.clone(), options);
        sent.await.ok()
    }

    /// Receives until all are there; notes what came, and when something came last.
    async fn consume(&self, seen: &Seen, last: &std::sync::Mutex<Instant>) {
        let mail = &self.world.mail;
        loop {
            if seen.lock().expect("no panic").len() == self.total {
                return;
            }
            let visibility = Duration::from_secs(5);
            let wait = Duration::from_millis(500);
            match mail.receive_wait(&self.world.to, visibility, wait).await {
                Ok(Some(received)) => {
                    let id = received.queue_message.message.message_id.to_string();
                    seen.lock().expect("no panic").insert(id);
                    *last.lock().expect("no panic") = Instant::now();
                    // A lost ack brings it again: at least once.
                    let _may_come_again = mail.ack(&self.world.to, &received.token).await;
                }
                Ok(None) => {}
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }
}

async fn survives(
    mut server: RealServer,
    layout: KeyLayout,
    total: usize,
    hurt: fn(&mut RealServer),
) -> RealServer {
    let world = Arc::new(World::new(&server, layout).await);
    let fleet = Fleet { world: Arc::clone(&world), total };
    let seen = Seen::default();
    let last: Vec<_> = (0..8).map(|_| std::sync::Mutex::new(Instant::now())).collect();
    let consumers = join_all(last.iter().map(|last| fleet.consume(&seen, last)));
    let hurting = async {
        while seen.lock().expect("no panic").len() < total / 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let hurting = tokio::task::spawn_blocking(move || {
            hurt(&mut server);
            server
        });
        let server = hurting.await.expect("no panic");
        let back = Instant::now();
        // Every one of them gets something again.
        let works = |last: &std::sync::Mutex<Instant>| *last.lock().expect("no panic") > back;
        while !last.iter().all(works) && seen.lock().expect("no panic").len() < total {
            tokio::time::sleep(Duration::from_millis(1)).await;
            // Two seconds, and three for the tests that run beside this one.
            let working = last.iter().filter(|last| works(last)).count();
            let waited = back.elapsed();
            assert!(waited < Duration::from_secs(5), "{layout}: only {working} of 8 work again");
        }
        server
    };
    let (ids, (_, server)) = join(fleet.produce(), join(consumers, hurting)).await;
    assert_eq!(*seen.lock().expect("no panic"), ids, "{layout}");
    server
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiters_survive_a_restart() {
    let builder = RealServer::builder().append_only();
    let name = "waiters_survive_a_restart";
    let Some(mut server) = builder.start_or_ignore(name) else { return };
    for layout in LAYOUTS {
        let hurt = |server: &mut RealServer| {
            server.kill().expect("it runs");
            server.restart().expect("it starts again");
        };
        server = survives(server, layout, 10_000, hurt).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiters_survive_a_pause() {
    let Some(server) = private("waiters_survive_a_pause") else { return };
    let hurt = |server: &mut RealServer| {
        server.pause().expect("it stops");
        std::thread::sleep(Duration::from_secs(10));
        server.resume().expect("it goes on");
    };
    survives(server, KeyLayout::Compact, 10_000, hurt).await;
}

/// Emptied while somebody waits: the registration is made anew by the next look.
#[tokio::test]
async fn waiters_survive_a_flush() {
    let Some(server) = private("waiters_survive_a_flush") else { return };
    for layout in LAYOUTS {
        let world = World::new(&server, layout).await;
        let flush = async {
            registered(&world, 2).await;
            world.at.command(&["FLUSHALL"]);
            registered(&world, 2).await;
            let second: RedisMessageCoordinator = world.another().await;
            for _ in 0..2 {
                let sent = second.send_message(&world.from, &world.to, world.message("{}")).await;
                assert!(sent.expect("sends").delivered());
            }
        };
        let (both, ()) = join(join_all([waits(&world), waits(&world)]), flush).await;
        assert!(both.iter().all(Option::is_some));
    }
}

/// The killed connection that hears is made anew, and nobody misses anything.
#[tokio::test]
async fn a_lost_connection_is_made_anew() {
    let Some(server) = private("a_lost_connection_is_made_anew") else { return };
    for layout in LAYOUTS {
        let world = World::new(&server, layout).await;
        let channels =
            || match world.at.command(&["PUBSUB", "CHANNELS", &format!("{}:wake:*", world.prefix)])
            {
                Frame::Array(channels) => channels.len(),
                other => panic!("{other:?}"),
            };
        let lose = async {
            registered(&world, 1).await;
            world.at.command(&["CLIENT", "KILL", "TYPE", "pubsub"]);
            while channels() == 0 {
                tokio::task::yield_now().await;
            }
            world.another().await.send_message(&world.from, &world.to, world.message("{}")).await
        };
        let (received, sent) = join(waits(&world), lose).await;
        assert!(received.is_some() && sent.is_ok());
        let other = agent("writer:w9");
        let nothing = world.mail.receive_wait(&other, LONG, Duration::from_millis(1)).await;
        assert!(nothing.expect("works").is_none());
    }
}
