//! What the registry keeps in Redis about those who are there, and what is left when they go.

use std::time::Duration;

use coord_core::capability::{AgentCapability, CapabilitySet, CapabilityType};
use coord_core::registry::{AgentRegistry, Heartbeat, Registration, RegistryPolicy};
use coord_redis::{KeyLayout, RedisAgentRegistry};
use coord_testkit::fake_redis::Reply;
use coord_testkit::{Clock, FakeRedis};

use crate::harness::{LAYOUTS, agent, break_scripts, config};

const TTL: Duration = Duration::from_secs(30);

struct Scene {
    server: FakeRedis,
    registry: RedisAgentRegistry,
    space: &'static str,
}

impl Scene {
    async fn new(layout: KeyLayout) -> Self {
        let clock = Clock::manual(Duration::from_secs(1_767_225_600));
        let server = FakeRedis::builder().clock(clock).start().await.unwrap();
        break_scripts(&server);
        let config = config(&server.url(), layout, "p");
        let registry = RedisAgentRegistry::connect(config, RegistryPolicy::new().with_ttl(TTL));
        let registry = registry.await.unwrap();
        let space = if layout == KeyLayout::Compact { "p:{agents}" } else { "p" };
        Self { server, registry, space }
    }

    fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.space)
    }

    fn number(&self, command: &str, name: &str, rest: &[&str]) -> i64 {
        let key = self.key(name);
        let mut args = vec![command, &key];
        args.extend(rest);
        match self.server.command(args) {
            Reply::Integer(number) => number,
            other => panic!("{command} {key}: {other:?}"),
        }
    }

    /// Everything by which an agent is found, and how often it is in there.
    fn traces(&self) -> [i64; 8] {
        [
            self.number("SCARD", "agents:index", &[]),
            self.number("ZCARD", "registry:deadlines", &[]),
            self.number("ZCARD", "registry:suspects", &[]),
            self.number("ZCARD", "registry:spared", &[]),
            self.number("SCARD", "capabilities:index", &[]),
            self.number("ZCARD", "registry:names", &[]),
            self.number("HLEN", "registry:members", &[]),
            self.number("SCARD", "registry:known", &[]),
        ]
    }

    fn graves(&self) -> (i64, i64) {
        (self.number("HLEN", "registry:meta", &[]), self.number("ZCARD", "registry:graves", &[]))
    }
}

fn able(name: &str) -> Registration {
    let capability = AgentCapability::new("read", CapabilityType::Analysis, "1.0.0").unwrap();
    Registration::new(agent(name))
        .with_capabilities(CapabilitySet::new(agent(name), vec![capability]))
}

const HERE: [i64; 8] = [1, 1, 1, 0, 1, 2, 1, 1];
const NOTHING: [i64; 8] = [0; 8];

#[tokio::test]
async fn who_goes_leaves_only_a_gravestone() {
    for layout in LAYOUTS {
        let scene = Scene::new(layout).await;
        scene.registry.register(&able("a")).await.unwrap();
        assert_eq!(scene.traces(), HERE, "{layout}");
        assert_eq!(scene.number("HEXISTS", "registry:log", &["epoch"]), 1, "{layout}");
        scene.registry.deregister(&agent("a"), None).await.unwrap();
        assert_eq!(scene.traces(), NOTHING, "{layout}");
        assert_eq!(scene.number("EXISTS", "agents:a:default", &[]), 0, "{layout}");
        assert_eq!(scene.number("EXISTS", "capabilities:a:default", &[]), 0, "{layout}");
        assert_eq!(scene.graves(), (1, 1), "{layout}");
        // Gravestones keep a day; whoever goes next clears them.
        scene.server.advance(Duration::from_secs(86_401));
        scene.registry.register(&able("b")).await.unwrap();
        scene.registry.deregister(&agent("b"), None).await.unwrap();
        assert_eq!(scene.graves(), (1, 1), "{layout}: only that of the last one");
    }
}

#[tokio::test]
async fn who_dies_leaves_only_a_gravestone() {
    for layout in LAYOUTS {
        let scene = Scene::new(layout).await;
        scene.registry.register(&able("a")).await.unwrap();
        // Enough others that one death is no mass loss.
        let others: Vec<_> = (0..9).map(|n| able(&format!("other:{n}"))).collect();
        let mut beating = Vec::new();
        for other in &others {
            let incarnation = scene.registry.register(other).await.unwrap().incarnation;
            beating.push(Heartbeat { registration: other, incarnation });
        }
        for _ in 0..4 {
            scene.server.advance(TTL / 3);
            scene.registry.heartbeat(&beating).await.unwrap();
        }
        assert_eq!(scene.registry.list_registered().await.unwrap().len(), 9, "{layout}");
        assert_eq!(scene.traces(), [9, 9, 9, 0, 9, 18, 9, 9], "{layout}");
        assert_eq!(scene.number("ZCARD", "registry:graves", &[]), 1, "{layout}");
    }
}

/// Of whoever was spared and then died or came back, nothing says so any more.
#[tokio::test]
async fn who_was_spared_is_so_no_more() {
    for layout in LAYOUTS {
        let scene = Scene::new(layout).await;
        let all: Vec<_> = (0..10).map(|n| able(&format!("a:{n}"))).collect();
        let mut beats = Vec::new();
        for one in &all {
            let incarnation = scene.registry.register(one).await.unwrap().incarnation;
            beats.push(Heartbeat { registration: one, incarnation });
        }
        scene.server.advance(TTL + Duration::from_secs(1));
        scene.registry.list_registered().await.unwrap();
        assert_eq!(scene.number("ZCARD", "registry:spared", &[]), 10, "{layout}");
        scene.registry.heartbeat(&beats[..5]).await.unwrap();
        assert_eq!(scene.number("ZCARD", "registry:spared", &[]), 5, "{layout}");
        scene.registry.register(&all[5]).await.unwrap();
        assert_eq!(scene.number("ZCARD", "registry:spared", &[]), 4, "{layout}");
        scene.registry.deregister(&all[6].agent_id, None).await.unwrap();
        assert_eq!(scene.number("ZCARD", "registry:spared", &[]), 3, "{layout}");
    }
}
