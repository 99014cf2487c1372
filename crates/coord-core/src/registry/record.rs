//! The record of an agent, as the original writes it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Serializer;

use super::liveness::{AgentState, Incarnation};
use crate::agent::AgentId;
use crate::capability::CapabilitySet;
use crate::envelope::Poison;
use crate::error::InvalidInput;
use crate::json::{self, PythonStyle, members, write_string};
use crate::payload::Payload;
use crate::time::Timestamp;

/// What an agent does. Exhaustive: the wire knows these three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activity {
    /// Nothing; the default.
    #[default]
    Idle,
    /// Some work.
    Busy,
    /// It cannot work.
    Error,
}

impl Activity {
    /// The name: `idle`, `busy`, `error`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Busy => "busy",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Activity {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        [Self::Idle, Self::Busy, Self::Error]
            .into_iter()
            .find(|activity| activity.as_str() == text)
            .ok_or_else(|| {
                InvalidInput::new("status", format!("{text:?} is none of idle, busy, error"))
            })
    }
}

/// What an agent says about itself with every beat.
///
/// # Defaults
/// Running, not degraded, idle, no metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentStatus {
    /// Whether it runs.
    pub running: bool,
    /// Whether it works less well than it should.
    pub degraded: bool,
    /// What it does.
    pub activity: Activity,
    /// Its counters; a change of these alone is no event.
    pub metrics: Payload,
}

impl AgentStatus {
    /// Another activity.
    #[must_use]
    pub const fn with_activity(mut self, activity: Activity) -> Self {
        self.activity = activity;
        self
    }

    /// Other counters.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Payload) -> Self {
        self.metrics = metrics;
        self
    }

    /// Everything but the counters, as one word: `idle:1:0` (activity, running, degraded).
    pub fn digest(&self) -> String {
        format!("{}:{}:{}", self.activity, u8::from(self.running), u8::from(self.degraded))
    }
}

impl Default for AgentStatus {
    fn default() -> Self {
        Self { running: true, degraded: false, activity: Activity::Idle, metrics: Payload::empty() }
    }
}

/// What an agent registers, and beats with.
///
/// # Defaults
/// The name is `type:instance`, the status that of [`AgentStatus`], no state, no capabilities,
/// not draining. A state that is stored already is kept if none is given.
#[derive(Debug, Clone, PartialEq)]
pub struct Registration {
    /// Who.
    pub agent_id: AgentId,
    /// A name for people, and for the original's listings.
    pub name: String,
    /// What it does.
    pub status: AgentStatus,
    /// What it wants to find again after a restart; the empty object counts as none.
    pub state: Option<Payload>,
    /// What it can do.
    pub capabilities: Option<CapabilitySet>,
    /// Whether it asks for no more work.
    pub draining: bool,
}

impl Registration {
    /// The longest name, in bytes.
    pub const MAX_NAME_BYTES: usize = 512;
    /// The longest state, in bytes of JSON.
    pub const MAX_STATE_BYTES: usize = 1 << 20;

    /// A registration with the defaults.
    pub fn new(agent_id: AgentId) -> Self {
        Self {
            name: agent_id.mailbox_key(),
            agent_id,
            status: AgentStatus::default(),
            state: None,
            capabilities: None,
            draining: false,
        }
    }

    /// Another name.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Another status.
    #[must_use]
    pub fn with_status(mut self, status: AgentStatus) -> Self {
        self.status = status;
        self
    }

    /// A state to find again.
    #[must_use]
    pub fn with_state(mut self, state: Payload) -> Self {
        self.state = Some(state);
        self
    }

