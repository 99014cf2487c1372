//! Looking for a message by its id: nothing in Redis is ordered by that, so this walks over the
//! mailbox, in steps that keep nobody waiting.

use coord_core::{AgentId, BackendError, MessageId, QueueMessage};
use redis::{Value, from_redis_value};

use crate::error::{running, unexpected};
use crate::keys::escape_glob;
use crate::layout::KeyLayout;
use crate::mailbox::Mailboxes;
use crate::script::{Call, Script, lua};
use crate::{codec, reply};

static FIND: Script = lua!("compact/find": "compact/find.lua");

/// How many entries one step looks at.
const STEP: u64 = 200;

/// A message that was found.
pub(super) struct Found {
    /// What names it to scripts: its lid, or on the original's layout its JSON.
    pub(super) name: Vec<u8>,
    /// On the original's layout, the token it is reserved under.
    pub(super) token: Vec<u8>,
}

/// What is not settled yet. What moves while the walk goes on is met at its new place or by the
/// second walk.
pub(super) async fn find_live(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    id: &MessageId,
) -> Result<Option<Found>, BackendError> {
    for _ in 0..2 {
        let found = match mailboxes.layout {
            KeyLayout::Compact => in_hash(mailboxes, agent, "messages", id).await?,
            KeyLayout::Tta => match in_schedules(mailboxes, agent, id).await? {
                None => in_hash(mailboxes, agent, "reserved", id).await?,
                found => found,
            },
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// The bytes of an id that is the same in every JSON; nothing for one that could be escaped.
fn needle(id: &MessageId) -> &str {
    let is_plain =
        |c: char| c.is_ascii() && !c.is_ascii_control() && !matches!(c, '"' | '\\' | '/');
    if id.as_str().chars().all(is_plain) { id.as_str() } else { "" }
}

fn is_it(layout: KeyLayout, stored: &[u8], id: &MessageId) -> bool {
    let read: Result<QueueMessage, _> = codec::decode(layout, stored);
    read.is_ok_and(|queued| queued.message.message_id == *id)
}

/// Walks over the values of a hash.
pub(super) async fn in_hash(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    part: &str,
    id: &MessageId,
) -> Result<Option<Found>, BackendError> {
    let mut cursor = b"0".to_vec();
    loop {
        let call = Call::new(&FIND, mailboxes.keys(agent).parts(&[part]))
            .arg(cursor)
            .number(STEP)
            .arg(needle(id));
        let answer = mailboxes.lane.call(&call).await?;
        let mut items = reply::list(FIND.name(), answer)?.into_iter();
        let next = items.next().ok_or_else(|| unexpected(FIND.name(), "an empty list"))?;
        cursor = reply::bytes(FIND.name(), next)?;
        while let (Some(field), Some(stored)) = (items.next(), items.next()) {
            let field = reply::bytes(FIND.name(), field)?;
            let stored = reply::bytes(FIND.name(), stored)?;
            if !is_it(mailboxes.layout, &stored, id) {
                continue;
            }
            return Ok(Some(match mailboxes.layout {
                KeyLayout::Compact => Found { name: field, token: Vec::new() },
                KeyLayout::Tta => Found { name: stored, token: field },
            }));
        }
        if cursor == b"0" {
            return Ok(None);
        }
    }
}

/// Walks over the members of the original's schedules.
async fn in_schedules(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    id: &MessageId,
) -> Result<Option<Found>, BackendError> {
    let pattern = format!("*{}*", escape_glob(needle(id)));
    for level in [9, 5, 1] {
        let key = mailboxes.keys(agent).schedule(level);
        let mut cursor = "0".to_owned();
        loop {
            let mut scan = redis::cmd("ZSCAN");
            scan.arg(&key).arg(&cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(STEP);
            let answer: Value = mailboxes.lane.command("ZSCAN", &scan).await?;
            let (next, members): (String, Vec<Vec<u8>>) =
                from_redis_value(answer).map_err(|e| running("ZSCAN", e.into()))?;
            // Members and their scores by turns.
            let found = members.into_iter().step_by(2);
            if let Some(name) = found.into_iter().find(|it| is_it(mailboxes.layout, it, id)) {
                return Ok(Some(Found { name, token: Vec::new() }));
            }
            if next == "0" {
                break;
            }
            cursor = next;
        }
    }
    Ok(None)
}
