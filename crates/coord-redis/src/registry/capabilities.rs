//! What agents can do.

use std::collections::BTreeSet;

use coord_core::capability::CapabilitySet;
use coord_core::registry::{CapabilityFilter, RegistryError};
use coord_core::{AgentId, BackendError};
use redis::Value;

use super::Inner;
use super::meta::Meta;
use crate::reply;
use crate::script::{Call, Script, lua};

static PUT: Script =
    lua!("registry/capabilities": "lib/time.lua", "lib/registry.lua", "registry/capabilities.lua");
static DISCOVER: Script =
    lua!("registry/discover": "lib/time.lua", "lib/registry.lua", "registry/discover.lua");

pub(super) async fn put(inner: &Inner, set: &CapabilitySet) -> Result<(), RegistryError> {
    set.check()?;
    let agent = set.agent_id.mailbox_key();
    let set = set.clone().updated(inner.time().await?);
    let call = Call::new(&PUT, inner.keys.with_agents([agent.as_str()]))
        .number(inner.ttl_ms())
        .args([set.to_wire(), index_entries(&set, &agent)]);
    match reply::number(PUT.name(), &inner.lane.call(&call).await?)? {
        1 => Ok(()),
        _ => Err(RegistryError::UnknownAgent { agent: set.agent_id.to_string() }),
    }
}

pub(super) async fn one(
    inner: &Inner,
    agent: &AgentId,
) -> Result<Option<CapabilitySet>, RegistryError> {
    agent.check()?;
    let get = redis::cmd("GET").arg(inner.keys.capabilities(&agent.mailbox_key())).take();
    let stored = reply::optional_bytes("GET", inner.lane.command("GET", &get).await?)?;
    Ok(stored.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

static NAMES: Script = lua!("registry/names": "lib/registry.lua", "registry/names.lua");

/// How many names one script tells.
const NAMES_AT_ONCE: usize = 1_000;

/// The names of capabilities that pass.
async fn names(inner: &Inner, filter: &CapabilityFilter) -> Result<Vec<String>, BackendError> {
    let mut all = Vec::new();
    let mut last = String::new();
    loop {
        let call = Call::new(&NAMES, inner.keys.shared()).arg(&last).number(NAMES_AT_ONCE as u64);
        let answer = reply::list(NAMES.name(), inner.lane.call(&call).await?)?;
        let is_all = answer.len() < NAMES_AT_ONCE;
        for name in answer {
            last = reply::text(NAMES.name(), name)?;
            if filter.admits_name(&last) {
                all.push(last.clone());
            }
        }
        if is_all {
            return Ok(all);
        }
    }
}

/// Two round trips: whose sets, and those sets; before them the names, if it depends on these.
pub(super) async fn sets(
    inner: &Inner,
    filter: &CapabilityFilter,
) -> Result<Vec<CapabilitySet>, RegistryError> {
    let starts = match filter {
        CapabilityFilter::All => vec![String::new()],
        CapabilityFilter::Name(name) => vec![format!("name {name} ")],
        CapabilityFilter::Kind(kind) => vec![format!("kind {} ", kind_word(*kind))],
        CapabilityFilter::Similar { .. } => {
            names(inner, filter).await?.iter().map(|name| format!("name {name} ")).collect()
        }
    };
    let what = DISCOVER.name();
    let call = Call::new(&DISCOVER, inner.keys.shared()).args(starts);
    let answer = reply::list(what, inner.lane.call(&call).await?)?;
    let [found, known, foreign]: [Value; 3] =
        answer.try_into().map_err(|it| crate::error::unexpected(what, it))?;
    let mut keys = Vec::new();
    for (record, meta) in reply::list(what, found)?.into_iter().zip(reply::list(what, known)?) {
        let (record, meta) = (reply::text(what, record)?, reply::bytes(what, meta)?);
        let takes_work = Meta::parse(&meta).is_none_or(|it| !it.is_draining && !it.is_gone);
        if let Some(agent) = inner.keys.agent_of(&record).filter(|_| takes_work) {
            keys.push(inner.keys.capabilities(agent));
        }
    }
    for key in reply::list(what, foreign)? {
        keys.push(reply::text(what, key)?);
    }
    let stored = inner.read_all(&keys).await?;
    // What cannot be read is nothing that could be offered.
    let read = stored.into_iter().flatten().filter_map(|it| serde_json::from_slice(&it).ok());
    let mut sets: Vec<CapabilitySet> = read.filter(|set| filter.admits(set)).collect();
    sets.sort_by_cached_key(|set| set.agent_id.mailbox_key());
    Ok(sets)
}

/// The entries of a set in the index by name and kind, one a line.
pub(super) fn index_entries(set: &CapabilitySet, agent: &str) -> String {
    let mut entries = BTreeSet::new();
    for capability in &set.capabilities {
        entries.insert(format!("name {} {agent}", capability.name));
        entries.insert(format!("kind {} {agent}", kind_word(capability.kind)));
    }
    entries.into_iter().collect::<Vec<_>>().join("\n")
}

fn kind_word(kind: coord_core::capability::CapabilityType) -> String {
    format!("{kind:?}").to_lowercase()
}

impl Inner {
    /// The values of these keys, in one pipeline of bounded reads.
    pub(super) async fn read_all(
        &self,
        keys: &[String],
    ) -> Result<Vec<Option<Vec<u8>>>, BackendError> {
        /// How many values one command reads.
        const CHUNK: usize = 1_000;
        let reads = keys.chunks(CHUNK).map(|chunk| async move {
            let get = redis::cmd("MGET").arg(chunk).take();
            let values = reply::list("MGET", self.lane.command("MGET", &get).await?)?;
            values.into_iter().map(|value| reply::optional_bytes("MGET", value)).collect()
        });
        let chunks = futures_util::future::join_all(reads).await;
        let chunks: Vec<Vec<_>> = chunks.into_iter().collect::<Result<_, BackendError>>()?;
        Ok(chunks.into_iter().flatten().collect())
    }
}
