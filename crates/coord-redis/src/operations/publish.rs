//! Finding the subscribers of a type.
//!
//! An index names the agents that may want it; what each of them wants lies with the agent, is
//! asked for in one pipeline, and decides. The original knows no index: on its layout agents are
//! also found by their key, in a walk over the key space that is repeated now and then.

use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use coord_core::{AdminError, AgentId, BackendError, InvalidInput, MessageType, RoutingKey};
use futures_util::future::try_join_all;
use redis::{Value, from_redis_value};

use super::stats::agent_of;
use super::subscribe::{PARTS, decode};
use crate::error::running;
use crate::keys::{escape_glob, subscriber_index};
use crate::layout::KeyLayout;
use crate::mailbox::{Mailboxes, PIPELINE};
use crate::reply;
use crate::script::{Call, Script, lua};

/// The same keys in both layouts, so one script serves both.
static PUBLISH: Script =
    lua!("publish": "lib/time.lua", "lib/subscriptions.lua", "compact/publish.lua");

/// How many agents may be subscribed to one type.
pub(crate) const MAX_SUBSCRIBERS: usize = 10_000;
/// How long the agents that a walk found are taken for all of them.
const WALK_EVERY: Duration = Duration::from_secs(10);
/// How many steps of a thousand keys one walk takes at most; the next one goes on there.
const WALK_STEPS: usize = 100;

/// What a walk over the key space of the original's layout found.
#[derive(Default)]
pub(crate) struct Walk {
    /// `type:instance` of agents that have subscriptions, at most [`MAX_SUBSCRIBERS`].
    names: BTreeSet<String>,
    /// Where the next one begins.
    cursor: u64,
    /// When the last one began.
    at: Option<Instant>,
}

/// Who wants messages of `kind` about `routing`, in the order of their names.
pub(crate) async fn subscribers(
    mailboxes: &Mailboxes,
    kind: MessageType,
    routing: &RoutingKey,
) -> Result<Vec<AgentId>, BackendError> {
    let indexed = indexed(mailboxes, kind).await?;
    let mut names = indexed.clone();
    if mailboxes.layout == KeyLayout::Tta {
        names.extend(walked(mailboxes).await?);
    }
    let agents: Vec<AgentId> = names.iter().filter_map(|name| agent_of(name)).collect();
    let wants = looks(mailboxes, kind, &agents).await?;
    let mut found = Vec::new();
    for (agent, wants) in agents.into_iter().zip(wants) {
        if wants.is_empty() && indexed.contains(&agent.mailbox_key()) {
            delist(mailboxes, kind, &agent).await?;
        }
        if wants.iter().any(|filter| decode(filter).fits(routing)) {
            found.push(agent);
        }
    }
    Ok(found)
}

/// Puts an agent into the index of a type it has recorded.
pub(super) async fn enlist(
    mailboxes: &Mailboxes,
    kind: MessageType,
    agent: &AgentId,
) -> Result<(), AdminError> {
    let key = subscriber_index(&mailboxes.prefix, kind);
    let add = redis::cmd("SADD").arg(&key).arg(agent.mailbox_key()).take();
    let added = mailboxes.lane.command("SADD", &add).await?;
    if reply::number("SADD", &added)? == 0 || !is_crowded(mailboxes, &key).await? {
        return Ok(());
    }
    // Those who left without a word make room.
    let names = indexed(mailboxes, kind).await?;
    let agents: Vec<AgentId> = names.iter().filter_map(|name| agent_of(name)).collect();
    let wants = looks(mailboxes, kind, &agents).await?;
    for (agent, wants) in agents.iter().zip(wants) {
        if wants.is_empty() {
            delist(mailboxes, kind, agent).await?;
        }
    }
    if !is_crowded(mailboxes, &key).await? {
        return Ok(());
    }
    remove(mailboxes, kind, agent).await?;
    let problem = format!(
        "{MAX_SUBSCRIBERS} agents are subscribed to {} already, which are all that are allowed",
        kind.as_str()
    );
    Err(InvalidInput::new("subscribers", problem).into())
}

/// Takes an agent that has not recorded a type out of its index; puts it back if it has recorded
/// it in that moment.
pub(super) async fn delist(
    mailboxes: &Mailboxes,
    kind: MessageType,
    agent: &AgentId,
) -> Result<(), BackendError> {
    remove(mailboxes, kind, agent).await?;
    if !look(mailboxes, kind, agent).await?.is_empty() {
        let key = subscriber_index(&mailboxes.prefix, kind);
        let add = redis::cmd("SADD").arg(key).arg(agent.mailbox_key()).take();
        mailboxes.lane.command("SADD", &add).await?;
    }
    Ok(())
}

