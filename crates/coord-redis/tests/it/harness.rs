//! What every test needs: a server, a prefix nobody else uses, a coordinator, short words.

use std::collections::BTreeMap;
use std::process::id as process_id;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use coord_core::{
    AgentId, AgentMessage, MailboxPolicy, MailboxStats, MessageCoordinator, MessageId,
    MessagePriority, MessageType, NullMetrics, Page, Payload, ReceivedMessage,
};
use coord_redis::{KeyLayout, RedisConfig, RedisMessageCoordinator};
use coord_testkit::server::{Frame, RawClient, RealServer};
use coord_testkit::{Clock, FakeRedis};
use tokio::runtime::Runtime;

pub(crate) use crate::broken::break_scripts;
use crate::broken::port_of_real;

pub(crate) const LAYOUTS: [KeyLayout; 2] = [KeyLayout::Compact, KeyLayout::Tta];

/// Long enough that no reservation of a test expires by itself.
pub(crate) const LONG: Duration = Duration::from_secs(600);

/// Where a server listens; whoever started it keeps it alive.
#[derive(Debug, Clone)]
pub(crate) struct At {
    pub(crate) url: String,
    pub(crate) port: u16,
}

impl From<&RealServer> for At {
    fn from(server: &RealServer) -> Self {
        let (port, own) = (port_of_real(server.port()), format!(":{}", server.port()));
        Self { url: server.url().replace(&own, &format!(":{port}")), port }
    }
}

impl At {
    pub(crate) fn client(&self) -> RawClient {
        RawClient::connect(self.port).expect("the server takes connections")
    }

    pub(crate) fn command(&self, args: &[&str]) -> Frame {
        self.client().checked(args).expect("the server does as told")
    }

    /// A reply that is a number.
    pub(crate) fn number(&self, args: &[&str]) -> i64 {
        match self.command(args) {
            Frame::Integer(number) => number,
            Frame::Bulk(digits) => String::from_utf8_lossy(&digits).parse().expect("a number"),
            other => panic!("{args:?} gave {other:?}"),
        }
    }

    /// A reply that is a list of texts.
    pub(crate) fn texts(&self, args: &[&str]) -> Vec<String> {
        let Frame::Array(items) = self.command(args) else { panic!("{args:?} gives no list") };
        let text = |item| match item {
            Frame::Bulk(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            other => panic!("{args:?} gave {other:?}"),
        };
        items.into_iter().map(text).collect()
    }
}

/// A fake server on a thread of its own, so that blocking clients can talk to it.
pub(crate) struct Fake {
    pub(crate) server: FakeRedis,
    runtime: Option<Runtime>,
}

impl Fake {
    pub(crate) fn start(clock: Clock) -> Self {
        // A runtime cannot be entered from within another one.
        let started = std::thread::spawn(|| {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            let runtime = builder.worker_threads(1).enable_all().build().expect("a runtime");
            let server = runtime.block_on(FakeRedis::builder().clock(clock).start());
            (server.expect("a free port"), runtime)
        });
        let (server, runtime) = started.join().expect("the fake starts");
        break_scripts(&server);
        Self { server, runtime: Some(runtime) }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.runtime.take().expect("there until now").shutdown_background();
    }
}

impl From<&Fake> for At {
    fn from(fake: &Fake) -> Self {
        Self { url: fake.server.url(), port: fake.server.address().port() }
    }
}

/// One mailbox on one server, under a prefix of its own.
pub(crate) struct World {
    pub(crate) at: At,
    pub(crate) layout: KeyLayout,
    pub(crate) prefix: String,
    pub(crate) mail: RedisMessageCoordinator,
    pub(crate) from: AgentId,
    pub(crate) to: AgentId,
}

impl World {
    pub(crate) async fn new(at: impl Into<At>, layout: KeyLayout) -> Self {
        Self::with(at, layout, MailboxPolicy::new().with_queue_size(100_000)).await
    }

    pub(crate) async fn with(at: impl Into<At>, layout: KeyLayout, policy: MailboxPolicy) -> Self {
        let (at, prefix) = (at.into(), fresh_prefix());
        let mail = connect(&at.url, layout, &prefix, policy).await;
        let (from, to) = (agent("planner"), agent("writer:w1"));
        Self { at, layout, prefix, mail, from, to }
    }

    /// One more coordinator, with a connection of its own.
    pub(crate) async fn another(&self) -> RedisMessageCoordinator {
        connect(&self.at.url, self.layout, &self.prefix, self.mail.policy()).await
    }

    pub(crate) fn raw(&self) -> RawClient {
        self.at.client()
    }

    pub(crate) fn message(&self, text: &str) -> AgentMessage {
        AgentMessage::new(
            self.mail.new_message_id(),
            self.from.clone(),
            self.to.clone(),
            MessageType::Request,
        )
        .with_payload(Payload::from_json(text).expect("tests use valid payloads"))
    }

    pub(crate) async fn send(&self, text: &str) -> MessageId {
        self.send_at(text, MessagePriority::Normal).await
    }

    pub(crate) async fn send_at(&self, text: &str, priority: MessagePriority) -> MessageId {
        let message = self.message(text).with_priority(priority);
        let sent = self.mail.send_message(&self.from, &self.to, message).await;
        let sent = sent.expect("the message is valid");
        assert!(sent.delivered(), "{sent:?}");
        sent.message_id
    }

