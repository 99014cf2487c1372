//! The seam between the two key layouts: a layout is its keys, its scripts and its codec.

use std::fmt;
use std::str::FromStr;

use coord_core::InvalidInput;

/// How mailboxes lie in Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum KeyLayout {
    /// Ours: each payload stored once, every operation O(log n), one hash slot per mailbox.
    #[default]
    Compact,
    /// The original's keys and values, for fleets where Python agents share the Redis.
    Tta,
}

impl KeyLayout {
    /// The prefix used when none is given: `coord`, or the original's `ao`.
    pub const fn default_prefix(self) -> &'static str {
        match self {
            Self::Compact => "coord",
            Self::Tta => "ao",
        }
    }

    /// The name: `compact` or `tta`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Compact => "compact",
            Self::Tta => "tta",
        }
    }
}

impl fmt::Display for KeyLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for KeyLayout {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        [Self::Compact, Self::Tta]
            .into_iter()
            .find(|layout| layout.as_str() == text)
            .ok_or_else(|| InvalidInput::new("layout", format!("{text:?} is none of compact, tta")))
    }
}
