//! Restricted users: the documented rights are enough for everything, and for nothing more.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coord_core::mailbox::Order;
use coord_core::{
    AdminError, BackendErrorKind, DeadSelection, MailboxPolicy, MessageCoordinator, MessageMetrics,
    Page, ReceiveError, SendError, SendOptions, SharedCoordinator,
};
use coord_redis::{KeyLayout, RedisMessageCoordinator, Role};
use coord_testkit::conformance::Backend;
use coord_testkit::server::RealServer;
use coord_testkit::{Clock, FakeRedis};

use crate::harness::{At, LONG, World, config, fresh_prefix, private, server_time_passes, shared};

const START: Duration = Duration::from_secs(1_767_225_600);

/// Makes a user with these roles, and returns its URL.
fn user(at: &At, layout: KeyLayout, prefix: &str, roles: &[Role]) -> String {
    let name = format!("u-{prefix}-{}", roles[0].as_str());
    let rules = rules(layout, prefix, roles);
    let mut command = vec!["ACL", "SETUSER", &name, "reset", "on", ">secret"];
    command.extend(rules.iter().map(String::as_str));
    at.command(&command);
    format!("redis://{name}:secret@127.0.0.1:{}", at.port)
}

/// Rules of several roles, without those that would take back what the role before gave.
fn rules(layout: KeyLayout, prefix: &str, roles: &[Role]) -> Vec<String> {
    let all = roles.iter().map(|role| role.rules(layout, prefix)).collect::<Vec<_>>().join(" ");
    let mut rules: Vec<String> = all.split(' ').map(str::to_owned).collect();
    rules.retain(|rule| !rule.starts_with("reset") && rule != "-@all");
    rules
}

const MAIL: [Role; 3] = [Role::Producer, Role::Consumer, Role::Operator];

enum Server {
    Fake(FakeRedis),
    Real(Arc<RealServer>),
}

struct Place {
    server: Server,
    url: String,
    layout: KeyLayout,
    prefix: String,
}

impl Place {
    async fn fake(layout: KeyLayout) -> Option<Self> {
        let server = FakeRedis::builder().clock(Clock::manual(START)).start().await;
        let server = server.expect("a loopback port is free");
        let prefix = fresh_prefix();
        let mut command: Vec<String> =
            ["ACL", "SETUSER", "limited", "reset", "on", ">secret"].map(str::to_owned).to_vec();
        command.extend(rules(layout, &prefix, &MAIL));
        let made = server.command(command.iter().map(String::as_str));
        assert!(!made.is_error(), "{made:?}");
        let url = format!("redis://limited:secret@{}", server.address());
        Some(Self { server: Server::Fake(server), url, layout, prefix })
    }

    fn real(layout: KeyLayout) -> Option<Self> {
        let server = shared("restricted users")?;
        let prefix = fresh_prefix();
        let url = user(&At::from(&*server), layout, &prefix, &MAIL);
        Some(Self { server: Server::Real(server), url, layout, prefix })
    }
}

#[async_trait]
impl Backend for Place {
    async fn coordinator(
        &self,
        policy: MailboxPolicy,
        metrics: Arc<dyn MessageMetrics>,
    ) -> SharedCoordinator {
        let config = config(&self.url, self.layout, &self.prefix);
        let made = RedisMessageCoordinator::connect_with(config, policy, metrics).await;
        Arc::new(made.expect("the rights are enough"))
    }

    async fn advance(&self, by: Duration) {
        match &self.server {
            Server::Fake(server) => server.advance(by),
            Server::Real(server) => server_time_passes(&At::from(&**server), by).await,
        }
    }

    fn order(&self) -> Order {
        match self.layout {
            KeyLayout::Compact => Order::Arrival,
            KeyLayout::Tta => Order::Payload,
        }
    }
}

macro_rules! suite {
    ($name:ident, $kind:ident, $layout:ident $(, $await:tt)?) => {
        mod $name {
            async fn backend() -> Option<super::Place> {
                super::Place::$kind(coord_redis::KeyLayout::$layout)$(.$await)?
            }
            coord_testkit::conformance_suite!(backend);
        }
    };
}

