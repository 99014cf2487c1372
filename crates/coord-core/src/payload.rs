//! The body of a message: a JSON object as raw text.

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::error::InvalidInput;
use crate::json;

/// The body of a message: a JSON object, kept as the very text that was sent.
///
/// Nothing in this library re-encodes it, so key order, integers of any length, `1e400` and
/// Python's `NaN` survive every hop. Cloning is O(1).
///
/// ```
/// use coord_core::Payload;
///
/// let payload = Payload::from_json(r#"{"big": 1180591620717411303424, "x": NaN}"#)?;
/// assert_eq!(payload.as_json(), r#"{"big": 1180591620717411303424, "x": NaN}"#);
///
/// #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
/// struct Job { id: u32 }
/// let payload = Payload::new(&Job { id: 7 })?;
/// assert_eq!(payload.read::<Job>()?, Job { id: 7 });
/// # Ok::<(), coord_core::InvalidInput>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Payload(Arc<str>);

impl Payload {
    /// The empty object.
    pub fn empty() -> Self {
        Self("{}".into())
    }

    /// Encodes a value that serialises to a JSON object, in the style of Python's `json.dumps`.
    ///
    /// # Errors
    /// [`InvalidInput`] about `payload` if the value does not serialise or is no object.
    pub fn new<T: Serialize + ?Sized>(value: &T) -> Result<Self, InvalidInput> {
        let mut text = Vec::with_capacity(128);
        let mut serializer = serde_json::Serializer::with_formatter(&mut text, json::PythonStyle);
        value
            .serialize(&mut serializer)
            .map_err(|e| InvalidInput::new("payload", e.to_string()))?;
        let text =
            String::from_utf8(text).map_err(|e| InvalidInput::new("payload", e.to_string()))?;
        Self::of_object(&text)
    }

    /// Takes a JSON object as it is, in Python's dialect (`NaN`, `Infinity`, lone surrogates).
    ///
    /// # Errors
    /// [`InvalidInput`] about `payload` that says at which byte the text is no JSON object.
    pub fn from_json(text: &str) -> Result<Self, InvalidInput> {
        json::is_valid(text)
            .map_err(|problem| InvalidInput::new("payload", format!("no JSON: {problem}")))?;
        Self::of_object(text.trim())
    }

    fn of_object(text: &str) -> Result<Self, InvalidInput> {
        if text.starts_with('{') {
            return Ok(Self(text.into()));
        }
        let start: String = text.chars().take(20).collect();
        Err(InvalidInput::new("payload", format!("{start} is no JSON object")))
    }

    /// The text as it was sent.
    pub fn as_json(&self) -> &str {
        &self.0
    }

    /// Decodes the object.
    ///
    /// # Errors
    /// [`InvalidInput`] about `payload` if it is not a `T`, or holds what only Python's dialect
    /// knows (`NaN`, a lone surrogate).
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, InvalidInput> {
        serde_json::from_str(&self.0).map_err(|e| InvalidInput::new("payload", e.to_string()))
    }
}

impl Default for Payload {
    fn default() -> Self {
        Self::empty()
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Writes the raw text; fails for what is no standard JSON (`NaN`).
impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::of_object(raw.get()).map_err(serde::de::Error::custom)
    }
}
