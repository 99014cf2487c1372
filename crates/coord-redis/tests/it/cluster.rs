//! The conformance suites on clusters of three nodes, real and fake.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use coord_core::mailbox::Order;
use coord_core::registry::{RegistryPolicy, SharedRegistry};
use coord_core::{
    AgentId, BackendErrorKind, MailboxPolicy, MessageCoordinator, MessageMetrics, MessageType,
    SettleError, SharedCoordinator,
};
use coord_redis::{
    ConnectError, ForwardAcross, KeyLayout, RedisAgentRegistry, RedisBreakerStore, RedisConfig,
    RedisMessageCoordinator,
};
use coord_resilience::breaker::BreakerStore;
use coord_resilience::breaker::conformance::{self, Harness};
use coord_resilience::sleep::BoxFuture;
use coord_testkit::conformance::Backend;
use coord_testkit::conformance_registry::RegistryBackend;
use coord_testkit::fake_redis::Reply;
use coord_testkit::server::{Frame, RealCluster};
use coord_testkit::{Clock, FakeRedis};

use crate::harness::{At, LONG, agent, break_scripts, fresh_prefix, server_time_passes};

/// Where the clock of the fake starts: 2026-01-01T00:00:00Z.
const START: Duration = Duration::from_secs(1_767_225_600);
const NODES: usize = 3;

/// A cluster of either kind.
#[derive(Clone)]
pub(crate) enum Nodes {
    Fake(Arc<FakeRedis>),
    Real(Arc<RealCluster>),
}

impl Nodes {
    pub(crate) async fn fake() -> Self {
        let builder = FakeRedis::builder().clock(Clock::manual(START));
        let cluster = builder.start_cluster(NODES).await;
        let cluster = cluster.expect("loopback ports are free");
        break_scripts(&cluster);
        Self::Fake(Arc::new(cluster))
    }

    /// One that tests share while any of them runs.
    pub(crate) fn real(name: &str) -> Option<Self> {
        static CURRENT: Mutex<Weak<RealCluster>> = Mutex::new(Weak::new());
        let mut current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cluster) = current.upgrade() {
            return Some(Self::Real(cluster));
        }
        let cluster = Arc::new(RealCluster::start_or_ignore(name, NODES)?);
        *current = Arc::downgrade(&cluster);
        Some(Self::Real(cluster))
    }

    pub(crate) fn config(&self, layout: KeyLayout, prefix: &str) -> RedisConfig {
        let urls = match self {
            Self::Fake(cluster) => cluster.node_urls(),
            Self::Real(cluster) => cluster.urls(),
        };
        // The others are learned from one.
        let config = RedisConfig::from_cluster_urls(&[&urls[1]]).expect("a valid URL");
        config.with_layout(layout).with_prefix(prefix).expect("a valid prefix")
    }

    async fn advance(&self, by: Duration) {
        match self {
            Self::Fake(cluster) => cluster.advance(by),
            Self::Real(cluster) => {
                // They run on one machine: its clock is that of all.
                server_time_passes(&At::from(&cluster.nodes()[0]), by).await;
            }
        }
    }

    /// The members of a set.
    fn members(&self, key: &str) -> Vec<String> {
        match self {
            Self::Fake(cluster) => match cluster.command(["SMEMBERS", key]) {
                Reply::Array(items) | Reply::Set(items) => items
                    .iter()
                    .map(|item| match item {
                        Reply::Bulk(text) => String::from_utf8_lossy(text).into_owned(),
                        other => panic!("{other:?}"),
                    })
                    .collect(),
                other => panic!("{other:?}"),
            },
            Self::Real(cluster) => {
                let owner = cluster.owner(FakeRedis::slot(key)).expect("an owner");
                let members = cluster.nodes()[owner].command(&["SMEMBERS", key]);
                let Ok(Frame::Array(members)) = members else { panic!("{members:?}") };
                members
                    .into_iter()
                    .map(|member| match member {
                        Frame::Bulk(text) => String::from_utf8_lossy(&text).into_owned(),
                        other => panic!("{other:?}"),
                    })
                    .collect()
            }
        }
    }
}

/// Mailboxes or a registry on a cluster, under a prefix of their own.
struct Place {
    nodes: Nodes,
    layout: KeyLayout,
    prefix: String,
}

