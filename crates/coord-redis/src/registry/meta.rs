//! What the scripts remember of a registration, and events as they lie in the stream.

use std::time::Duration;

use coord_core::registry::{AgentState, Incarnation, Liveness, RegistryEvent, RegistryEventKind};
use coord_core::{BackendError, Timestamp};
use redis::Value;

use super::keys::parse_agent;
use crate::error::unexpected;
use crate::reply;

/// `incarnation ttl_us interval_us beat_us mark status`, written by `scripts/lib/registry.lua`.
#[derive(Debug, Clone)]
pub(super) struct Meta {
    pub(super) incarnation: Incarnation,
    pub(super) live: Liveness,
    pub(super) is_draining: bool,
    pub(super) is_gone: bool,
}

impl Meta {
    pub(super) fn parse(packed: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(packed).ok()?;
        let mut words = text.splitn(6, ' ');
        let mut number = || words.next()?.parse::<u64>().ok();
        let [incarnation, ttl, interval, beat] = [number()?, number()?, number()?, number()?];
        let mark = words.next()?;
        let (ttl, interval) = (Duration::from_micros(ttl), Duration::from_micros(interval));
        let beat = Timestamp::from_micros(beat);
        let suspect_at = beat + interval.saturating_mul(2).min(ttl);
        Some(Self {
            incarnation: Incarnation::new(incarnation),
            live: Liveness { beat, suspect_at, dead_at: beat + ttl },
            is_draining: mark == "d",
            is_gone: mark == "x",
        })
    }
}

/// An entry of the stream: `[id, [name, value, ...]]`.
pub(super) fn event(what: &str, entry: Value) -> Result<RegistryEvent, BackendError> {
    let broken = || unexpected(what, "an event that cannot be read");
    let [id, fields]: [Value; 2] = reply::list(what, entry)?.try_into().map_err(|_| broken())?;
    let id = reply::text(what, id)?;
    let seq = id.split('-').next().and_then(|seq| seq.parse().ok()).ok_or_else(broken)?;
    let mut texts = reply::list(what, fields)?.into_iter().map(|it| reply::text(what, it));
    let mut found = std::collections::BTreeMap::new();
    while let (Some(name), Some(value)) = (texts.next(), texts.next()) {
        found.insert(name?, value?);
    }
    let field = |name: &str| found.get(name).map(String::as_str);
    let number = |name: &str| field(name).and_then(|text| text.parse::<u64>().ok());
    let kind = field("kind").and_then(RegistryEventKind::parse).ok_or_else(broken)?;
    let state = field("state").and_then(AgentState::parse).ok_or_else(broken)?;
    let agent = parse_agent(field("agent").ok_or_else(broken)?);
    let incarnation = number("incarnation").filter(|&number| number > 0).map(Incarnation::new);
    let status = field("status").filter(|text| *text != "-").unwrap_or_default().to_owned();
    let at = Timestamp::from_micros(number("at").ok_or_else(broken)?);
    Ok(RegistryEvent::new(seq, kind, agent, incarnation, state, status, at))
}
