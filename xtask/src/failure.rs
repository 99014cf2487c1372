//! What a task answers when it could not do its work.

/// A failed task: what happened, and what to try.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What happened, lower case, no dot at the end.
    pub(crate) what: String,
    /// What the reader can do about it.
    pub(crate) advice: String,
}

impl Failure {
    /// A failure with its advice.
    pub(crate) fn new(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { what: what.into(), advice: advice.into() }
    }
}
