//! Four consumer processes on one mailbox: exactly once while nobody fails, at least once when
//! processes are killed, and then every duplicate has its expired reservation.
//!
//! A consumer is this very test binary, started with `consumer_process` as its only test.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use coord_core::{AgentId, MailboxPolicy, MessageCoordinator};
use coord_redis::{KeyLayout, RedisMessageCoordinator};
use coord_testkit::server::RealServer;
use futures_util::{StreamExt, stream};

use crate::harness::{Random, World, connect, private};

const MESSAGES: usize = 20_000;
const PROCESSES: usize = 4;
/// Concurrent consumers inside each process.
const TASKS: usize = 4;
const KILLS: usize = 24;
/// A run that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(120);
const ROLE: &str = "COORD_TEST_CONSUMER";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_once_while_nobody_fails_compact() {
    undisturbed(KeyLayout::Compact, "exactly_once_while_nobody_fails_compact").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_once_while_nobody_fails_tta() {
    undisturbed(KeyLayout::Tta, "exactly_once_while_nobody_fails_tta").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_consumers_lose_nothing_compact() {
    killed(KeyLayout::Compact, "killed_consumers_lose_nothing_compact").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_consumers_lose_nothing_tta() {
    killed(KeyLayout::Tta, "killed_consumers_lose_nothing_tta").await;
}

async fn undisturbed(layout: KeyLayout, name: &str) {
    let Some(run) = Run::new(layout, name, Duration::from_secs(600)).await else { return };
    let (run, deliveries) = run.until_empty(None).await;
    assert_eq!(deliveries.len(), MESSAGES, "every message once");
    for (number, of_one) in &deliveries {
        assert_eq!(of_one.len(), 1, "message {number} was delivered more than once: {of_one:?}");
        assert_eq!(of_one[0].attempts, 0);
    }
    run.finish().await;
}

async fn killed(layout: KeyLayout, name: &str) {
    let visibility = Duration::from_millis(400);
    let Some(run) = Run::new(layout, name, visibility).await else { return };
    let (run, deliveries) = run.until_empty(Some(Random::seeded(name))).await;
    assert_eq!(deliveries.len(), MESSAGES, "nothing is lost");
    let micros = u64::try_from(visibility.as_micros()).expect("short");
    let mut duplicates = 0;
    for (number, mut of_one) in deliveries {
        of_one.sort_unstable_by_key(|delivery| delivery.fence);
        for pair in of_one.windows(2) {
            let [earlier, later] = pair else { continue };
            duplicates += 1;
            let reserved_at = later.deadline - micros;
            assert!(
                earlier.deadline <= reserved_at && earlier.attempts < later.attempts,
                "message {number}: the second delivery is not explained by an expired \
                 reservation: {earlier:?}, {later:?}"
            );
        }
    }
    // Every kill hits consumers that hold messages: no duplicate would mean that nobody did.
    assert!(duplicates > 0, "{KILLS} kills and no message was ever delivered again");
    run.finish().await;
}

/// What a consumer tells of one reservation.
#[derive(Debug, Clone, Copy)]
struct Delivery {
    fence: u64,
    attempts: u32,
    deadline: u64,
}

/// One mailbox with its messages, and the processes that empty it.
struct Run {
    _server: RealServer,
    world: World,
    visibility: Duration,
    lines: Receiver<String>,
    lines_in: Sender<String>,
    children: Vec<Child>,
}

impl Run {
    async fn new(layout: KeyLayout, name: &str, visibility: Duration) -> Option<Self> {
        let server = private(name)?;
        // Nothing may die of too many kills: every loss would show as a dead letter.
        let policy = MailboxPolicy::new().with_queue_size(50_000).with_retry_attempts(1_000);
        let world = World::with(&server, layout, policy).await;
        stream::iter(0..MESSAGES)
            .for_each_concurrent(64, |number| {
                let world = &world;
                async move {
                    world.send(&format!("{{\"number\":{number}}}")).await;
                }
            })
            .await;
        let (lines_in, lines) = channel();
        let mut run =
            Self { _server: server, world, visibility, lines, lines_in, children: Vec::new() };
        for _ in 0..PROCESSES {
            let child = run.start_child();
            run.children.push(child);
        }
        Some(run)
    }

    fn start_child(&self) -> Child {
        let binary = std::env::current_exe().expect("a test knows its binary");
        let role = format!(
            "{} {} {} {}",
            self.world.at.url,
            self.world.layout,
            self.world.prefix,
            self.visibility.as_millis()
        );
        let mut child = Command::new(binary)
            .args(["processes::consumer_process", "--exact", "--nocapture"])
            .env(ROLE, role)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the test binary runs again");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let lines = self.lines_in.clone();
        std::thread::spawn(move || {
            // A line that a kill cut short was never told: it has no mark at its end.
            for line in output.lines().map_while(Result::ok) {
                if line.starts_with("got ") && line.ends_with(" .") && lines.send(line).is_err() {
                    return;
                }
            }
        });
        child
    }

    /// Collects deliveries until the mailbox is empty, killing processes on the way if told to:
    /// a random one after a random number of deliveries.
    async fn until_empty(
        mut self,
        mut killer: Option<Random>,
    ) -> (Self, HashMap<u64, Vec<Delivery>>) {
        let give_up = Instant::now() + LIMIT;
        let mut deliveries: HashMap<u64, Vec<Delivery>> = HashMap::new();
        let (mut kills, mut told) = (0, 0);
        let mut until_kill = 200;
        loop {
            match self.lines.recv_timeout(Duration::from_millis(20)) {
                Ok(line) => {
                    let (number, delivery) = parse(&line);
                    deliveries.entry(number).or_default().push(delivery);
                    until_kill = usize::saturating_sub(until_kill, 1);
                    told += 1;
                }
                Err(RecvTimeoutError::Timeout) => {
                    if self.world.stats().await.depth == 0 {
                        break;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => unreachable!("self holds a sender"),
            }
            if let Some(random) = &mut killer
                && until_kill == 0
            {
                until_kill = 100 + random.below(700);
                if kills < KILLS {
                    kills += 1;
                    let slot = random.below(PROCESSES);
                    self.children[slot].kill().expect("SIGKILL");
                    self.children[slot].wait().expect("the process ends");
                    self.children[slot] = self.start_child();
                }
            }
            assert!(Instant::now() < give_up, "hangs after {told} deliveries");
        }
        // An empty mailbox: nobody will tell anything new, so the processes may end.
        for child in &mut self.children {
            drop(child.stdin.take());
            assert!(child.wait().expect("the process ends").success());
        }
        while let Ok(line) = self.lines.recv_timeout(Duration::from_millis(200)) {
            let (number, delivery) = parse(&line);
            deliveries.entry(number).or_default().push(delivery);
        }
        (self, deliveries)
    }

    async fn finish(self) {
        let stats = self.world.stats().await;
        assert_eq!((stats.depth, stats.reserved, stats.delayed, stats.dead), (0, 0, 0, 0));
        assert_eq!(stats.ready.total(), 0);
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        for child in &mut self.children {
            // Fails if it has ended, which is what is wanted.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn parse(line: &str) -> (u64, Delivery) {
    let numbers: Vec<u64> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
    let [number, fence, attempts, deadline] = numbers[..] else { panic!("odd line {line:?}") };
    let attempts = u32::try_from(attempts).expect("few attempts");
    (number, Delivery { fence, attempts, deadline })
}

/// The body of a consumer process; nothing at all as an ordinary test.
#[tokio::test]
async fn consumer_process() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let words: Vec<&str> = role.split(' ').collect();
    let [url, layout, prefix, visibility] = words[..] else { panic!("odd role {role:?}") };
    let policy = MailboxPolicy::new().with_queue_size(50_000).with_retry_attempts(1_000);
    let mail = connect(url, layout.parse().expect("a layout"), prefix, policy).await;
    let visibility = Duration::from_millis(visibility.parse().expect("milliseconds"));
    let to = AgentId::parse("writer:w1").expect("valid");
    // The parent says "enough" by closing our input.
    let enough = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&enough);
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        seen.store(true, Ordering::Relaxed);
    });
    // The test harness leaves its own line open.
    std::io::stdout().write_all(b"\n").expect("the parent reads");
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..TASKS {
        tasks.spawn(consume(mail.clone(), to.clone(), visibility, Arc::clone(&enough)));
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("a consumer does not panic");
    }
}

async fn consume(
    mail: RedisMessageCoordinator,
    to: AgentId,
    visibility: Duration,
    enough: Arc<AtomicBool>,
) {
    while !enough.load(Ordering::Relaxed) {
        let Some(received) = mail.receive(&to, visibility).await.expect("receiving works") else {
            // Nothing is due: look again soon.
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        let body: serde_json::Value =
            serde_json::from_str(received.queue_message.message.payload.as_json()).expect("JSON");
        let number = body["number"].as_u64().expect("a number");
        let (fence, attempts) = (received.fence, received.queue_message.delivery_attempts);
        let deadline = received.visibility_deadline.as_micros();
        // One write for the line: a kill cuts it off whole or leaves it without its mark.
        let line = format!("got {number} {fence} {attempts} {deadline} .\n");
        std::io::stdout().lock().write_all(line.as_bytes()).expect("the parent reads");
        match mail.ack(&to, &received.token).await {
            Err(error) if !error.is_reservation_lost() => panic!("{error}"),
            _ => {}
        }
    }
}
