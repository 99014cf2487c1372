//! The conformance suite on a real server, in both layouts.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coord_core::mailbox::Order;
use coord_core::{AgentId, MailboxPolicy, MessageMetrics, MessageType, SharedCoordinator};
use coord_redis::{KeyLayout, RedisMessageCoordinator};
use coord_testkit::conformance::Backend;
use coord_testkit::server::{Frame, RealServer};

use crate::harness::{At, config, fresh_prefix, server_micros, server_time_passes, shared};

pub(crate) struct RealBackend {
    /// Kept alive.
    _server: Arc<RealServer>,
    at: At,
    layout: KeyLayout,
    prefix: String,
}

impl RealBackend {
    pub(crate) fn new(layout: KeyLayout) -> Option<Self> {
        let server = shared("conformance")?;
        let at = At::from(&*server);
        Some(Self { _server: server, at, layout, prefix: fresh_prefix() })
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
impl Backend for RealBackend {
    async fn coordinator(
        &self,
        policy: MailboxPolicy,
        metrics: Arc<dyn MessageMetrics>,
    ) -> SharedCoordinator {
        let config = config(&self.at.url, self.layout, &self.prefix);
        let made = RedisMessageCoordinator::connect_with(config, policy, metrics).await;
        Arc::new(made.expect("the server is there"))
    }

    async fn advance(&self, by: Duration) {
        server_time_passes(&self.at, by).await;
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
        let now = server_micros(&self.at).to_string();
        let (queue, schedule) = (self.key("queue", agent), self.key("sched", agent) + ":prio:5");
        let mut raw = self.at.client();
        let push: [&[u8]; 3] = [b"RPUSH", queue.as_bytes(), bytes];
        raw.checked(&push).expect("RPUSH");
        let add: [&[u8]; 4] = [b"ZADD", schedule.as_bytes(), now.as_bytes(), bytes];
        raw.checked(&add).expect("ZADD");
        true
    }

    async fn subscriptions(&self, agent: &AgentId) -> Option<Vec<MessageType>> {
        let members = self.at.command(&["SMEMBERS", &self.key("subs", agent)]);
        let Frame::Array(members) = members else { panic!("SMEMBERS gave {members:?}") };
        let mut types: Vec<MessageType> = members
            .into_iter()
            .map(|member| match member {
                Frame::Bulk(text) => String::from_utf8_lossy(&text).parse().expect("a type"),
                other => panic!("SMEMBERS gave {other:?}"),
            })
            .collect();
        types.sort_unstable();
        Some(types)
    }
}

mod compact {
    async fn backend() -> Option<super::RealBackend> {
        super::RealBackend::new(coord_redis::KeyLayout::Compact)
    }

    coord_testkit::conformance_suite!(backend);
}

mod tta {
    async fn backend() -> Option<super::RealBackend> {
        super::RealBackend::new(coord_redis::KeyLayout::Tta)
    }

    coord_testkit::conformance_suite!(backend);
}
