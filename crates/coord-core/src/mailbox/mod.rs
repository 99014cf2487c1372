//! The mailbox as a pure state machine: the executable specification.
//!
//! **A message that was accepted is in exactly one place — ready, delayed, reserved or dead —
//! until it is acked, expires by its own wish, or an operator purges it.**
//!
//! Time and tokens are inputs; there is no clock, lock, randomness or I/O. Every verb is a method
//! in a file of its name, and [`Mailbox::handle`] is the same as one [`Input`], for histories.
//! `coord-redis` does the same work in Lua, `coord-testkit` runs this machine in memory, and one
//! conformance suite holds all of them to it.

mod ack;
mod cancel;
mod dead_letters;
mod extend;
mod forward;
mod input;
mod nack;
mod pause;
mod peek;
mod purge;
mod receipts;
mod receive;
mod recover;
mod redrive;
mod release;
mod send;
mod state;
mod stats;
mod why;

pub use cancel::MAX_NOTES;
pub use dead_letters::{Dead, DeadCause};
pub use forward::{ForwardOutcome, forward};
pub use input::{Input, Outcome};
pub use receive::Reserved;
pub use send::Send;
pub use state::{DeadlineReason, Mailbox, Order};

/// How many due timers (delays, reservations, expiries) one receive works off at most.
///
/// The bound keeps every receive short; what is left is worked off by the next one.
pub const SWEEP_LIMIT: usize = 100;

#[cfg(test)]
mod tests;
