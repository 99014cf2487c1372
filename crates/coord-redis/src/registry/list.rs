//! Listing agents, and removing the dead who are found on the way.

use std::collections::{BTreeMap, BTreeSet};

use coord_core::registry::{
    AgentRecord, AgentState, Liveness, PublishedStatus, RegisteredAgent, RegistryError,
    RegistryEventKind,
};
use coord_core::{AgentId, BackendError, Timestamp};
use futures_util::future::join_all;
use redis::Value;

use super::Inner;
use super::keys::parse_agent;
use super::meta::Meta;
use super::publish::word;
use crate::error::unexpected;
use crate::reply;
use crate::script::{Script, lua};

static LIST: Script =
    lua!("registry/list": "lib/time.lua", "lib/registry.lua", "registry/list.lua");
static BURY: Script =
    lua!("registry/bury": "lib/time.lua", "lib/registry.lua", "registry/bury.lua");

/// How many agents one run of the script buries: short enough to let others by.
const CHUNK: usize = 200;

/// At most three round trips: what is known of all, their records, and burying the dead.
pub(super) async fn list(inner: &Inner) -> Result<Vec<RegisteredAgent>, RegistryError> {
    let what = LIST.name();
    let answer = inner.lane.call(&inner.call(&LIST, inner.keys.shared())).await?;
    let [now, index, metas, spared]: [Value; 4] =
        reply::list(what, answer)?.try_into().map_err(|it| unexpected(what, it))?;
    let now = Timestamp::from_micros(reply::number(what, &now)?);
    let index = texts(what, index)?;
    let spared: BTreeSet<String> = texts(what, spared)?.into_iter().collect();
    let metas = metas_of(what, metas)?;
    // Living ones of ours that somebody took out of the index are found all the same.
    let living = metas.iter().filter(|(_, meta)| !meta.is_gone).map(|(key, _)| key.clone());
    let keys: BTreeSet<String> = index.into_iter().chain(living).collect();
    let keys: Vec<String> = keys.into_iter().collect();
    let values = inner.read_all(&keys).await?;
    let (mut agents, mut dead) = (Vec::with_capacity(keys.len()), Vec::new());
    for (key, value) in keys.iter().zip(values) {
        let Some(name) = inner.keys.agent_of(key) else { continue };
        let meta = metas.get(key).filter(|meta| !meta.is_gone);
        match show(inner, name, meta, value, spared.contains(key), now) {
            Some(agent) => agents.push((name, agent)),
            None => dead.push(name),
        }
    }
    if dead.is_empty() {
        return Ok(agents.into_iter().map(|(_, agent)| agent).collect());
    }
    for (name, outcome) in bury(inner, &dead, now).await? {
        if outcome == Buried::Spared {
            let meta = metas.get(&inner.keys.record(name));
            let beat = meta.map(|meta| meta.live.beat);
            let (id, incarnation) = (parse_agent(name), meta.map(|meta| meta.incarnation));
            let suspect =
                RegisteredAgent::new(id, AgentState::Suspect, incarnation, beat, now, None);
            agents.push((name, suspect));
        }
    }
    agents.sort_by_key(|(name, _)| *name);
    Ok(agents.into_iter().map(|(_, agent)| agent).collect())
}

/// One agent.
pub(super) async fn one(
    inner: &Inner,
    agent: &AgentId,
) -> Result<Option<RegisteredAgent>, RegistryError> {
    agent.check()?;
    let (what, name) = (LIST.name(), agent.mailbox_key());
    let call = inner.call(&LIST, inner.keys.with_agents([name.as_str()]));
    let [now, listed, meta, spared, record, _capabilities]: [Value; 6] =
        reply::list(what, inner.lane.call(&call).await?)?
            .try_into()
            .map_err(|it| unexpected(what, it))?;
    let now = Timestamp::from_micros(reply::number(what, &now)?);
    let meta = reply::optional_bytes(what, meta)?.and_then(|packed| Meta::parse(&packed));
    let meta = meta.filter(|meta| !meta.is_gone);
    let record = reply::optional_bytes(what, record)?;
    if meta.is_none() && record.is_none() && reply::number(what, &listed)? == 0 {
        return Ok(None);
    }
    let is_spared = spared != Value::Nil;
    let shown = show(inner, &name, meta.as_ref(), record, is_spared, now);
    if shown.is_none() {
        let buried = bury(inner, &[&name], now).await?;
        if buried.first().is_some_and(|(_, outcome)| *outcome == Buried::Spared) {
            let (beat, incarnation) =
                (meta.as_ref().map(|it| it.live.beat), meta.map(|it| it.incarnation));
            let id = parse_agent(&name);
            let state = AgentState::Suspect;
            return Ok(Some(RegisteredAgent::new(id, state, incarnation, beat, now, None)));
        }
    }
    Ok(shown)
}

