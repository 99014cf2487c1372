#![doc = include_str!("../README.md")]

pub mod backoff;
pub mod breaker;
pub mod clock;
mod error;
pub mod retry;
pub mod sleep;
mod sync;
#[cfg(feature = "tower")]
pub mod tower;

pub use backoff::{Backoff, Jitter};
pub use breaker::{
    BreakerRegistry, CallError, CircuitBreaker, CircuitBreakerConfig, Outcome, Permit, Rejected,
    SharedBreaker, State,
};
pub use error::ConfigError;
pub use retry::{Class, Retry, RetryBudget, RetryError, RetryPolicy};
