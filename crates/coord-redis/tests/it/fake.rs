//! The conformance suite, and random histories with time in them, on the fake server.
//!
//! The fake runs the shipped scripts under a clock that moves only when it is told to, so every
//! time is compared to the microsecond.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coord_core::mailbox::Order;
use coord_core::{AgentId, MailboxPolicy, MessageMetrics, MessageType, SharedCoordinator};
use coord_redis::{KeyLayout, RedisMessageCoordinator};
use coord_testkit::conformance::Backend;
use coord_testkit::fake_redis::Reply;
use coord_testkit::history::{Span, histories, replay};
use coord_testkit::{Clock, FakeRedis};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::harness::{break_scripts, config, fresh_prefix};

/// Where the clock starts: 2026-01-01T00:00:00Z.
const START: Duration = Duration::from_secs(1_767_225_600);

/// How many histories a run tries in each layout, unless `PROPTEST_CASES` says otherwise.
const CASES: u32 = 32;

struct FakeBackend {
    server: Arc<FakeRedis>,
    layout: KeyLayout,
    prefix: String,
}

impl FakeBackend {
    async fn start(layout: KeyLayout) -> Self {
        let server = FakeRedis::builder().clock(Clock::manual(START)).start().await;
        let server = server.expect("a loopback port is free");
        break_scripts(&server);
        Self::on(Arc::new(server), layout)
    }

    fn on(server: Arc<FakeRedis>, layout: KeyLayout) -> Self {
        Self { server, layout, prefix: fresh_prefix() }
    }

    fn key(&self, part: &str, agent: &AgentId) -> String {
        let mailbox = agent.mailbox_key();
        match self.layout {
            KeyLayout::Compact => format!("{}:{{{mailbox}}}:{part}", self.prefix),
            KeyLayout::Tta => format!("{}:{part}:{mailbox}", self.prefix),
        }
    }
}

#[async_trait]
impl Backend for FakeBackend {
    async fn coordinator(
        &self,
        policy: MailboxPolicy,
        metrics: Arc<dyn MessageMetrics>,
    ) -> SharedCoordinator {
        let config = config(&self.server.url(), self.layout, &self.prefix);
        let made = RedisMessageCoordinator::connect_with(config, policy, metrics).await;
        Arc::new(made.expect("the server is there"))
    }

    async fn advance(&self, by: Duration) {
        self.server.advance(by);
    }

    fn order(&self) -> Order {
        match self.layout {
            KeyLayout::Compact => Order::Arrival,
            KeyLayout::Tta => Order::Payload,
        }
    }

    /// The compact layout has no other writers.
    async fn inject_raw(&self, agent: &AgentId, bytes: &[u8]) -> bool {
        if self.layout == KeyLayout::Compact {
            return false;
        }
        let now = self.server.clock().now_us().to_string();
        let (queue, schedule) = (self.key("queue", agent), self.key("sched", agent) + ":prio:5");
        let pushed = self.server.command([b"RPUSH".as_slice(), queue.as_bytes(), bytes]);
        let add = [b"ZADD".as_slice(), schedule.as_bytes(), now.as_bytes(), bytes];
        assert_eq!(self.server.command(add), Reply::Integer(1), "after {pushed:?}");
        true
    }

    async fn subscriptions(&self, agent: &AgentId) -> Option<Vec<MessageType>> {
        let key = self.key("subs", agent);
        let has = |kind: &MessageType| {
            self.server.command(["SISMEMBER", &key, kind.as_str()]) == Reply::Integer(1)
        };
        Some(MessageType::ALL.into_iter().filter(has).collect())
    }
}

mod compact {
    async fn backend() -> Option<super::FakeBackend> {
        Some(super::FakeBackend::start(coord_redis::KeyLayout::Compact).await)
    }

    coord_testkit::conformance_suite!(backend);
}

mod tta {
    async fn backend() -> Option<super::FakeBackend> {
        Some(super::FakeBackend::start(coord_redis::KeyLayout::Tta).await)
    }

    coord_testkit::conformance_suite!(backend);
}

fn agrees(layout: KeyLayout) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = runtime.block_on(FakeBackend::start(layout)).server;
    let mut config = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    // Failures print the whole history; there is no file to keep them in.
    config.failure_persistence = None;
    let mut runner = TestRunner::new(config);
    let agreed = runner.run(&histories(Span::Virtual), |history| {
        let backend = FakeBackend::on(Arc::clone(&server), layout);
        match runtime.block_on(replay(&history, &backend)) {
            Ok(replayed) if replayed.exact => Ok(()),
            Ok(_) => Err(TestCaseError::fail("the clock moved by itself")),
            Err(mismatch) => Err(TestCaseError::fail(mismatch.to_string())),
        }
    });
    if let Err(failure) = agreed {
        panic!("{layout:?}: {failure}");
    }
}

#[test]
fn compact_agrees_with_the_model() {
    agrees(KeyLayout::Compact);
}

#[test]
fn tta_agrees_with_the_model() {
    agrees(KeyLayout::Tta);
}
