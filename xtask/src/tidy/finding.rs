//! One broken rule: where, what, why it matters, and what to do.

use std::fmt;

/// A place that breaks a rule.
#[derive(Debug)]
pub(crate) struct Finding {
    /// The file, relative to the root.
    pub(crate) file: String,
    /// The line, counted from 1, where there is one.
    pub(crate) line: Option<usize>,
    /// What is wrong.
    pub(crate) what: String,
    /// Why the rule is there.
    pub(crate) why: &'static str,
    /// What to do.
    pub(crate) advice: String,
}

impl Finding {
    /// A finding about a whole file.
    pub(crate) fn new(
        file: impl Into<String>,
        what: impl Into<String>,
        why: &'static str,
        advice: impl Into<String>,
    ) -> Self {
        Self { file: file.into(), line: None, what: what.into(), why, advice: advice.into() }
    }

    /// The same finding at a line, counted from 1.
    pub(crate) fn at(self, line: usize) -> Self {
        Self { line: Some(line), ..self }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}\n    why: {}\n    do:  {}", self.what, self.why, self.advice)
    }
}