async fn remove(
    mailboxes: &Mailboxes,
    kind: MessageType,
    agent: &AgentId,
) -> Result<(), BackendError> {
    let key = subscriber_index(&mailboxes.prefix, kind);
    let remove = redis::cmd("SREM").arg(key).arg(agent.mailbox_key()).take();
    mailboxes.lane.command("SREM", &remove).await.map(drop)
}

async fn is_crowded(mailboxes: &Mailboxes, key: &str) -> Result<bool, BackendError> {
    let count = mailboxes.lane.command("SCARD", &redis::cmd("SCARD").arg(key).take()).await?;
    Ok(reply::number("SCARD", &count)? > MAX_SUBSCRIBERS as u64)
}

/// What each of these agents wants of a type, asked for in pipelines.
async fn looks(
    mailboxes: &Mailboxes,
    kind: MessageType,
    agents: &[AgentId],
) -> Result<Vec<Vec<String>>, BackendError> {
    let mut wants = Vec::with_capacity(agents.len());
    for part in agents.chunks(PIPELINE) {
        wants.extend(try_join_all(part.iter().map(|agent| look(mailboxes, kind, agent))).await?);
    }
    Ok(wants)
}

/// The filters of what an agent wants of a type; none if it does not want it.
async fn look(
    mailboxes: &Mailboxes,
    kind: MessageType,
    agent: &AgentId,
) -> Result<Vec<String>, BackendError> {
    let call = Call::new(&PUBLISH, mailboxes.keys(agent).parts(PARTS)).arg(kind.as_str());
    let filters = reply::list(PUBLISH.name(), mailboxes.lane.call(&call).await?)?;
    filters.into_iter().map(|filter| reply::text(PUBLISH.name(), filter)).collect()
}

async fn indexed(
    mailboxes: &Mailboxes,
    kind: MessageType,
) -> Result<BTreeSet<String>, BackendError> {
    let key = subscriber_index(&mailboxes.prefix, kind);
    let members = redis::cmd("SMEMBERS").arg(key).take();
    let reply = mailboxes.lane.command("SMEMBERS", &members).await?;
    from_redis_value(reply).map_err(|e| running("SMEMBERS", e.into()))
}

/// Agents that have subscriptions of whatever type, as the last walk found them; walks if that
/// was too long ago.
async fn walked(mailboxes: &Mailboxes) -> Result<BTreeSet<String>, BackendError> {
    let lock = || mailboxes.walk.lock().unwrap_or_else(PoisonError::into_inner);
    let begun = Instant::now();
    let start = {
        let mut walk = lock();
        if walk.at.is_some_and(|at| begun.duration_since(at) < WALK_EVERY) {
            return Ok(walk.names.clone());
        }
        // One of those who ask walks, and the others go on with what is known; before the first
        // walk is done nothing is.
        if walk.at.is_some() {
            walk.at = Some(begun);
        }
        walk.cursor
    };
    let (found, cursor) = walk(mailboxes, start).await?;
    let mut walk = lock();
    if start == 0 && cursor == 0 {
        walk.names = found;
    } else {
        walk.names.extend(found);
    }
    while walk.names.len() > MAX_SUBSCRIBERS {
        walk.names.pop_last();
    }
    (walk.cursor, walk.at) = (cursor, Some(begun));
    Ok(walk.names.clone())
}

async fn walk(mailboxes: &Mailboxes, start: u64) -> Result<(BTreeSet<String>, u64), BackendError> {
    let head = mailboxes.prefix.len() + ":subs:".len();
    let pattern = format!("{}:subs:*", escape_glob(&mailboxes.prefix));
    let (mut found, mut cursor) = (BTreeSet::new(), start);
    for _ in 0..WALK_STEPS {
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(1000);
        // On a cluster the prefix is a hash tag: everything lies where it does.
        let reply: Value = mailboxes.lane.command_at(&mailboxes.prefix, "SCAN", &scan).await?;
        let (next, keys): (u64, Vec<String>) =
            from_redis_value(reply).map_err(|e| running("SCAN", e.into()))?;
        found.extend(keys.iter().map(|key| key[head..].to_owned()));
        cursor = next;
        if cursor == 0 || found.len() >= MAX_SUBSCRIBERS {
            break;
        }
    }
    Ok((found, cursor))
}