    pub(crate) async fn receive(&self) -> ReceivedMessage {
        self.maybe_receive().await.expect("a message is due")
    }

    pub(crate) async fn maybe_receive(&self) -> Option<ReceivedMessage> {
        self.mail.receive(&self.to, LONG).await.expect("receiving works")
    }

    pub(crate) async fn stats(&self) -> MailboxStats {
        self.mail.mailbox_stats(&self.to).await.expect("counting works")
    }

    pub(crate) async fn dead(&self) -> Vec<coord_core::DeadLetter> {
        self.mail.dead_letters(&self.to, Page::first(1000)).await.expect("listing works")
    }

    /// The key of a part of the mailbox, spelt out as the documents do.
    pub(crate) fn key(&self, part: &str) -> String {
        match self.layout {
            KeyLayout::Compact => format!("{}:{{writer:w1}}:{part}", self.prefix),
            KeyLayout::Tta => format!("{}:{part}:writer:w1", self.prefix),
        }
    }
}

pub(crate) async fn connect(
    url: &str,
    layout: KeyLayout,
    prefix: &str,
    policy: MailboxPolicy,
) -> RedisMessageCoordinator {
    let config = config(url, layout, prefix);
    let made = RedisMessageCoordinator::connect_with(config, policy, Arc::new(NullMetrics)).await;
    made.expect("the server is there")
}

pub(crate) fn config(url: &str, layout: KeyLayout, prefix: &str) -> RedisConfig {
    let config = RedisConfig::from_url(url).expect("the launcher makes valid URLs");
    config.with_layout(layout).with_prefix(prefix).expect("a valid prefix")
}

pub(crate) fn agent(text: &str) -> AgentId {
    AgentId::parse(text).expect("tests use valid agents")
}

/// A prefix that nobody else uses, also on a server that outlives the test.
pub(crate) fn fresh_prefix() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("t{}-{}", process_id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A server that tests share while any of them runs; for tests that only use their own prefix.
pub(crate) fn shared(name: &str) -> Option<Arc<RealServer>> {
    static CURRENT: Mutex<Weak<RealServer>> = Mutex::new(Weak::new());
    let mut current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = current.upgrade() {
        return Some(server);
    }
    let server = Arc::new(RealServer::start_or_ignore(name)?);
    *current = Arc::downgrade(&server);
    Some(server)
}

/// A server of one's own, for tests that look at all of it or hurt it.
pub(crate) fn private(name: &str) -> Option<RealServer> {
    RealServer::builder().private().start_or_ignore(name)
}

/// Returns when the server's clock is at least `by` later.
pub(crate) async fn server_time_passes(at: &At, by: Duration) {
    let until = server_micros(at) + u64::try_from(by.as_micros()).expect("short times");
    let give_up = Instant::now() + by + Duration::from_secs(30);
    while server_micros(at) < until {
        assert!(Instant::now() < give_up, "the server's clock stands still");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

pub(crate) fn server_micros(at: &At) -> u64 {
    let time = at.command(&["TIME"]);
    let Frame::Array(parts) = time else { panic!("TIME gave {time:?}") };
    let [seconds, micros] = [0, 1].map(|i| match &parts[i] {
        Frame::Bulk(digits) => String::from_utf8_lossy(digits).parse::<u64>().expect("digits"),
        other => panic!("TIME gave {other:?}"),
    });
    seconds * 1_000_000 + micros
}

/// How often each command ran since the last `reset_counts`, those of the counting itself aside.
pub(crate) fn counts(raw: &mut RawClient) -> BTreeMap<String, u64> {
    let info = raw.checked(&["INFO", "commandstats"]).expect("INFO");
    let (Frame::Bulk(info) | Frame::Verbatim(info)) = info else { panic!("INFO gave {info:?}") };
    let info = String::from_utf8(info).expect("INFO is text");
    let mut found = BTreeMap::new();
    for line in info.lines() {
        let Some((name, rest)) = line.strip_prefix("cmdstat_").and_then(|it| it.split_once(':'))
        else {
            continue;
        };
        let calls = rest.strip_prefix("calls=").and_then(|it| it.split(',').next());
        let calls = calls.and_then(|it| it.parse().ok()).expect("calls=n");
        if !matches!(name, "info" | "config|resetstat") && calls > 0 {
            found.insert(name.to_uppercase(), calls);
        }
    }
    found
}

pub(crate) fn reset_counts(raw: &mut RawClient) {
    raw.checked(&["CONFIG", "RESETSTAT"]).expect("CONFIG RESETSTAT");
}

/// Numbers that look random and can be drawn again from their seed (splitmix64).
pub(crate) struct Random(u64);

impl Random {
    /// From `COORD_SEED` if that is set; says the seed aloud either way.
    #[expect(clippy::print_stderr, reason = "a failing test shows its seed")]
    pub(crate) fn seeded(name: &str) -> Self {
        let given = std::env::var("COORD_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| u64::from(process_id()) ^ 0x5eed_0000_0000);
        eprintln!("{name}: COORD_SEED={seed}");
        Self(seed)
    }

    /// From a seed that was drawn, for one task of many.
    pub(crate) const fn from_seed(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).expect("smaller than limit")
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}
