//! Proptest strategies for the types of `coord-core`, one for every public one that is a value.
//!
//! What they make is valid: every agent id can name a mailbox, every policy and option passes
//! its own check. Texts are short, so that failures stay readable.
//!
//! ```
//! use coord_core::QueueMessage;
//! use coord_testkit::strategies;
//! use proptest::prelude::*;
//!
//! proptest!(|(queued in strategies::queue_messages())| {
//!     let wire = queued.to_wire();
//!     prop_assert_eq!(QueueMessage::from_wire(wire.as_bytes()).unwrap(), queued);
//! });
//! ```

mod capability;
mod dead_letters;
mod failure;
mod machine;
mod mailbox;
mod message;
mod registry;

pub use capability::*;
pub use dead_letters::*;
pub use failure::*;
pub use machine::*;
pub use mailbox::*;
pub use message::*;
pub use registry::*;