impl Place {
    fn new(nodes: Nodes, layout: KeyLayout) -> Self {
        let prefix = match layout {
            KeyLayout::Compact => fresh_prefix(),
            KeyLayout::Tta => format!("{{{}}}", fresh_prefix()),
        };
        Self { nodes, layout, prefix }
    }

    async fn fake(layout: KeyLayout) -> Option<Self> {
        Some(Self::new(Nodes::fake().await, layout))
    }

    fn real(layout: KeyLayout) -> Option<Self> {
        Some(Self::new(Nodes::real("cluster")?, layout))
    }

    fn config(&self) -> RedisConfig {
        let config = self.nodes.config(self.layout, &self.prefix);
        config.with_forward_across(ForwardAcross::SendThenAck)
    }
}

#[async_trait]
impl Backend for Place {
    async fn coordinator(
        &self,
        policy: MailboxPolicy,
        metrics: Arc<dyn MessageMetrics>,
    ) -> SharedCoordinator {
        let made = RedisMessageCoordinator::connect_with(self.config(), policy, metrics).await;
        Arc::new(made.expect("the cluster is there"))
    }

    async fn advance(&self, by: Duration) {
        self.nodes.advance(by).await;
    }

    fn order(&self) -> Order {
        match self.layout {
            KeyLayout::Compact => Order::Arrival,
            KeyLayout::Tta => Order::Payload,
        }
    }

    async fn subscriptions(&self, agent: &AgentId) -> Option<Vec<MessageType>> {
        let (prefix, mailbox) = (&self.prefix, agent.mailbox_key());
        let key = match self.layout {
            KeyLayout::Compact => format!("{prefix}:{{{mailbox}}}:subs"),
            KeyLayout::Tta => format!("{prefix}:subs:{mailbox}"),
        };
        let members = self.nodes.members(&key);
        let mut types: Vec<MessageType> =
            members.iter().map(|member| member.parse().expect("a type")).collect();
        types.sort_unstable();
        Some(types)
    }
}

#[async_trait]
impl RegistryBackend for Place {
    async fn registry(&self, policy: RegistryPolicy) -> SharedRegistry {
        let made = RedisAgentRegistry::connect(self.config(), policy).await;
        Arc::new(made.expect("the cluster is there"))
    }

    async fn advance(&self, by: Duration) {
        self.nodes.advance(by).await;
    }

    async fn lose_everything(&self) {
        match &self.nodes {
            Nodes::Fake(cluster) => {
                for url in cluster.node_urls() {
                    let client = redis::Client::open(url).expect("a valid URL");
                    let mut node = client.get_multiplexed_async_connection().await.expect("a node");
                    let flush = redis::cmd("FLUSHALL");
                    flush.query_async::<()>(&mut node).await.expect("FLUSHALL");
                }
            }
            // Others use the same cluster.
            Nodes::Real(cluster) => {
                for node in cluster.nodes() {
                    let keys = node.command(&["KEYS", &format!("{}:*", self.prefix)]);
                    let Ok(Frame::Array(keys)) = keys else { panic!("KEYS gave {keys:?}") };
                    for key in keys {
                        let Frame::Bulk(key) = key else { panic!("KEYS gave {key:?}") };
                        let key = std::str::from_utf8(&key).expect("UTF-8");
                        node.command(&["DEL", key]).expect("DEL");
                    }
                }
            }
        }
    }
}

macro_rules! on_both {
    ($suite:path, $fake:ident, $real:ident, $layout:ident) => {
        mod $fake {
            async fn backend() -> Option<super::Place> {
                super::Place::fake(coord_redis::KeyLayout::$layout).await
            }
            $suite!(backend);
        }
        mod $real {
            async fn backend() -> Option<super::Place> {
                super::Place::real(coord_redis::KeyLayout::$layout)
            }
            $suite!(backend);
        }
    };
}

on_both!(coord_testkit::conformance_suite, fake_compact, real_compact, Compact);
on_both!(coord_testkit::conformance_suite, fake_tta, real_tta, Tta);
on_both!(
    coord_testkit::registry_conformance_suite,
    fake_registry_compact,
    real_registry_compact,
    Compact
);
on_both!(coord_testkit::registry_conformance_suite, fake_registry_tta, real_registry_tta, Tta);