    /// What it can do.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: CapabilitySet) -> Self {
        self.capabilities = Some(capabilities);
        self
    }

    /// Checks agent, name, state and capabilities.
    ///
    /// # Errors
    /// [`InvalidInput`] that names the field and its limit.
    pub fn check(&self) -> Result<(), InvalidInput> {
        self.agent_id.check()?;
        let limits = [
            ("name", self.name.len(), Self::MAX_NAME_BYTES),
            ("state", self.state.as_ref().map_or(0, |s| s.as_json().len()), Self::MAX_STATE_BYTES),
            ("metrics", self.status.metrics.as_json().len(), Self::MAX_STATE_BYTES),
        ];
        for (field, size, limit) in limits {
            if size > limit {
                let problem = format!("{size} bytes long, at most {limit} are allowed");
                return Err(InvalidInput::new(field, problem));
            }
        }
        let Some(set) = &self.capabilities else { return Ok(()) };
        if set.agent_id.mailbox_key() != self.agent_id.mailbox_key() {
            let problem = format!("they are those of {}, not of {}", set.agent_id, self.agent_id);
            return Err(InvalidInput::new("capabilities", problem));
        }
        set.check()
    }

    /// The stored record in two parts: before the time of the beat (float seconds), and between
    /// that time and the incarnation, which ends the record with a closing brace.
    ///
    /// Written as the original does, so that a script can put both values in without reading any
    /// JSON; our own fields come after the original's.
    pub fn wire_parts(&self) -> (String, String) {
        let mut head = String::with_capacity(256);
        let mut id = String::new();
        write_agent(&mut id, &self.agent_id);
        head.push_str("{\"name\": ");
        write_string(&mut head, &self.name);
        head.push_str(&format!(", \"agent_id\": {id}, \"status\": "));
        self.write_status(&mut head);
        head.push_str(", \"last_heartbeat\": ");
        let mut tail = String::new();
        if let Some(state) = self.state.as_ref().filter(|state| state.as_json() != "{}") {
            tail.push_str(", \"state\": ");
            tail.push_str(state.as_json());
        }
        if let Some(set) = &self.capabilities {
            tail.push_str(", \"capabilities\": ");
            tail.push_str(&set.to_wire());
        }
        tail.push_str(&format!(", \"draining\": {}, \"incarnation\": ", self.draining));
        (head, tail)
    }

    /// The whole record.
    pub fn to_wire(&self, beat: Timestamp, incarnation: Incarnation) -> String {
        let (head, tail) = self.wire_parts();
        format!("{head}{}{tail}{incarnation}}}", float_seconds(beat))
    }

    /// The status object of the record, as it also stands in published events.
    fn write_status(&self, out: &mut String) {
        out.push_str("{\"name\": ");
        write_string(out, &self.name);
        out.push_str(", \"agent_id\": ");
        write_agent(out, &self.agent_id);
        let status = &self.status;
        out.push_str(&format!(
            ", \"running\": {}, \"degraded\": {}, \"status\": \"{}\", \"metrics\": {}}}",
            status.running,
            status.degraded,
            status.activity,
            status.metrics.as_json()
        ));
    }
}

/// A record as somebody wrote it; read as leniently as everything on the wire.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct AgentRecord {
    /// Its name.
    pub name: String,
    /// Who.
    pub agent_id: AgentId,
    /// What it does.
    pub status: AgentStatus,
    /// The time of the last beat, in float seconds since 1970; none if it cannot be read.
    pub last_heartbeat: Option<f64>,
    /// What it wants to find again.
    pub state: Option<Payload>,
    /// What it can do, if the record says so.
    pub capabilities: Option<CapabilitySet>,
    /// Whether it asks for no more work.
    pub draining: bool,
    /// Which registration; none for one of another program.
    pub incarnation: Option<Incarnation>,
    /// The stored text.
    pub raw: String,
}

impl AgentRecord {
    /// Reads a stored record.
    ///
    /// # Errors
    /// [`Poison`] with the reason if it is no JSON object with a readable `agent_id`.
    pub fn from_wire(bytes: &[u8]) -> Result<Self, Poison> {
        let text = std::str::from_utf8(bytes).map_err(|e| Poison::new(e.to_string()))?;
        let fields = members(text).map_err(Poison::new)?;
        let field = |name: &str| fields.iter().rev().find(|it| it.name == name).map(|it| it.value);
        let agent_id = field("agent_id").and_then(|raw| serde_json::from_str(raw).ok());
        let agent_id: AgentId =
            agent_id.ok_or_else(|| Poison::new("the record has no readable agent_id"))?;
        let object = |raw: &str| Payload::from_json(raw).ok();
        let own_name = field("name").and_then(json::string);
        let status = field("status").map(read_status).unwrap_or_default();
        let incarnation = field("incarnation").and_then(|raw| raw.parse().ok());
        Ok(Self {
            name: own_name.unwrap_or_else(|| agent_id.mailbox_key()),
            agent_id,
            status,
            last_heartbeat: field("last_heartbeat")
                .and_then(|raw| raw.parse::<f64>().ok())
                .filter(|seconds| seconds.is_finite()),
            state: field("state").and_then(object),
            capabilities: field("capabilities").and_then(|raw| serde_json::from_str(raw).ok()),
            draining: field("draining") == Some("true"),
            incarnation: incarnation.map(Incarnation::new),
            raw: text.to_owned(),
        })
    }

