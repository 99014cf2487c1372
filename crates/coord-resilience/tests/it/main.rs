//! Behaviour of the whole crate; time is virtual everywhere.

mod alloc;
mod backoff;
mod cancel;
mod contention;
mod events;
mod facts;
mod findings;
mod machine;
mod registry;
mod retry;
mod shared;
mod support;
mod tower;
mod windows;
