//! The records as the original stores them, as data; serde behind the feature `serde`.

use super::fleet::FleetRecord;

/// The state record, stored as JSON under `{prefix}:cb:state:{name}`.
///
/// The first seven fields are the original's, in its order; `coord` stands beside them and the
/// original ignores it. Times are seconds since the Unix epoch.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
pub struct StateRecord {
    /// `closed`, `open` or `half_open`.
    pub state: String,
    /// Failures that led to the state.
    pub failure_count: u64,
    /// Probes out in HALF_OPEN.
    pub half_open_calls: u64,
    /// Probes that succeeded in HALF_OPEN.
    pub half_open_successes: u64,
    /// When the latest failure was recorded.
    pub last_failure_time: Option<f64>,
    /// When the state began.
    pub state_changed_at: f64,
    /// When this was written.
    pub updated_at: f64,
    /// What the shared breaker needs beyond the original.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub coord: Option<FleetRecord>,
}

/// The metrics record, stored as JSON under `{prefix}:cb:metrics:{name}`.
///
/// Times are seconds since the Unix epoch. `total_calls` includes rejected calls.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
pub struct MetricsRecord {
    /// All calls.
    pub total_calls: u64,
    /// Calls that failed.
    pub failed_calls: u64,
    /// Calls that succeeded.
    pub successful_calls: u64,
    /// Changes of state.
    pub state_changes: u64,
    /// When the latest failure was recorded.
    pub last_failure_time: Option<f64>,
    /// When the latest success was recorded.
    pub last_success_time: Option<f64>,
    /// When this was written.
    pub updated_at: f64,
}
