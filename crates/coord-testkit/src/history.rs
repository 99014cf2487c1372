//! Random histories of one mailbox, told to a coordinator and to the model alike.
//!
//! [`replay`] does every step of a [`History`] on a coordinator and on `coord-core`'s mailbox
//! machine, and compares every answer and, at [`Op::Look`] and at the end, everything that can be
//! seen of the mailbox. The first difference is a [`Mismatch`] that tells the whole story.
//!
//! # Consumers and crashes
//! A step that settles picks among the tokens handed out so far, settled ones included. So there
//! are as many consumers as there are tokens, some come too late, some settle twice, and a token
//! that is never picked again is a consumer that crashed.
//!
//! # Time
//! The model runs on the coordinator's own clock: before and after every step the coordinator is
//! asked for its time, and an answer that carries a time (a deadline, a due time) fixes the moment
//! of the step between the two. Under a virtual clock all three are equal, and every time is
//! compared to the microsecond: [`Span::Virtual`] histories wait, let reservations expire and
//! retries fall due. A real server's clock moves while a step is on its way, so whether a timer
//! of milliseconds has run out can differ by chance; [`Span::Standing`] histories use only the
//! spans *none* and *one hour* and never wait, so that no speed of any machine changes an answer.
//!
//! ```
//! use coord_core::mailbox::Order;
//! use coord_testkit::conformance::InMemoryBackend;
//! use coord_testkit::history::{Span, histories, replay};
//! use proptest::prelude::*;
//!
//! let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! proptest!(ProptestConfig::with_cases(20), |(history in histories(Span::Virtual))| {
//!     let backend = InMemoryBackend::new(Order::Arrival);
//!     let replayed = runtime.block_on(replay(&history, &backend));
//!     prop_assert!(replayed.is_ok(), "{}", replayed.unwrap_err());
//! });
//! # Ok::<(), std::io::Error>(())
//! ```

mod compare;
mod op;
mod replay;
mod strategy;

pub use op::{History, Op, Pick};
pub use replay::{Mismatch, Replayed, replay};
pub use strategy::{Span, histories};
