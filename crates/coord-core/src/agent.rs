//! Who sends and who receives.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::InvalidInput;

/// The identity of an agent: its type and, where there are several, its instance.
///
/// Every agent id names one mailbox. No instance and an empty one both mean the instance
/// `default` on the wire, so [`AgentId::of_type`] and `type:default` share a mailbox
/// (see [`AgentId::instance_key`]); equality compares what was written.
///
/// # Limits
/// [`AgentId::new`] and parsing accept a non-empty type and parts of at most
/// [`AgentId::MAX_PART_BYTES`] bytes without `:`, `{`, `}` and control characters.
/// Deserialising is lenient, so that a message of an oddly named sender can still be read;
/// every operation that would make a key of such an id refuses it by [`AgentId::check`].
///
/// ```
/// use coord_core::AgentId;
///
/// let agent: AgentId = "world_builder:w1".parse()?;
/// assert_eq!(agent.agent_type(), "world_builder");
/// assert_eq!(agent.instance(), Some("w1"));
/// assert_eq!(AgentId::of_type("planner")?.instance_key(), "default");
/// assert!(AgentId::new("planner", Some("a:b")).is_err());
/// # Ok::<(), coord_core::InvalidInput>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AgentId {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    instance: Option<String>,
}

impl AgentId {
    /// The longest type or instance, in bytes.
    pub const MAX_PART_BYTES: usize = 128;

    /// An agent of a type, with an instance or without; an empty instance is none.
    ///
    /// # Errors
    /// [`InvalidInput`] that names `agent type` or `agent instance` and the limit.
    pub fn new(kind: impl Into<String>, instance: Option<&str>) -> Result<Self, InvalidInput> {
        let instance = instance.filter(|text| !text.is_empty()).map(str::to_owned);
        let agent = Self { kind: kind.into(), instance };
        agent.check()?;
        Ok(agent)
    }

    /// The agent of a type that has only one instance.
    ///
    /// # Errors
    /// As [`AgentId::new`].
    pub fn of_type(kind: impl Into<String>) -> Result<Self, InvalidInput> {
        Self::new(kind, None)
    }

    /// Reads `type` or `type:instance`.
    ///
    /// # Errors
    /// As [`AgentId::new`].
    pub fn parse(text: &str) -> Result<Self, InvalidInput> {
        match text.split_once(':') {
            Some((kind, instance)) => Self::new(kind, Some(instance)),
            None => Self::new(text, None),
        }
    }

    /// An id as somebody else wrote it, unchecked.
    pub fn foreign(kind: impl Into<String>, instance: Option<String>) -> Self {
        Self { kind: kind.into(), instance }
    }

    /// Whether this id can name a mailbox.
    ///
    /// # Errors
    /// [`InvalidInput`] as [`AgentId::new`] would give it.
    pub fn check(&self) -> Result<(), InvalidInput> {
        if self.kind.is_empty() {
            return Err(InvalidInput::new("agent type", "it is empty"));
        }
        check_part("agent type", &self.kind)?;
        check_part("agent instance", self.instance.as_deref().unwrap_or_default())
    }

    /// The type, e.g. `world_builder`.
    pub fn agent_type(&self) -> &str {
        &self.kind
    }

    /// The instance as written, if any.
    pub fn instance(&self) -> Option<&str> {
        self.instance.as_deref()
    }

    /// The instance as it stands in keys: `default` where there is none.
    pub fn instance_key(&self) -> &str {
        match self.instance.as_deref() {
            None | Some("") => "default",
            Some(instance) => instance,
        }
    }

    /// `type:instance` as it stands in keys; equal for two ids with one mailbox.
    pub fn mailbox_key(&self) -> String {
        format!("{}:{}", self.kind, self.instance_key())
    }
}

impl fmt::Display for AgentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.instance.as_deref() {
            None | Some("") => f.write_str(&self.kind),
            Some(instance) => write!(f, "{}:{instance}", self.kind),
        }
    }
}

impl FromStr for AgentId {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        Self::parse(text)
    }
}

fn check_part(field: &'static str, part: &str) -> Result<(), InvalidInput> {
    if part.len() > AgentId::MAX_PART_BYTES {
        let limit = AgentId::MAX_PART_BYTES;
        let problem = format!("{} bytes long, at most {limit} are allowed", part.len());
        return Err(InvalidInput::new(field, problem));
    }
    match part.chars().find(|c| matches!(c, ':' | '{' | '}') || c.is_control()) {
        Some(c) => {
            let problem = format!(
                "{c:?} in {part:?}; `:`, `{{`, `}}` and control characters are not allowed"
            );
            Err(InvalidInput::new(field, problem))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_instance_an_empty_one_and_default_share_a_mailbox() {
        let none = AgentId::of_type("planner").unwrap();
        let empty = AgentId::new("planner", Some("")).unwrap();
        let default = AgentId::parse("planner:default").unwrap();
        assert_eq!(none, empty);
        assert_eq!(none.mailbox_key(), default.mailbox_key());
        assert_eq!(none.to_string(), "planner");
    }

    #[test]
    fn refuses_what_would_break_a_key_and_names_the_field() {
        let long = "x".repeat(129);
        for (kind, instance, field) in [
            ("", None, "agent type"),
            ("a{b", None, "agent type"),
            ("a:b", None, "agent type"),
            ("a\n", None, "agent type"),
            (long.as_str(), None, "agent type"),
            ("a", Some("b:c"), "agent instance"),
            ("a", Some("}"), "agent instance"),
            ("a", Some(long.as_str()), "agent instance"),
        ] {
            assert_eq!(
                AgentId::new(kind, instance).unwrap_err().field(),
                field,
                "{kind} {instance:?}"
            );
        }
        assert!(AgentId::new("é".repeat(64), Some("w 1")).is_ok());
    }

    #[test]
    fn reading_is_lenient_and_using_is_not() {
        let odd: AgentId = serde_json::from_str(r#"{"type": "a:b", "x": 1}"#).unwrap();
        assert_eq!(odd.agent_type(), "a:b");
        assert!(odd.check().is_err());
        let null: AgentId = serde_json::from_str(r#"{"type": "a", "instance": null}"#).unwrap();
        assert_eq!(serde_json::to_string(&null).unwrap(), r#"{"type":"a","instance":null}"#);
    }
}