/// An agent as far as it is there; nothing if it looks dead.
fn show(
    inner: &Inner,
    name: &str,
    meta: Option<&Meta>,
    value: Option<Vec<u8>>,
    is_spared: bool,
    now: Timestamp,
) -> Option<RegisteredAgent> {
    // A spared one whose time is over is shown to the script that buries.
    let Some(value) = value else {
        let meta = meta?;
        let waits = is_spared && now < meta.live.dead_at + inner.policy.ttl();
        let suspect = || {
            let incarnation = Some(meta.incarnation);
            let beat = Some(meta.live.beat);
            RegisteredAgent::new(
                parse_agent(name),
                AgentState::Suspect,
                incarnation,
                beat,
                now,
                None,
            )
        };
        return waits.then(suspect);
    };
    let Ok(record) = AgentRecord::from_wire(&value) else {
        // Somebody lives there who writes what nobody can read.
        let id = parse_agent(name);
        return Some(RegisteredAgent::new(id, AgentState::Suspect, None, None, now, None));
    };
    let id = record.agent_id.clone();
    // A record without our number is one of another program: only its own time tells.
    let own = meta.filter(|meta| record.incarnation == Some(meta.incarnation));
    if let Some(meta) = own {
        // The record is there, so it is not dead, whatever a microsecond says.
        let state = match meta.live.state(now, meta.is_draining) {
            AgentState::Dead => AgentState::Suspect,
            state => state,
        };
        let (incarnation, beat) = (Some(meta.incarnation), Some(meta.live.beat));
        return Some(RegisteredAgent::new(id, state, incarnation, beat, now, Some(record)));
    }
    let beat = record.beat();
    let live = beat.map(|beat| Liveness::beating(beat, &inner.policy));
    let state = live.map_or(AgentState::Suspect, |live| live.state(now, record.draining));
    Some(RegisteredAgent::new(id, state, None, beat, now, Some(record)))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Buried {
    Lives,
    Removed,
    Spared,
}

/// Removes who is dead indeed, and tells other programs.
pub(super) async fn bury<'a>(
    inner: &Inner,
    names: &[&'a str],
    now: Timestamp,
) -> Result<Vec<(&'a str, Buried)>, BackendError> {
    let what = BURY.name();
    let runs = names.chunks(CHUNK).map(|chunk| async move {
        let keys = inner.keys.with_agents(chunk.iter().copied());
        let ttl = inner.ttl_ms() * 1_000;
        let call = inner.call(&BURY, keys).number(ttl).number(inner.interval_us());
        reply::numbers(what, inner.lane.call(&call.args(chunk.iter().copied())).await?)
    });
    let mut outcomes = Vec::with_capacity(names.len());
    for (chunk, numbers) in names.chunks(CHUNK).zip(join_all(runs).await) {
        for (name, number) in chunk.iter().zip(numbers?) {
            let outcome = match number {
                1 => Buried::Removed,
                2 => Buried::Spared,
                _ => Buried::Lives,
            };
            outcomes.push((*name, outcome));
        }
    }
    for (name, _) in outcomes.iter().filter(|(_, outcome)| *outcome == Buried::Removed) {
        let published = PublishedStatus {
            event: word(RegistryEventKind::Expired),
            agent_id: &parse_agent(name),
            registration: None,
            status: "offline",
            previous: None,
            heartbeat_age: inner.policy.ttl().as_secs_f64(),
        };
        inner.publish(published, now).await;
    }
    Ok(outcomes)
}

fn texts(what: &str, items: Value) -> Result<Vec<String>, BackendError> {
    let items = reply::list(what, items)?.into_iter();
    // A name that is no UTF-8 is none of an agent.
    Ok(items.filter_map(|item| reply::text(what, item).ok()).collect())
}

fn metas_of(what: &str, pairs: Value) -> Result<BTreeMap<String, Meta>, BackendError> {
    let mut items = reply::list(what, pairs)?.into_iter();
    let mut found = BTreeMap::new();
    while let (Some(key), Some(packed)) = (items.next(), items.next()) {
        if let Some(meta) = Meta::parse(&reply::bytes(what, packed)?) {
            found.insert(reply::text(what, key)?, meta);
        }
    }
    Ok(found)
}
