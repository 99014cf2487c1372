//! Fields of a request of `coord pipe`, read by the rules of the command line.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use coord_core::AgentId;
use serde::de::value::MapDeserializer;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::failure::Failure;

/// The fields of a request, by name.
pub(crate) type Fields = BTreeMap<String, Box<RawValue>>;

/// Reads all fields into the options of a command; an unknown one is refused.
pub(crate) fn options<T: DeserializeOwned>(fields: &Fields) -> Result<T, Failure> {
    let entries = fields.iter().map(|(name, value)| (name.as_str(), &**value));
    T::deserialize(MapDeserializer::new(entries)).map_err(|error| refused(&error))
}

/// Takes one field out and reads it.
pub(crate) fn take<T: DeserializeOwned>(fields: &mut Fields, name: &str) -> Result<T, Failure> {
    let Some(value) = fields.remove(name) else {
        return Err(Failure::usage(format!("missing field `{name}`")));
    };
    T::deserialize(&*value).map_err(|error| refused(&error))
}

/// Takes those of these names out.
pub(crate) fn split(fields: &mut Fields, names: &[&str]) -> Fields {
    names.iter().filter_map(|name| fields.remove_entry(*name)).collect()
}

/// The error without its position, which counts from the start of one field only.
pub(crate) fn refused(error: &serde_json::Error) -> Failure {
    let text = error.to_string();
    Failure::usage(text.rsplit_once(" at line ").map_or(text.as_str(), |(head, _)| head))
}

/// A value written as on the command line.
pub(crate) fn parsed<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    optional(deserializer)?.ok_or_else(|| D::Error::custom("null is not allowed here"))
}

/// The same, or `null` for none.
pub(crate) fn optional<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    let text = match raw.get() {
        "null" => return Ok(None),
        text if text.starts_with(['"', '{', '[']) => {
            serde_json::from_str(text).map_err(D::Error::custom)?
        }
        scalar => scalar.to_owned(),
    };
    text.parse().map(Some).map_err(D::Error::custom)
}

/// A list of such values.
pub(crate) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
}

/// An agent as `"type:instance"` or as a message has it, `{"type", "instance"}`.
#[derive(Debug, Deserialize)]
#[serde(try_from = "WrittenAgent")]
pub(crate) struct Agent(pub(crate) AgentId);

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "an agent is \"type\", \"type:instance\" or {\"type\", \"instance\"}"
)]
enum WrittenAgent {
    Text(String),
    Wire(AgentId),
}

impl TryFrom<WrittenAgent> for Agent {
    type Error = coord_core::InvalidInput;

    fn try_from(written: WrittenAgent) -> Result<Self, Self::Error> {
        match written {
            WrittenAgent::Text(text) => text.parse().map(Self),
            WrittenAgent::Wire(agent) => agent.check().map(|()| Self(agent)),
        }
    }
}

/// An [`Agent`] as the field of a command's options.
pub(crate) fn agent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<AgentId, D::Error> {
    Agent::deserialize(deserializer).map(|agent| agent.0)
}

/// The same, or `null` for none.
pub(crate) fn optional_agent<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<AgentId>, D::Error> {
    Ok(Option::<Agent>::deserialize(deserializer)?.map(|agent| agent.0))
}
