//! Headers: short texts that travel beside the payload.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::InvalidInput;

/// Names and values that travel beside the payload; the original ignores them.
///
/// # Limits
/// [`Headers::MAX_COUNT`] entries, names of 1 to [`Headers::MAX_NAME_BYTES`] bytes, values of at
/// most [`Headers::MAX_VALUE_BYTES`] bytes.
///
/// ```
/// let mut headers = coord_core::Headers::default();
/// headers.insert("reply_to", "planner:p1")?;
/// assert_eq!(headers.reply_to(), Some("planner:p1"));
/// # Ok::<(), coord_core::InvalidInput>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Headers(BTreeMap<String, String>);

impl Headers {
    /// The most entries.
    pub const MAX_COUNT: usize = 64;
    /// The longest name, in bytes.
    pub const MAX_NAME_BYTES: usize = 128;
    /// The longest value, in bytes.
    pub const MAX_VALUE_BYTES: usize = 8 * 1024;

    /// Adds or replaces an entry.
    ///
    /// # Errors
    /// [`InvalidInput`] about `header` with the limit; nothing was changed.
    pub fn insert(
        &mut self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<(), InvalidInput> {
        let (name, value) = (name.into(), value.into());
        let problem = if name.is_empty() || name.len() > Self::MAX_NAME_BYTES {
            format!("name of {} bytes, 1 to {} are allowed", name.len(), Self::MAX_NAME_BYTES)
        } else if value.len() > Self::MAX_VALUE_BYTES {
            let limit = Self::MAX_VALUE_BYTES;
            format!("value of {name:?} has {} bytes, at most {limit} are allowed", value.len())
        } else if self.0.len() >= Self::MAX_COUNT && !self.0.contains_key(&name) {
            format!("more than {} entries", Self::MAX_COUNT)
        } else {
            self.0.insert(name, value);
            return Ok(());
        };
        Err(InvalidInput::new("header", problem))
    }

    /// Notes something of this library's own, whatever else there is.
    pub(crate) fn set(&mut self, name: &str, value: String) {
        self.0.insert(name.to_owned(), value);
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The W3C trace context of the sender.
    pub fn traceparent(&self) -> Option<&str> {
        self.get("traceparent")
    }

    /// What ties a reply to its request.
    pub fn correlation_id(&self) -> Option<&str> {
        self.get("correlation_id")
    }

    /// The agent that wants the reply, as `type` or `type:instance`.
    pub fn reply_to(&self) -> Option<&str> {
        self.get("reply_to")
    }

    /// All entries, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
