//! Ratios inside one run: `cargo bench -p coord-redis`.
//!
//! Absolute rates drift with the machine, so every number is measured in interleaved rounds and
//! set against another one of the same round; what is printed are medians. The goals stand in
//! `docs/performance.md`.

#![expect(clippy::print_stdout, reason = "a benchmark prints its numbers")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use coord_core::{
    AgentId, AgentMessage, MailboxPolicy, MessageCoordinator, MessagePriority, MessageType,
    NullMetrics, Payload, ReservationToken, SendOptions,
};
use coord_redis::{KeyLayout, RedisConfig, RedisMessageCoordinator};
use coord_testkit::server::{Frame, RawClient, RealServer};
use futures_util::{StreamExt, stream};
use redis::aio::MultiplexedConnection;

const ROUNDS: usize = 5;
const CALLERS: usize = 64;
const CYCLES: usize = 8_000;
const DEEP: usize = 9_900;
const SHALLOW: usize = 10;
const LAYOUTS: [KeyLayout; 2] = [KeyLayout::Compact, KeyLayout::Tta];
const LONG: Duration = Duration::from_secs(600);

fn main() {
    // `cargo test --all-targets` builds this and runs it without the argument.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let Some(server) = RealServer::builder().private().start_or_ignore("bench") else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut table = Table::default();
        for round in 1..=ROUNDS {
            println!("round {round} of {ROUNDS}");
            measure(&server, &mut table).await;
        }
        table.print();
        sizes(&server).await;
    });
    drop(server);
    let durable = RealServer::builder().append_only().start().unwrap();
    runtime.block_on(append_only_file(&durable));
}

/// Rates per name, one for each round.
#[derive(Default)]
struct Table(BTreeMap<String, Vec<f64>>);

impl Table {
    fn add(&mut self, name: String, operations: usize, took: Duration) {
        let rate = operations as f64 / took.as_secs_f64();
        self.0.entry(name).or_default().push(rate);
    }

    /// The median of the ratio of two rates of one round.
    fn ratio(&self, of: &str, to: &str) -> f64 {
        median(self.0[of].iter().zip(&self.0[to]).map(|(of, to)| of / to).collect())
    }

