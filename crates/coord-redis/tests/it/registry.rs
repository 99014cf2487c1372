//! The registry: its conformance suite on the fake and on a real server, in both layouts.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coord_core::registry::{RegistryPolicy, SharedRegistry};
use coord_redis::{KeyLayout, RedisAgentRegistry};
use coord_testkit::conformance_registry::RegistryBackend;
use coord_testkit::server::{Frame, RealServer};
use coord_testkit::{Clock, FakeRedis};

use crate::harness::{At, break_scripts, config, fresh_prefix, server_time_passes, shared};

/// Where the clock of the fake starts: 2026-01-01T00:00:00Z.
const START: Duration = Duration::from_secs(1_767_225_600);

enum Server {
    Fake(FakeRedis),
    Real(Arc<RealServer>),
}

struct Place {
    server: Server,
    layout: KeyLayout,
    prefix: String,
}

impl Place {
    async fn fake(layout: KeyLayout) -> Self {
        let server = FakeRedis::builder().clock(Clock::manual(START)).start().await;
        let server = server.expect("a loopback port is free");
        break_scripts(&server);
        let server = Server::Fake(server);
        Self { server, layout, prefix: fresh_prefix() }
    }

    fn real(layout: KeyLayout) -> Option<Self> {
        let server = Server::Real(shared("registry")?);
        Some(Self { server, layout, prefix: fresh_prefix() })
    }
}

#[async_trait]
impl RegistryBackend for Place {
    async fn registry(&self, policy: RegistryPolicy) -> SharedRegistry {
        let url = match &self.server {
            Server::Fake(server) => server.url(),
            Server::Real(server) => At::from(&**server).url,
        };
        let config = config(&url, self.layout, &self.prefix);
        let made = RedisAgentRegistry::connect(config, policy).await;
        Arc::new(made.expect("the server is there"))
    }

    async fn advance(&self, by: Duration) {
        match &self.server {
            Server::Fake(server) => server.advance(by),
            Server::Real(server) => server_time_passes(&At::from(&**server), by).await,
        }
    }

    async fn lose_everything(&self) {
        match &self.server {
            Server::Fake(server) => drop(server.command(["FLUSHALL"])),
            // Others use the same server.
            Server::Real(server) => {
                let at = At::from(&**server);
                let keys = at.command(&["KEYS", &format!("{}:*", self.prefix)]);
                let Frame::Array(keys) = keys else { panic!("KEYS gave {keys:?}") };
                for key in keys {
                    let Frame::Bulk(key) = key else { panic!("KEYS gave {key:?}") };
                    at.command(&["DEL", std::str::from_utf8(&key).expect("UTF-8")]);
                }
            }
        }
    }
}

mod fake_compact {
    async fn backend() -> Option<super::Place> {
        Some(super::Place::fake(coord_redis::KeyLayout::Compact).await)
    }

    coord_testkit::registry_conformance_suite!(backend);
}

mod fake_tta {
    async fn backend() -> Option<super::Place> {
        Some(super::Place::fake(coord_redis::KeyLayout::Tta).await)
    }

    coord_testkit::registry_conformance_suite!(backend);
}

mod real_compact {
    async fn backend() -> Option<super::Place> {
        super::Place::real(coord_redis::KeyLayout::Compact)
    }

    coord_testkit::registry_conformance_suite!(backend);
}

mod real_tta {
    async fn backend() -> Option<super::Place> {
        super::Place::real(coord_redis::KeyLayout::Tta)
    }

    coord_testkit::registry_conformance_suite!(backend);
}
