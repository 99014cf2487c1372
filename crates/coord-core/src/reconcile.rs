//! What repairing a mailbox comes to.

use std::time::Duration;

use crate::error::InvalidInput;

/// What a reconciliation of one mailbox has done, and what it still watches.
///
/// # Defaults
/// All zero: nothing was wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reconciliation {
    /// Messages that lay nowhere they could be received from and are ready again.
    pub redriven: u64,
    /// Reservations that had no deadline and got one: 30 s from now.
    pub deadlines_given: u64,
    /// Entries that stood for nothing and are gone: of messages that are dead already, second
    /// copies of the very same bytes, reservations of nothing, and what cannot be read, which
    /// goes to the dead-letter queue.
    pub leaks_removed: u64,
    /// Messages that look lost, but not for the grace yet: whoever holds them may be in the
    /// middle of an operation. A later reconciliation decides.
    pub suspects: u64,
}

impl Reconciliation {
    /// Whether nothing was wrong and nothing is watched.
    ///
    /// ```
    /// assert!(coord_core::Reconciliation::default().is_clean());
    /// ```
    pub fn is_clean(&self) -> bool {
        *self == Self::default()
    }
}

/// The longest grace of a reconciliation.
pub const MAX_GRACE: Duration = Duration::from_secs(30 * 86_400);

/// Checks the grace of a reconciliation; zero is allowed and means that seen twice is lost.
///
/// # Errors
/// [`InvalidInput`] about `grace` above [`MAX_GRACE`].
pub fn check_grace(grace: Duration) -> Result<(), InvalidInput> {
    if grace <= MAX_GRACE {
        return Ok(());
    }
    Err(InvalidInput::new("grace", format!("{grace:?}, at most {MAX_GRACE:?} is allowed")))
}