    /// The last beat as a point in time.
    pub fn beat(&self) -> Option<Timestamp> {
        let seconds = self.last_heartbeat.filter(|&seconds| (0.0..1e13).contains(&seconds))?;
        // Rounded to the microsecond: a float is a little less as often as a little more.
        Some(Timestamp::EPOCH + (Duration::from_secs_f64(seconds) + Duration::from_nanos(500)))
    }
}

/// One agent of a listing.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RegisteredAgent {
    /// Who.
    pub agent_id: AgentId,
    /// What the registry thinks of it.
    pub state: AgentState,
    /// Whether its last beat is at most its time to live ago.
    pub alive: bool,
    /// Which registration; none for one of another program.
    pub incarnation: Option<Incarnation>,
    /// Its last beat, by the server's time; by its own clock if another program registered it.
    pub last_heartbeat: Option<Timestamp>,
    /// How long ago that was.
    pub age: Option<Duration>,
    /// Its record; none for one that is suspect since its record expired with most others.
    pub record: Option<AgentRecord>,
}

impl RegisteredAgent {
    /// An agent of a listing; adapters make them.
    pub fn new(
        agent_id: AgentId,
        state: AgentState,
        incarnation: Option<Incarnation>,
        beat: Option<Timestamp>,
        now: Timestamp,
        record: Option<AgentRecord>,
    ) -> Self {
        let alive = record.is_some() && state != AgentState::Dead;
        let age = beat.map(|beat| now.since(beat));
        Self { agent_id, state, alive, incarnation, last_heartbeat: beat, age, record }
    }
}

impl CapabilitySet {
    /// The stored text, which both languages read: lists for sets, separators as the original's.
    pub fn to_wire(&self) -> String {
        let mut text = Vec::with_capacity(512);
        let mut serializer = Serializer::with_formatter(&mut text, PythonStyle);
        // Strings, numbers and maps with string keys: serialising cannot fail, nor leave UTF-8.
        self.serialize(&mut serializer).expect("a capability set serialises");
        String::from_utf8(text).expect("JSON is UTF-8")
    }

    /// The same, marked as written at `now`.
    #[must_use]
    pub fn updated(mut self, now: Timestamp) -> Self {
        self.last_updated = Some(now.to_string().trim_end_matches("+00:00").to_owned());
        self
    }
}

/// Float seconds as Python prints them: the shortest digits, at least one after the point.
pub(super) fn float_seconds(at: Timestamp) -> String {
    let micros = at.as_micros();
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    let trimmed = text.trim_end_matches('0');
    if trimmed.ends_with('.') { format!("{trimmed}0") } else { trimmed.to_owned() }
}

pub(super) fn write_agent(out: &mut String, agent: &AgentId) {
    out.push_str("{\"type\": ");
    write_string(out, agent.agent_type());
    out.push_str(", \"instance\": ");
    match agent.instance() {
        Some(instance) => write_string(out, instance),
        None => out.push_str("null"),
    }
    out.push('}');
}

fn read_status(raw: &str) -> AgentStatus {
    let fields = members(raw).unwrap_or_default();
    let field = |name: &str| fields.iter().rev().find(|it| it.name == name).map(|it| it.value);
    let activity = field("status").and_then(json::string).and_then(|text| text.parse().ok());
    let metrics = field("metrics").and_then(|raw| Payload::from_json(raw).ok());
    AgentStatus {
        running: field("running") == Some("true"),
        degraded: field("degraded") == Some("true"),
        activity: activity.unwrap_or_default(),
        metrics: metrics.unwrap_or_default(),
    }
}