suite!(fake_compact, fake, Compact, await);
suite!(fake_tta, fake, Tta, await);
suite!(real_compact, real, Compact);
suite!(real_tta, real, Tta);

/// Each role can do its own work; what is somebody else's is denied, and typed so.
#[tokio::test]
async fn each_role_can_do_its_own_and_no_more() {
    let Some(server) = private("each_role_can_do_its_own") else { return };
    for layout in [KeyLayout::Compact, KeyLayout::Tta] {
        let world = World::new(&server, layout).await;
        let as_role = async |role: Role| {
            let url = user(&world.at, layout, &world.prefix, &[role]);
            let config = config(&url, layout, &world.prefix);
            RedisMessageCoordinator::connect(config).await.expect("the rights are enough")
        };
        let producer = as_role(Role::Producer).await;
        let consumer = as_role(Role::Consumer).await;
        let operator = as_role(Role::Operator).await;
        let (from, to) = (&world.from, &world.to);
        producer.send_message(from, to, world.message("{}")).await.unwrap();
        let types = [coord_core::MessageType::Event];
        let handle = consumer.subscribe_to_messages(to, &types).await.unwrap();
        let mut event = world.message("{}");
        event.message_type = types[0];
        let published = producer.publish(from, event, SendOptions::new()).await.unwrap();
        assert_eq!(published.delivered(), 1);
        handle.close().await.unwrap();
        let received = consumer.receive_batch(to, 2, LONG).await.unwrap();
        for received in &received[1..] {
            consumer.ack(to, &received.token).await.unwrap();
        }
        consumer.release(to, &received[0].token).await.unwrap();
        // Denied inside a script, and outside of one.
        let stranger = as_role(Role::Breaker).await;
        let denied = stranger.receive(to, LONG).await;
        let Err(ReceiveError::Backend(error)) = denied else { panic!("{layout}: {denied:?}") };
        assert_eq!(error.kind(), BackendErrorKind::Denied, "{layout}: {error}");
        let denied = match layout {
            KeyLayout::Compact => producer.mailbox_stats(to).await.map(drop),
            KeyLayout::Tta => producer.dead_letters(to, Page::first(1)).await.map(drop),
        };
        let Err(AdminError::Backend(error)) = denied else { panic!("{layout}: {denied:?}") };
        assert_eq!(error.kind(), BackendErrorKind::Denied, "{layout}: {error}");

        let held = consumer.receive(to, LONG).await.unwrap().expect("it was sent");
        consumer.ack(to, &held.token).await.unwrap();
        assert_eq!(consumer.recover_pending(None).await.unwrap(), 0);

        operator.mailbox_stats(to).await.unwrap();
        operator.purge(to, &DeadSelection::all()).await.unwrap();
        let findings = operator.diagnose().await.unwrap();
        assert!(findings.iter().any(|it| it.check == "acl" && it.found.contains("operator")));

        // Other prefixes are not theirs.
        let url = user(&world.at, layout, &world.prefix, &[Role::Producer]);
        let other = config(&url, layout, &fresh_prefix());
        let made = RedisMessageCoordinator::connect(other).await;
        assert!(made.is_err(), "{layout}: {made:?}");
        let message = world.message("{}");
        let sent = producer.send_message(from, to, message).await;
        assert!(!matches!(sent, Err(SendError::Backend(_))), "{layout}: {sent:?}");
    }
}

/// The documents list what the code says.
#[test]
fn the_documents_are_true() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/acl.md");
    let text = std::fs::read_to_string(&path).unwrap();
    for layout in [KeyLayout::Compact, KeyLayout::Tta] {
        for role in Role::ALL {
            let line = format!(
                "ACL SETUSER {} on >PASSWORD {}",
                role.as_str(),
                role.rules(layout, layout.default_prefix())
            );
            assert!(
                text.lines().any(|it| it == line),
                "docs/acl.md lacks what the example acl prints:\n{line}"
            );
        }
    }
}
