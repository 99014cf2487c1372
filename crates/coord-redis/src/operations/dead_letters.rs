//! Looking at the dead-letter queue.

use coord_core::{
    AdminError, AgentId, BackendError, DeadBody, DeadLetter, DeadMatches, DeadSelection, Page,
    Timestamp, Unsupported,
};
use redis::{Value, from_redis_value};

use crate::error::{running, unexpected};
use crate::layout::KeyLayout;
use crate::mailbox::Mailboxes;
use crate::script::{Call, Script, lua};
use crate::{codec, reply};

static DEAD: Script = lua!("compact/dead_letters": "compact/dead_letters.lua");

/// A dead message as it lies in Redis.
pub(super) struct Grave {
    pub(super) letter: DeadLetter,
    /// What names it to scripts: its lid, or on the original's layout its JSON.
    pub(super) key: Vec<u8>,
}

pub(crate) async fn dead_letters(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    page: Page,
) -> Result<Vec<DeadLetter>, AdminError> {
    agent.check()?;
    let graves = graves(mailboxes, agent, page).await?;
    Ok(graves.into_iter().map(|grave| grave.letter).collect())
}

/// What a selection takes, read slice by slice.
pub(crate) async fn find(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    selection: &DeadSelection,
    page: Page,
) -> Result<DeadMatches, AdminError> {
    agent.check()?;
    let (now, selection) = as_of_now(mailboxes, agent, selection).await?;
    let mut found = DeadMatches::default();
    let mut place = Page::first(SLICE);
    loop {
        let graves = graves(mailboxes, agent, place).await?;
        let read = graves.len() as u64;
        found.take_in(now, &selection, page, graves.into_iter().map(|grave| grave.letter));
        if read < u64::from(SLICE) {
            return Ok(found);
        }
        place.offset += read;
    }
}

/// How many dead messages are read at once.
const SLICE: u32 = 100;

/// The selection with its age turned into a time, and the time it is now; that is asked for only
/// where it matters.
pub(super) async fn as_of_now(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    selection: &DeadSelection,
) -> Result<(Timestamp, DeadSelection), AdminError> {
    if mailboxes.layout == KeyLayout::Tta && selection.asks_for_time() {
        let feature = "selecting dead letters by the time of their death";
        return Err(
            Unsupported { feature, place: "by the tta layout, which does not keep it" }.into()
        );
    }
    if !selection.is_relative() {
        return Ok((Timestamp::from_micros(0), selection.clone()));
    }
    let key = mailboxes.keys(agent).part("dead");
    let time = mailboxes.lane.command_at(&key, "TIME", &redis::cmd("TIME")).await?;
    let time: (u64, u64) = from_redis_value(time).map_err(|e| running("TIME", e.into()))?;
    let now = Timestamp::from_micros(time.0.saturating_mul(1_000_000).saturating_add(time.1));
    Ok((now, selection.resolved(now)))
}

/// One page of the dead-letter queue, oldest first.
pub(super) async fn graves(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    page: Page,
) -> Result<Vec<Grave>, BackendError> {
    let keys = mailboxes.keys(agent);
    let (offset, limit) = (page.bounded_offset(), u64::from(page.bounded_limit()));
    match mailboxes.layout {
        KeyLayout::Compact => {
            let call = Call::new(&DEAD, keys.parts(&["dead", "graves"]));
            let answer = mailboxes.lane.call(&call.number(offset).number(limit)).await?;
            let items = reply::list(DEAD.name(), answer)?;
            items.chunks_exact(3).map(of_compact).collect()
        }
        KeyLayout::Tta if limit == 0 => Ok(Vec::new()),
        KeyLayout::Tta => {
            let last = offset + limit - 1;
            let range = redis::cmd("LRANGE").arg(keys.part("dlq")).arg(offset).arg(last).take();
            let answer = mailboxes.lane.command("LRANGE", &range).await?;
            let items = reply::list("LRANGE", answer)?.into_iter();
            items.map(|item| Ok(of_tta(reply::bytes("LRANGE", item)?))).collect()
        }
    }
}

fn of_compact(parts: &[Value]) -> Result<Grave, BackendError> {
    let [at, Value::BulkString(lid), Value::BulkString(stored)] = parts else {
        return Err(unexpected(DEAD.name(), parts));
    };
    let died_at = Some(Timestamp::from_micros(reply::number(DEAD.name(), at)?));
    let letter = DeadLetter { body: body(KeyLayout::Compact, stored), died_at };
    Ok(Grave { letter, key: lid.clone() })
}

fn of_tta(stored: Vec<u8>) -> Grave {
    let letter = DeadLetter { body: body(KeyLayout::Tta, &stored), died_at: None };
    Grave { letter, key: stored }
}

fn body(layout: KeyLayout, stored: &[u8]) -> DeadBody {
    match codec::decode(layout, stored) {
        Ok(queued) => DeadBody::Message(Box::new(queued)),
        Err(poison) => DeadBody::Unreadable {
            raw: String::from_utf8_lossy(stored).into_owned(),
            reason: poison.reason().to_owned(),
        },
    }
}
