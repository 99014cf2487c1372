//! The error of a configuration that makes no sense.

/// A configuration value outside its range.
///
/// Every `with_x` builder of this crate takes any value; the constructor that uses the
/// configuration validates it once and returns this. Nothing falls back silently.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{field} is {given} but must be {limit}")]
pub struct ConfigError {
    /// The field as the builder names it, e.g. `failure_threshold`.
    pub field: &'static str,
    /// The value given.
    pub given: String,
    /// What is allowed, e.g. `in 1..=100`.
    pub limit: String,
}

impl ConfigError {
    pub(crate) fn new(
        field: &'static str,
        given: impl std::fmt::Debug,
        limit: impl Into<String>,
    ) -> Self {
        Self { field, given: format!("{given:?}"), limit: limit.into() }
    }

    /// Fails unless `low <= value <= high`.
    pub(crate) fn range<T: PartialOrd + Copy + std::fmt::Debug>(
        field: &'static str,
        value: T,
        low: T,
        high: T,
    ) -> Result<(), Self> {
        if value >= low && value <= high {
            return Ok(());
        }
        Err(Self::new(field, value, format!("in {low:?}..={high:?}")))
    }
}