/// Without a hash tag the original's keys of one mailbox would lie in several slots.
#[tokio::test]
async fn tta_needs_a_hash_tag() {
    let nodes = Nodes::fake().await;
    for (prefix, works) in [("ao", false), ("{}", false), ("{ao}", true), ("x{y}", true)] {
        let made = RedisMessageCoordinator::connect(nodes.config(KeyLayout::Tta, prefix)).await;
        match made {
            Ok(_) => assert!(works, "{prefix}"),
            Err(ConnectError::Invalid(refused)) => {
                assert!(!works, "{prefix}");
                assert!(refused.to_string().contains("{ao}"), "{refused}");
            }
            Err(other) => panic!("{other:?}"),
        }
    }
}

/// One node of a cluster, asked for as a single server, says what to do.
#[tokio::test]
async fn a_node_is_no_single_server() {
    let mut all = vec![Nodes::fake().await];
    all.extend(Nodes::real("a_node_is_no_single_server"));
    for nodes in all {
        let url = match &nodes {
            Nodes::Fake(cluster) => cluster.node_urls().swap_remove(0),
            Nodes::Real(cluster) => cluster.urls().swap_remove(0),
        };
        let made = RedisMessageCoordinator::connect(RedisConfig::from_url(&url).unwrap()).await;
        let Err(ConnectError::Backend(error)) = made else { panic!("{made:?}") };
        assert_eq!(error.kind(), BackendErrorKind::Unsupported);
        assert!(error.to_string().contains("from_cluster_urls"), "{error}");
    }
}

/// Between slots a forward is refused with nothing done, unless it was allowed.
#[tokio::test]
async fn forwarding_across_slots_is_refused_or_deduplicated() {
    let mut all = vec![Nodes::fake().await];
    all.extend(Nodes::real("forwarding_across_slots"));
    for nodes in all {
        let prefix = fresh_prefix();
        let config = nodes.config(KeyLayout::Compact, &prefix);
        let mail = RedisMessageCoordinator::connect(config.clone()).await.unwrap();
        let (here, there) = (agent("writer:w1"), agent("reader"));
        let message = |id: &str| {
            let id = coord_core::MessageId::new(id.to_owned()).unwrap();
            coord_core::AgentMessage::new(id, here.clone(), there.clone(), MessageType::Request)
        };
        mail.send_message(&there, &here, message("first-1")).await.unwrap();
        let held = mail.receive(&here, LONG).await.unwrap().unwrap();
        let options = coord_core::SendOptions::new();
        let refused = mail.forward(&here, &held.token, &there, message("second-1"), options).await;
        assert!(matches!(refused, Err(SettleError::Unsupported(_))), "{refused:?}");
        assert_eq!(mail.mailbox_stats(&here).await.unwrap().reserved, 1);
        assert_eq!(mail.mailbox_stats(&there).await.unwrap().depth, 0);

        let config = config.with_forward_across(ForwardAcross::SendThenAck);
        let mail = RedisMessageCoordinator::connect(config).await.unwrap();
        // As after a failure between the two steps.
        let window = options.with_dedup_window(ForwardAcross::DEDUP_WINDOW);
        mail.send_message_with(&here, &there, message("second-1"), window).await.unwrap();
        let sent = mail.forward(&here, &held.token, &there, message("second-1"), options).await;
        assert!(sent.unwrap().delivered());
        assert_eq!(mail.mailbox_stats(&here).await.unwrap().depth, 0);
        assert_eq!(mail.mailbox_stats(&there).await.unwrap().depth, 1, "it is not doubled");
        let mut known = mail.mailboxes().await.unwrap();
        known.sort();
        assert_eq!(known, [there.clone(), here.clone()], "both nodes' mailboxes are found");
    }
}

struct BreakerPlace {
    nodes: Nodes,
    store: RedisBreakerStore,
}

impl Harness for BreakerPlace {
    fn store(&self) -> Arc<dyn BreakerStore> {
        Arc::new(self.store.clone())
    }

    fn advance(&self, by: Duration) -> BoxFuture<'_, ()> {
        Box::pin(self.nodes.advance(by))
    }
}

/// A breaker lies in one slot, and its news reach every node.
#[tokio::test]
async fn shared_breakers_conform() {
    let mut all = vec![Nodes::fake().await];
    all.extend(Nodes::real("shared_breakers_conform"));
    for nodes in all {
        let limit = Duration::from_secs(20);
        let config = nodes.config(KeyLayout::Compact, &fresh_prefix());
        let config = config.with_response_timeout(limit).with_connect_timeout(limit);
        let store = RedisBreakerStore::open_with(config, limit).expect("a valid configuration");
        conformance::run(&BreakerPlace { nodes, store }).await;
    }
}
