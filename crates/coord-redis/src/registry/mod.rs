//! The registry over Redis.

mod capabilities;
mod events;
mod heartbeat;
mod keys;
mod list;
mod meta;
mod port;
mod publish;
mod register;

use std::fmt;
use std::sync::Arc;

use coord_core::InvalidInput;
use coord_core::registry::{EventPublication, RegistryPolicy};

use crate::config::RedisConfig;
use crate::connection::CommandLane;
use crate::coordinator::{ConnectError, RedisMessageCoordinator};
use crate::mailbox::random;
use crate::script::{Call, Script};
use crate::server::{check_layout, check_server};
use keys::RegistryKeys;

/// Who is there, in Redis: every operation is one atomic script, liveness is by the server's
/// time.
///
/// Records, indexes and capabilities are those of the original, so that its agents and these see
/// each other. Clones share one connection.
///
/// # Defaults
/// No events are published to other programs; see [`RedisAgentRegistry::publishing`].
///
/// ```no_run
/// use std::sync::Arc;
///
/// use coord_core::AgentId;
/// use coord_core::registry::{AgentRegistry, Heartbeats, OnDrop, Registration, RegistryPolicy};
/// use coord_redis::{RedisAgentRegistry, RedisConfig};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let config = RedisConfig::from_url("redis://127.0.0.1:6379")?;
/// let registry = RedisAgentRegistry::connect(config, RegistryPolicy::new()).await?;
/// let beats = Heartbeats::start(Arc::new(registry.clone()), OnDrop::Deregister);
/// beats.register(Registration::new(AgentId::parse("writer:w1")?)).await?;
/// for agent in registry.list_registered().await? {
///     println!("{} is {}", agent.agent_id, agent.state);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedisAgentRegistry {
    inner: Arc<Inner>,
}

struct Inner {
    lane: Arc<CommandLane>,
    keys: RegistryKeys,
    policy: RegistryPolicy,
    publication: Option<EventPublication>,
}

impl RedisAgentRegistry {
    /// Connects, and checks server and layout as a coordinator does.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    /// [`ConnectError`] that says what to change.
    pub async fn connect(
        config: RedisConfig,
        policy: RegistryPolicy,
    ) -> Result<Self, ConnectError> {
        config.validate()?;
        policy.validate()?;
        let lane = Arc::new(CommandLane::new(&config)?);
        check_server(&lane).await?;
        check_layout(&lane, config.layout(), config.prefix()).await?;
        let keys = RegistryKeys::new(config.layout(), config.prefix());
        Ok(Self { inner: Arc::new(Inner { lane, keys, policy, publication: None }) })
    }

    /// The registry beside a coordinator: same server, prefix and layout, over its connection.
    ///
    /// # Errors
    /// [`InvalidInput`] about the policy.
    pub fn beside(
        coordinator: &RedisMessageCoordinator,
        policy: RegistryPolicy,
    ) -> Result<Self, InvalidInput> {
        policy.validate()?;
        let (lane, layout, prefix) = coordinator.place();
        let keys = RegistryKeys::new(layout, prefix);
        let inner = Inner { lane: Arc::clone(lane), keys, policy, publication: None };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The same, telling other programs what happens, as the original does.
    #[must_use]
    pub fn publishing(&self, publication: EventPublication) -> Self {
        let own = &self.inner;
        let inner = Inner {
            lane: Arc::clone(&own.lane),
            keys: own.keys.clone(),
            policy: own.policy,
            publication: Some(publication),
        };
        Self { inner: Arc::new(inner) }
    }
}

impl Inner {
    /// A call of a script with the shared keys and a random text, which names the event log if
    /// this is the first to write to it.
    fn call<'a>(&self, script: &'a Script, keys: Vec<String>) -> Call<'a> {
        Call::new(script, keys).arg(format!("{:016x}", random()))
    }
}

impl fmt::Debug for RedisAgentRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisAgentRegistry")
            .field("address", &self.inner.lane.address())
            .field("keys", &self.inner.keys)
            .field("policy", &self.inner.policy)
            .finish_non_exhaustive()
    }
}
