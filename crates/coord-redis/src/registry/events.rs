//! The log of events.

use coord_core::registry::{EventCursor, EventPage, RegistryError};
use redis::Value;

use super::Inner;
use super::list;
use super::meta;
use crate::error::unexpected;
use crate::reply;
use crate::script::{Script, lua};

static EVENTS: Script =
    lua!("registry/events": "lib/time.lua", "lib/registry.lua", "registry/events.lua");

/// How many rounds of burying one question does at most; the next one goes on.
const ROUNDS: usize = 16;

pub(super) async fn events(
    inner: &Inner,
    after: Option<&EventCursor>,
    max: usize,
) -> Result<EventPage, RegistryError> {
    let mut round = 0;
    loop {
        let (page, overdue) = ask(inner, after, max).await?;
        round += 1;
        if overdue.is_empty() || round > ROUNDS {
            return Ok(page);
        }
        let names: Vec<&str> = overdue.iter().filter_map(|key| inner.keys.agent_of(key)).collect();
        // Only for whom it publishes: the events of the log have times of their own.
        let now = inner.time().await?;
        list::bury(inner, &names, now).await?;
    }
}

async fn ask(
    inner: &Inner,
    after: Option<&EventCursor>,
    max: usize,
) -> Result<(EventPage, Vec<String>), RegistryError> {
    let what = EVENTS.name();
    let (epoch, seq) = after.map_or(("", 0), |cursor| (cursor.epoch.as_str(), cursor.seq));
    let call = inner
        .call(&EVENTS, inner.keys.shared())
        .arg(epoch)
        .number(seq)
        .number(max.try_into().unwrap_or(u64::MAX).min(100_000));
    let answer = reply::list(what, inner.lane.call(&call).await?)?;
    let [epoch, seq, overdue, entries]: [Value; 4] =
        answer.try_into().map_err(|it| unexpected(what, it))?;
    let head = EventCursor { epoch: reply::text(what, epoch)?, seq: reply::number(what, &seq)? };
    let entries = reply::list(what, entries)?.into_iter();
    let events = entries.map(|entry| meta::event(what, entry)).collect::<Result<_, _>>()?;
    let overdue = reply::list(what, overdue)?.into_iter();
    let overdue = overdue.map(|key| reply::text(what, key)).collect::<Result<_, _>>()?;
    Ok((EventPage { head, events }, overdue))
}
