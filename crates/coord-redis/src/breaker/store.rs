//! The store of shared breakers over Redis.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use coord_core::BackendError;
use coord_resilience::breaker::{
    Acquired, BreakerName, BreakerStore, ControlOrder, FleetPolicy, FleetView, LeaseId,
    ProbeOutcome, Settled, StoreError, Version, Vote,
};
use tokio::time::Instant;

use super::keys::BreakerKeys;
use super::news::News;
use super::{reply, steps};
use crate::config::RedisConfig;
use crate::connection::CommandLane;
use crate::coordinator::ConnectError;
use crate::script::Call;
use crate::server::{check_layout, check_server};

/// The [`BreakerStore`] in Redis: every step is one atomic script on the server's clock.
///
/// It decides as [`FleetRecord`](coord_resilience::breaker::FleetRecord) does. Beside its own
/// record it writes the original's `cb:state` and `cb:metrics` records, which other programs may
/// read. Transitions are told on a channel, which each store listens to on a connection of its
/// own; who misses one finds it at the next poll.
///
/// Clones share the connections.
///
/// ```no_run
/// use std::sync::Arc;
/// use coord_redis::{RedisBreakerStore, RedisConfig};
/// use coord_resilience::breaker::SharedConfig;
/// use coord_resilience::sleep::TokioSleeper;
/// use coord_resilience::{CircuitBreaker, CircuitBreakerConfig, SharedBreaker};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let store = RedisBreakerStore::open(RedisConfig::from_url("redis://127.0.0.1:6379")?)?;
/// let local = CircuitBreaker::new("search", CircuitBreakerConfig::new())?;
/// let (breaker, driver) =
///     SharedBreaker::join(local, Arc::new(store), Arc::new(TokioSleeper), SharedConfig::new())?;
/// tokio::spawn(driver.run());
/// # let _ = breaker;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedisBreakerStore {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) lane: Arc<CommandLane>,
    pub(super) keys: BreakerKeys,
    /// A member of a fleet registers what it watches; an operator only looks.
    pub(super) is_member: bool,
    news: Arc<News>,
    registered: Mutex<HashMap<BreakerName, Instant>>,
}

impl RedisBreakerStore {
    /// How long a store made by [`open`](Self::open) waits for an answer at most: less than the
    /// time budget of a shared breaker, so that a connection that has gone silent is replaced.
    pub const ANSWER_LIMIT: Duration = Duration::from_millis(200);

    /// A store for the members of a fleet. Connects when first used, so that a process starts
    /// while Redis is down. Time-outs of the configuration above [`Self::ANSWER_LIMIT`] are cut.
    ///
    /// # Errors
    /// [`ConnectError::Invalid`] for a configuration that makes no sense.
    pub fn open(config: RedisConfig) -> Result<Self, ConnectError> {
        Self::open_with(config, Self::ANSWER_LIMIT)
    }

    /// As [`open`](Self::open), with another limit. Choose it below the `store_budget` of the
    /// breakers that use it.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(config: RedisConfig, limit: Duration) -> Result<Self, ConnectError> {
        let (connect, response) = config.timeouts();
        let config = config
            .with_connect_timeout(connect.min(limit))
            .with_response_timeout(response.min(limit));
        Self::build(&config, true)
    }

    /// A store for an operator: checks server and layout now, keeps the configuration's time-outs,
    /// and registers only the breakers it controls.
    ///
    /// # Errors
    /// [`ConnectError`] that says what to change.
    pub async fn connect(config: RedisConfig) -> Result<Self, ConnectError> {
        let store = Self::build(&config, false)?;
        check_server(&store.inner.lane).await?;
        check_layout(&store.inner.lane, config.layout(), config.prefix()).await?;
        Ok(store)
    }

    fn build(config: &RedisConfig, is_member: bool) -> Result<Self, ConnectError> {
        config.validate()?;
        let lane = Arc::new(CommandLane::new(config)?);
        let keys = BreakerKeys { layout: config.layout(), prefix: config.prefix().to_owned() };
        let news = Arc::new(News::new(Arc::clone(&lane), keys.channel(), config.timeouts().0));
        let inner = Inner { lane, keys, is_member, news, registered: Mutex::default() };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Runs one step and notes what it showed.
    async fn step(
        &self,
        name: &BreakerName,
        call: &Call<'_>,
    ) -> Result<(FleetView, bool), StoreError> {
        let topic = self.inner.news.topic(name);
        let heard = topic.heard();
        let answer = self.inner.lane.call(call).await.and_then(reply::view);
        let (view, counted) = answer.map_err(unavailable)?;
        topic.looked(heard, view.version);
        Ok((view, counted))
    }
}

