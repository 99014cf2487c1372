//! The records as the original reads and writes them, and what is known of a breaker.

use std::time::Duration;

use coord_core::BackendError;
use coord_resilience::breaker::{BreakerName, FleetView, MetricsRecord, StateRecord, StoreError};
use redis::Value;
use serde::de::DeserializeOwned;

use super::store::{RedisBreakerStore, unavailable};
use super::{reply, steps};
use crate::error::unexpected;

/// What the store knows of one breaker.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct BreakerReport {
    /// Whether the name is registered or anything is stored under it.
    pub is_known: bool,
    /// The fleet's record as it looks now; the default if there is none.
    pub fleet: FleetView,
    /// The original's state record as last written, by this library or by the original; it is
    /// forgotten a day after the last change.
    pub state: Option<StateRecord>,
    /// The original's metrics record; it is forgotten a week after the last change.
    pub metrics: Option<MetricsRecord>,
}

/// What one process has counted since it last told the store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CallCounts {
    /// All calls, rejected ones included.
    pub total: u64,
    /// Calls that failed.
    pub failed: u64,
    /// Calls that succeeded.
    pub successful: u64,
    /// How long ago the latest failure was, on the process's own clock.
    pub last_failure_age: Option<Duration>,
    /// How long ago the latest success was, on the process's own clock.
    pub last_success_age: Option<Duration>,
}

impl RedisBreakerStore {
    /// Adds what a process has counted to the fleet's metrics record.
    ///
    /// Not idempotent: after an error the counts may have been added. Cancel safety: likewise.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn add_counts(
        &self,
        name: &BreakerName,
        counts: &CallCounts,
    ) -> Result<(), StoreError> {
        let call = steps::count(&self.inner.keys, name, counts);
        self.inner.lane.call(&call).await.map(drop).map_err(unavailable)
    }

    /// Everything stored about a breaker; changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], also for a record that is not the JSON of the original.
    pub async fn report_of(&self, name: &BreakerName) -> Result<BreakerReport, StoreError> {
        self.look_up(name).await.map_err(unavailable)
    }

    async fn look_up(&self, name: &BreakerName) -> Result<BreakerReport, BackendError> {
        let (keys, lane) = (&self.inner.keys, &self.inner.lane);
        let get = |part: &str| redis::cmd("GET").arg(keys.part(part, name)).take();
        let member = redis::cmd("SISMEMBER").arg(keys.registry()).arg(name.as_str()).take();
        let (observe, state, metrics) = (steps::observe(keys, name), get("state"), get("metrics"));
        let (fleet, state, metrics, member) = futures_util::future::try_join4(
            lane.call(&observe),
            lane.command("GET", &state),
            lane.command("GET", &metrics),
            lane.command("SISMEMBER", &member),
        )
        .await?;
        let (fleet, _) = reply::view(fleet)?;
        let (state, metrics): (Option<StateRecord>, Option<MetricsRecord>) =
            (record("state", &state)?, record("metrics", &metrics)?);
        let is_known = fleet.version.generation > 0
            || state.is_some()
            || metrics.is_some()
            || member == Value::Int(1);
        Ok(BreakerReport { is_known, fleet, state, metrics })
    }
}

fn record<T: DeserializeOwned>(what: &str, stored: &Value) -> Result<Option<T>, BackendError> {
    match stored {
        Value::Nil => Ok(None),
        Value::BulkString(json) => {
            serde_json::from_slice(json).map(Some).map_err(|e| unexpected(what, e))
        }
        other => Err(unexpected(what, other)),
    }
}
