//! The name of a breaker: cheap to copy into every rejection.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::error::ConfigError;

/// A breaker's name: 1 to 200 bytes without control characters; colons are normal.
///
/// Names of up to 39 bytes are held in place, so a clone costs no allocation and no shared
/// counter.
#[derive(Clone)]
pub struct BreakerName(Repr);

#[derive(Clone)]
enum Repr {
    Inline(Inline),
    Shared(Arc<str>),
}

/// Aligned, so that a copy is a few whole words.
#[derive(Clone, Copy)]
#[repr(align(8))]
struct Inline {
    bytes: [u8; INLINE],
    len: u8,
}

impl BreakerName {
    /// The longest name, in bytes.
    pub const MAX_BYTES: usize = 200;

    /// Checks and keeps a name.
    ///
    /// # Errors
    /// [`ConfigError`] naming `name` if it is empty, longer than [`Self::MAX_BYTES`] or holds a
    /// control character.
    pub fn parse(name: &str) -> Result<Self, ConfigError> {
        ConfigError::range("name length", name.len(), 1, Self::MAX_BYTES)?;
        if name.chars().any(char::is_control) {
            return Err(ConfigError::new("name", name, "free of control characters"));
        }
        let mut inline = [0; INLINE];
        if let (Some(slot), Ok(len)) = (inline.get_mut(..name.len()), u8::try_from(name.len())) {
            slot.copy_from_slice(name.as_bytes());
            return Ok(Self(Repr::Inline(Inline { bytes: inline, len })));
        }
        Ok(Self(Repr::Shared(Arc::from(name))))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Inline(Inline { bytes, len }) => {
                let bytes = bytes.get(..usize::from(*len)).unwrap_or_default();
                // Copied from a `str` as a whole, so it is UTF-8.
                std::str::from_utf8(bytes).unwrap_or_default()
            }
            Repr::Shared(name) => name,
        }
    }
}

impl fmt::Debug for BreakerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for BreakerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl AsRef<str> for BreakerName {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl std::str::FromStr for BreakerName {
    type Err = ConfigError;

    fn from_str(name: &str) -> Result<Self, ConfigError> {
        Self::parse(name)
    }
}

impl PartialEq for BreakerName {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for BreakerName {}

impl PartialOrd for BreakerName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for BreakerName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for BreakerName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl std::borrow::Borrow<str> for BreakerName {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

const INLINE: usize = 39;
