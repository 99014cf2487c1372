//! The set of all breakers of a prefix: `{prefix}:cb:registry`.

use std::time::Duration;

use coord_core::BackendError;
use coord_resilience::breaker::{BreakerName, StoreError};
use redis::from_redis_value_ref;
use tokio::time::Instant;

use super::store::{RedisBreakerStore, unavailable};
use crate::error;
use crate::reply::number;

/// How many names [`RedisBreakerStore::names`] gives at most.
pub const MAX_NAMES: usize = 100_000;

/// How long a process trusts that a name it has registered is still there.
const REGISTERED_FOR: Duration = Duration::from_secs(60);
/// How many names a process remembers to have registered.
const MAX_REMEMBERED: usize = 10_000;

impl RedisBreakerStore {
    /// Puts a name into the set of all breakers. Members of a fleet do so by themselves.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn register(&self, name: &BreakerName) -> Result<(), StoreError> {
        self.add_name(name).await.map_err(unavailable)
    }

    pub(super) async fn add_name(&self, name: &BreakerName) -> Result<(), BackendError> {
        let add = redis::cmd("SADD").arg(self.inner.keys.registry()).arg(name.as_str()).take();
        self.inner.lane.command("SADD", &add).await?;
        let mut registered = self.inner.registered();
        if registered.len() >= MAX_REMEMBERED {
            registered.clear();
        }
        registered.insert(name.clone(), Instant::now());
        Ok(())
    }

    /// Registers a name that a member of a fleet watches, once a minute.
    pub(super) async fn keep_registered(&self, name: &BreakerName) -> Result<(), BackendError> {
        let is_recent = |at: &Instant| at.elapsed() < REGISTERED_FOR;
        let is_due = !self.inner.registered().get(name).is_some_and(is_recent);
        if self.inner.is_member && is_due { self.add_name(name).await } else { Ok(()) }
    }

    /// All registered names, sorted; at most [`MAX_NAMES`], whichever come first. Names that no
    /// breaker can have are left out.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn names(&self) -> Result<Vec<BreakerName>, StoreError> {
        let mut names = self.scan_names().await.map_err(unavailable)?;
        names.sort();
        names.dedup();
        names.truncate(MAX_NAMES);
        Ok(names)
    }

    async fn scan_names(&self) -> Result<Vec<BreakerName>, BackendError> {
        let (mut names, mut cursor) = (Vec::new(), "0".to_owned());
        loop {
            let mut scan = redis::cmd("SSCAN");
            scan.arg(self.inner.keys.registry()).arg(&cursor).arg("COUNT").arg(1000);
            let reply = self.inner.lane.command("SSCAN", &scan).await?;
            let (next, page): (String, Vec<Vec<u8>>) =
                from_redis_value_ref(&reply).map_err(|e| error::running("SSCAN", e.into()))?;
            let readable = page.iter().filter_map(|name| std::str::from_utf8(name).ok());
            names.extend(readable.filter_map(|name| BreakerName::parse(name).ok()));
            if next == "0" || names.len() >= MAX_NAMES {
                return Ok(names);
            }
            cursor = next;
        }
    }

    /// Forgets a breaker: its record, an operator's hold, its metrics, its name. Returns whether
    /// there was anything. Members of its fleet go on, and register it again.
    ///
    /// Not one atomic step: what fails half-way is finished by doing it again.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn forget(&self, name: &BreakerName) -> Result<bool, StoreError> {
        let (keys, lane) = (&self.inner.keys, &self.inner.lane);
        let delete = redis::cmd("DEL").arg(keys.of(name)).take();
        let remove = redis::cmd("SREM").arg(keys.registry()).arg(name.as_str()).take();
        let deleted = lane.command("DEL", &delete).await.map_err(unavailable)?;
        let removed = lane.command("SREM", &remove).await.map_err(unavailable)?;
        self.inner.registered().remove(name);
        let count = number("DEL", &deleted).and_then(|n| Ok(n + number("SREM", &removed)?));
        Ok(count.map_err(unavailable)? > 0)
    }
}
