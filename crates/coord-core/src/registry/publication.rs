//! Events as the original publishes them.

use serde::Serialize;
use serde_json::value::RawValue;

use super::record::Registration;
use crate::agent::AgentId;
use crate::error::InvalidInput;
use crate::time::Timestamp;

/// Where events are published for other programs, as the original does: the same compact JSON to
/// `{channels}:all` and to `{channels}:agent_status`.
///
/// # Defaults
/// The channels start with `ao:events`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPublication {
    channels: String,
}

impl EventPublication {
    /// The original's channels.
    pub fn new() -> Self {
        Self { channels: "ao:events".to_owned() }
    }

    /// Other channels.
    ///
    /// # Errors
    /// [`InvalidInput`] about `event channels`: empty, or longer than 128 bytes.
    pub fn with_channels(mut self, channels: &str) -> Result<Self, InvalidInput> {
        if channels.is_empty() || channels.len() > 128 {
            let problem = format!("{} bytes long, must be 1 to 128", channels.len());
            return Err(InvalidInput::new("event channels", problem));
        }
        channels.clone_into(&mut self.channels);
        Ok(self)
    }

    /// The two channels of an event about an agent, in the order in which they are told.
    pub fn channels(&self) -> [String; 2] {
        [format!("{}:all", self.channels), format!("{}:agent_status", self.channels)]
    }
}

impl Default for EventPublication {
    fn default() -> Self {
        Self::new()
    }
}

/// What is published about one agent.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedStatus<'a> {
    /// `status_changed` (also for a registration, as the original), `draining`, `deregistered`
    /// or `expired`.
    pub event: &'a str,
    /// Who.
    pub agent_id: &'a AgentId,
    /// What it said last, if that is known.
    pub registration: Option<&'a Registration>,
    /// What it does now: `idle`, `busy`, `error`, or `offline`.
    pub status: &'a str,
    /// What it did before, if that is known.
    pub previous: Option<&'a str>,
    /// How long ago it was heard of, in seconds.
    pub heartbeat_age: f64,
}

impl PublishedStatus<'_> {
    /// The JSON: compact, non-ASCII as it is. `event_id` should be 32 hex digits.
    pub fn to_json(&self, event_id: &str, now: Timestamp) -> String {
        #[derive(Serialize)]
        struct Event<'a> {
            event_id: &'a str,
            event_type: &'a str,
            timestamp: &'a RawValue,
            source: &'a str,
            data: Empty,
            agent_id: String,
            agent_type: &'a str,
            instance: Option<&'a str>,
            status: &'a str,
            previous_status: Option<&'a str>,
            heartbeat_age: f64,
            metadata: Metadata<'a>,
        }
        #[derive(Serialize)]
        struct Metadata<'a> {
            event_type: &'a str,
            name: String,
            reason: Option<&'a str>,
            agent_id: &'a AgentId,
            running: bool,
            degraded: bool,
            status: &'a str,
            metrics: &'a RawValue,
        }
        #[derive(Serialize)]
        struct Empty {}

        let known = self.registration;
        let metrics = known.map_or("{}", |it| it.status.metrics.as_json());
        // What only Python's dialect knows is left out of an event.
        let metrics = compact(metrics);
        let metrics: &RawValue = serde_json::from_str(&metrics).unwrap_or(RawValue::NULL);
        let seconds = super::record::float_seconds(now);
        let event = Event {
            event_id,
            event_type: "agent_status",
            timestamp: serde_json::from_str(&seconds).unwrap_or(RawValue::NULL),
            source: "event_publisher",
            data: Empty {},
            agent_id: self.agent_id.mailbox_key(),
            agent_type: self.agent_id.agent_type(),
            instance: self.agent_id.instance(),
            status: self.status,
            previous_status: self.previous,
            heartbeat_age: self.heartbeat_age,
            metadata: Metadata {
                event_type: self.event,
                name: known.map_or_else(|| self.agent_id.mailbox_key(), |it| it.name.clone()),
                reason: None,
                agent_id: self.agent_id,
                running: known.is_some_and(|it| it.status.running) && self.status != "offline",
                degraded: known.is_some_and(|it| it.status.degraded),
                status: self.status,
                metrics,
            },
        };
        // Strings and numbers only: serialising cannot fail.
        serde_json::to_string(&event).expect("an event serialises")
    }
}

/// JSON without the white space between its parts.
fn compact(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let (mut in_string, mut is_escaped) = (false, false);
    for c in json.chars() {
        if in_string || !matches!(c, ' ' | '\t' | '\n' | '\r') {
            out.push(c);
        }
        in_string ^= c == '"' && !is_escaped;
        is_escaped = in_string && c == '\\' && !is_escaped;
    }
    out
}