    fn print(&self) {
        println!("\nrates, medians of {ROUNDS} rounds");
        for (name, rates) in &self.0 {
            println!("{name:55} {:>12.0} /s", median(rates.clone()));
        }
        println!("\nratios, medians of {ROUNDS} rounds");
        for layout in LAYOUTS {
            for (what, of, to) in [
                ("full cycle against EVALSHA with 1 KB", "cycle", "evalsha"),
                ("library against the same scripts by hand", "cycle", "cycle by hand"),
                (
                    "HIGH over a backlog against an empty mailbox",
                    "cycle over backlog",
                    "cycle HIGH",
                ),
                ("settling 9 900, shuffled, against depth 10 (time)", "ack shallow", "ack deep"),
                ("fused drain against separate calls, one caller", "drain fused", "drain"),
                ("batch of 50 against single, one caller", "cycle of 50", "cycle single"),
            ] {
                let of = format!("{of} {layout}");
                let to = if to == "evalsha" { to.to_owned() } else { format!("{to} {layout}") };
                println!("{:55} {:>12.2}", format!("{what} {layout}"), self.ratio(&of, &to));
            }
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

async fn measure(server: &RealServer, table: &mut Table) {
    server.command(&["FLUSHALL"]).unwrap();
    evalsha(server, table).await;
    for layout in LAYOUTS {
        let world = World::new(server, layout).await;
        let add = |table: &mut Table, name: &str, operations, took| {
            table.add(format!("{name} {layout}"), operations, took);
        };
        server.command(&["CONFIG", "RESETSTAT"]).unwrap();
        let took = world.cycles(MessagePriority::Normal, CYCLES).await;
        add(table, "cycle", CYCLES, took);
        add(table, "cycle, server time only", CYCLES, script_time(server));
        add(table, "cycle by hand", CYCLES, world.cycles_by_hand(server, CYCLES).await);
        let took = world.cycles(MessagePriority::High, CYCLES).await;
        add(table, "cycle HIGH", CYCLES, took);
        world.fill(&world.to, DEEP, MessagePriority::Low).await;
        let took = world.cycles(MessagePriority::High, CYCLES).await;
        add(table, "cycle over backlog", CYCLES, took);
        let took = world.settle_shuffled(std::slice::from_ref(&world.to)).await;
        add(table, "ack deep", DEEP, took);
        let many: Vec<AgentId> =
            (0..DEEP / SHALLOW).map(|i| AgentId::parse(&format!("shallow:{i}")).unwrap()).collect();
        for agent in &many {
            world.fill(agent, SHALLOW, MessagePriority::Low).await;
        }
        let took = world.settle_shuffled(&many).await;
        add(table, "ack shallow", DEEP, took);
        add(table, "drain", 2_000, world.drain(2_000, false).await);
        add(table, "drain fused", 2_000, world.drain(2_000, true).await);
        add(table, "cycle single", 1_000, world.one_caller(1_000).await);
        add(table, "cycle of 50", 5_000, world.batches(100).await);
    }
}

/// An empty script with an argument of 1 KB: what any operation costs at least.
async fn evalsha(server: &RealServer, table: &mut Table) {
    let digest = server.command(&["SCRIPT", "LOAD", "return 1"]).unwrap();
    let Frame::Bulk(digest) = digest else { panic!("{digest:?}") };
    let digest = String::from_utf8(digest).unwrap();
    let connection = by_hand(server).await;
    let argument = "x".repeat(1024);
    server.command(&["CONFIG", "RESETSTAT"]).unwrap();
    let started = Instant::now();
    each(0..CYCLES * 3, |_| {
        let mut connection = connection.clone();
        let mut command = redis::cmd("EVALSHA");
        command.arg(&digest).arg(0).arg(&argument);
        async move {
            let _: i64 = command.query_async(&mut connection).await.unwrap();
        }
    })
    .await;
    table.add("evalsha".to_owned(), CYCLES * 3, started.elapsed());
    table.add("evalsha, server time only".to_owned(), CYCLES * 3, script_time(server));
}

async fn by_hand(server: &RealServer) -> MultiplexedConnection {
    let client = redis::Client::open(server.url()).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

struct World {
    layout: KeyLayout,
    mail: RedisMessageCoordinator,
    from: AgentId,
    to: AgentId,
    payload: Payload,
}

impl World {
    async fn new(server: &RealServer, layout: KeyLayout) -> Self {
        let config = RedisConfig::from_url(&server.url()).unwrap().with_layout(layout);
        let policy = MailboxPolicy::new().with_queue_size(1_000_000);
        let mail = RedisMessageCoordinator::connect_with(config, policy, Arc::new(NullMetrics));
        let mail = mail.await.unwrap();
        // Makes the stored message about 1 KB long.
        let payload = format!("{{\"text\": \"{}\"}}", "x".repeat(600));
        Self {
            layout,
            mail,
            from: AgentId::parse("planner").unwrap(),
            to: AgentId::parse("writer:w1").unwrap(),
            payload: Payload::from_json(&payload).unwrap(),
        }
    }

    fn message(&self, priority: MessagePriority) -> AgentMessage {
        let id = self.mail.new_message_id();
        AgentMessage::new(id, self.from.clone(), self.to.clone(), MessageType::Request)
            .with_payload(self.payload.clone())
            .with_priority(priority)
    }

    async fn send(&self, to: &AgentId, priority: MessagePriority) {
        let sent = self.mail.send_message(&self.from, to, self.message(priority)).await.unwrap();
        assert!(sent.delivered());
    }

    async fn fill(&self, to: &AgentId, count: usize, priority: MessagePriority) {
        each(0..count, |_| self.send(to, priority)).await;
    }

    async fn token(&self, agent: &AgentId) -> ReservationToken {
        self.mail.receive(agent, LONG).await.unwrap().unwrap().token
    }

    /// Send, receive, ack, one after the other, by all callers at once.
    async fn cycles(&self, priority: MessagePriority, count: usize) -> Duration {
        let started = Instant::now();
        each(0..count, |_| async {
            self.send(&self.to, priority).await;
            let token = self.token(&self.to).await;
            self.mail.ack(&self.to, &token).await.unwrap();
        })
        .await;
        started.elapsed()
    }

    /// The same commands, as MONITOR saw them, without this library.
    async fn cycles_by_hand(&self, server: &RealServer, count: usize) -> Duration {
        let message = self.message(MessagePriority::Normal);
        let id = message.message_id.to_string();
        let mut monitor = server.client().unwrap();
        monitor.checked(&["MONITOR"]).unwrap();
        self.mail.send_message(&self.from, &self.to, message).await.unwrap();
        let token = self.token(&self.to).await;
        self.mail.ack(&self.to, &token).await.unwrap();
        let [send, receive, ack] = [(); 3].map(|()| next_script(&mut monitor));
        // A client that only listens would slow the server down.
        drop(monitor);
        let connection = by_hand(server).await;
        let started = Instant::now();
        each(0..count, |number| {
            let mut connection = connection.clone();
            let number = u32::try_from(number).unwrap();
            let fresh_id = format!("{number:032}");
            let fresh_token = format!("res_{number:016x}");
            let send = with(&send, &id, &fresh_id);
            let receive = with(&receive, token.as_str(), &fresh_token);
            let ack = with(&ack, token.as_str(), &fresh_token);
            async move {
                let _: redis::Value = send.query_async(&mut connection).await.unwrap();
                let _: redis::Value = receive.query_async(&mut connection).await.unwrap();
                let settled: Vec<i64> = ack.query_async(&mut connection).await.unwrap();
                assert_eq!(settled, [1]);
            }
        })
        .await;
        started.elapsed()
    }

    /// Receives everything in the mailboxes, then settles it in shuffled order, one after the
    /// other: the latter's time.
    async fn settle_shuffled(&self, agents: &[AgentId]) -> Duration {
        let mut tokens: Vec<(usize, ReservationToken)> = stream::iter(0..DEEP)
            .map(|number| async move {
                let agent = number % agents.len();
                (agent, self.token(&agents[agent]).await)
            })
            .buffer_unordered(CALLERS)
            .collect()
            .await;
        let mut state = 1_u64;
        for i in (1..tokens.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            tokens.swap(i, usize::try_from(state >> 33).unwrap() % (i + 1));
        }
        let started = Instant::now();
        for (agent, token) in &tokens {
            self.mail.ack(&agents[*agent], token).await.unwrap();
        }
        started.elapsed()
    }

    /// One caller that takes and settles everything.
    async fn drain(&self, count: usize, fused: bool) -> Duration {
        self.fill(&self.to, count, MessagePriority::Normal).await;
        let started = Instant::now();
        if fused {
            let mut token = self.token(&self.to).await;
            loop {
                let next = self.mail.ack_and_receive(&self.to, &token, LONG).await.unwrap();
                assert!(next.settled);
                let Some(next) = next.next else { break };
                token = next.token;
            }
        } else {
            while let Some(received) = self.mail.receive(&self.to, LONG).await.unwrap() {
                self.mail.ack(&self.to, &received.token).await.unwrap();
            }
        }
        started.elapsed()
    }

    async fn one_caller(&self, count: usize) -> Duration {
        let started = Instant::now();
        for _ in 0..count {
            self.send(&self.to, MessagePriority::Normal).await;
            let token = self.token(&self.to).await;
            self.mail.ack(&self.to, &token).await.unwrap();
        }
        started.elapsed()
    }

    /// Cycles of 50 messages each.
    async fn batches(&self, count: usize) -> Duration {
        let started = Instant::now();
        for _ in 0..count {
            let batch = (0..50)
                .map(|_| (self.message(MessagePriority::Normal), SendOptions::new()))
                .collect();
            self.mail.send_batch(&self.from, &self.to, batch).await.unwrap();
            let received = self.mail.receive_batch(&self.to, 50, LONG).await.unwrap();
            assert_eq!(received.len(), 50);
            let tokens: Vec<_> = received.into_iter().map(|it| it.token).collect();
            self.mail.ack_batch(&self.to, &tokens).await.unwrap();
        }
        started.elapsed()
    }

    /// What the message is as the original's JSON.
    fn json_bytes(&self) -> usize {
        let mut message = self.message(MessagePriority::Normal);
        message.timestamp = Some("2026-11-20T21:48:13.658092+00:00".to_owned());
        let mut queued = coord_core::QueueMessage::new(message);
        queued.enqueued_at = Some("2026-11-20T21:48:13.658100+00:00".to_owned());
        queued.to_wire().len()
    }
}

/// All callers at once.
async fn each<T, F: Future>(items: impl IntoIterator<Item = T>, action: impl FnMut(T) -> F) {
    let running = stream::iter(items.into_iter().map(action)).buffer_unordered(CALLERS);
    running.for_each(|_| async {}).await;
}

/// The arguments of the next EVALSHA that MONITOR shows.
fn next_script(monitor: &mut RawClient) -> Vec<String> {
    loop {
        let Frame::Simple(line) = monitor.read().unwrap() else { panic!("MONITOR shows lines") };
        let arguments = unquoted(&line);
        if arguments[0].eq_ignore_ascii_case("evalsha") {
            return arguments;
        }
    }
}

/// The quoted words of a line; all that is stored here is plain text.
fn unquoted(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        match (&mut word, c) {
            (None, '"') => word = Some(String::new()),
            (None, _) => {}
            (Some(_), '"') => words.extend(word.take()),
            (Some(text), '\\') => text.extend(rest.next()),
            (Some(text), c) => text.push(c),
        }
    }
    words
}

fn with(arguments: &[String], old: &str, new: &str) -> redis::Cmd {
    let mut command = redis::Cmd::new();
    for argument in arguments {
        command.arg(argument.replace(old, new));
    }
    command
}

/// What the server spent in EVALSHA since its statistics were reset.
fn script_time(server: &RealServer) -> Duration {
    let info = server.command(&["INFO", "commandstats"]).unwrap();
    let (Frame::Bulk(info) | Frame::Verbatim(info)) = info else { panic!("{info:?}") };
    let info = String::from_utf8(info).unwrap();
    let line = info.lines().find(|line| line.starts_with("cmdstat_evalsha:")).unwrap();
    let micros = line.split(',').find_map(|field| field.strip_prefix("usec=")).unwrap();
    Duration::from_micros(micros.parse().unwrap())
}

/// Memory of waiting messages, against their JSON.
async fn sizes(server: &RealServer) {
    const COUNT: usize = 5_000;
    println!("\nmemory per waiting message, against its JSON");
    for layout in LAYOUTS {
        server.command(&["FLUSHALL"]).unwrap();
        let world = World::new(server, layout).await;
        let before = number(server, "memory", "used_memory");
        world.fill(&world.to, COUNT, MessagePriority::Normal).await;
        let used = number(server, "memory", "used_memory") - before;
        report(&world, used / COUNT as f64);
    }
}

/// Bytes of the append-only file over a message's life, against its JSON.
async fn append_only_file(server: &RealServer) {
    const COUNT: usize = 2_000;
    server.command(&["CONFIG", "SET", "appendfsync", "everysec"]).unwrap();
    server.command(&["CONFIG", "SET", "auto-aof-rewrite-percentage", "0"]).unwrap();
    println!("\nappend-only file over a message's life (send, receive, ack), against its JSON");
    for layout in LAYOUTS {
        let world = World::new(server, layout).await;
        world.cycles(MessagePriority::Normal, 1).await;
        let before = number(server, "persistence", "aof_current_size");
        world.cycles(MessagePriority::Normal, COUNT).await;
        let used = number(server, "persistence", "aof_current_size") - before;
        report(&world, used / COUNT as f64);
    }
}

fn report(world: &World, bytes: f64) {
    let json = world.json_bytes();
    println!("{:10} {bytes:>6.0} B for {json} B: {:.2}", world.layout, bytes / json as f64);
}

fn number(server: &RealServer, section: &str, field: &str) -> f64 {
    let info = server.command(&["INFO", section]).unwrap();
    let (Frame::Bulk(info) | Frame::Verbatim(info)) = info else { panic!("{info:?}") };
    let info = String::from_utf8(info).unwrap();
    let line = info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.unwrap().trim().parse().unwrap()
}