#[async_trait]
impl BreakerStore for RedisBreakerStore {
    async fn observe(&self, name: &BreakerName) -> Result<FleetView, StoreError> {
        self.keep_registered(name).await.map_err(unavailable)?;
        let call = steps::observe(&self.inner.keys, name);
        Ok(self.step(name, &call).await?.0)
    }

    async fn vote(
        &self,
        name: &BreakerName,
        vote: &Vote,
        policy: &FleetPolicy,
    ) -> Result<FleetView, StoreError> {
        // The name first: there is no record without its name.
        if vote.seen == Version::NONE {
            self.register(name).await?;
        }
        let call = steps::vote(&self.inner.keys, name, vote, policy);
        Ok(self.step(name, &call).await?.0)
    }

    async fn acquire(
        &self,
        name: &BreakerName,
        lease: LeaseId,
        policy: &FleetPolicy,
    ) -> Result<Acquired, StoreError> {
        let call = steps::acquire(&self.inner.keys, name, lease, policy);
        let (view, granted) = self.step(name, &call).await?;
        Ok(if granted { Acquired::Granted(view) } else { Acquired::Refused(view) })
    }

    async fn report(
        &self,
        name: &BreakerName,
        version: Version,
        lease: LeaseId,
        outcome: ProbeOutcome,
        policy: &FleetPolicy,
    ) -> Result<Settled, StoreError> {
        let outcome = Some((outcome, policy));
        let call = steps::settle(&self.inner.keys, name, version, lease, outcome);
        let (view, applied) = self.step(name, &call).await?;
        Ok(Settled { applied, view })
    }

    async fn release(
        &self,
        name: &BreakerName,
        version: Version,
        lease: LeaseId,
    ) -> Result<Settled, StoreError> {
        let call = steps::settle(&self.inner.keys, name, version, lease, None);
        let (view, applied) = self.step(name, &call).await?;
        Ok(Settled { applied, view })
    }

    async fn control(
        &self,
        name: &BreakerName,
        order: &ControlOrder,
    ) -> Result<FleetView, StoreError> {
        let Some(call) = steps::control(&self.inner.keys, name, order) else {
            return Err(StoreError::Unavailable(format!("unknown order {order:?}").into()));
        };
        self.register(name).await?;
        Ok(self.step(name, &call).await?.0)
    }

    async fn changed(&self, name: &BreakerName, seen: Version) -> Result<FleetView, StoreError> {
        let topic = self.inner.news.topic(name);
        let mut heard = topic.subscribe();
        self.inner.news.listen();
        loop {
            heard.mark_unchanged();
            if topic.may_have_changed(seen) {
                let view = self.observe(name).await?;
                if view.version != seen {
                    return Ok(view);
                }
            }
            if heard.changed().await.is_err() {
                // The topic holds the sender, so this cannot be; a poll would find the change.
                std::future::pending::<()>().await;
            }
        }
    }
}

impl Inner {
    pub(super) fn registered(&self) -> MutexGuard<'_, HashMap<BreakerName, Instant>> {
        self.registered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for RedisBreakerStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisBreakerStore")
            .field("address", &self.inner.lane.address())
            .field("layout", &self.inner.keys.layout)
            .field("prefix", &self.inner.keys.prefix)
            .finish_non_exhaustive()
    }
}

pub(super) fn unavailable(error: BackendError) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}
