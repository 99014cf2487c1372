//! Where a message is.

use coord_core::{
    AdminError, AgentId, BackendError, DeadBody, MessageId, MessagePlace, MessageReport, Page,
    ReservationToken, Timestamp,
};
use redis::Value;

use super::dead_letters::graves;
use super::find::{Found, find_live, in_hash};
use crate::error::unexpected;
use crate::layout::KeyLayout;
use crate::mailbox::Mailboxes;
use crate::script::{Call, ScriptPair, lua};
use crate::{codec, reply};

static WHY: ScriptPair = ScriptPair {
    compact: lua!("compact/why": "lib/time.lua", "lib/compact.lua", "lib/compact_settle.lua",
        "compact/why.lua"),
    tta: lua!("tta/why": "lib/time.lua", "tta/why.lua"),
};

/// How often a message is looked for that moves from place to place meanwhile.
const TRIES: usize = 3;
/// How many dead letters are read at once.
const PAGE: u32 = 200;

pub(crate) async fn why(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    id: &MessageId,
) -> Result<Option<MessageReport>, AdminError> {
    agent.check()?;
    for _ in 0..TRIES {
        let Some(found) = find_live(mailboxes, agent, id).await? else { break };
        if let Some(report) = report(mailboxes, agent, &found).await? {
            return Ok(Some(report));
        }
    }
    Ok(match mailboxes.layout {
        KeyLayout::Compact => match in_hash(mailboxes, agent, "graves", id).await? {
            Some(grave) => report(mailboxes, agent, &grave).await?,
            None => None,
        },
        KeyLayout::Tta => among_the_dead(mailboxes, agent, id).await?,
    })
}

async fn report(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    found: &Found,
) -> Result<Option<MessageReport>, BackendError> {
    let script = WHY.of(mailboxes.layout);
    let what = script.name();
    let keys: &[&str] = match mailboxes.layout {
        KeyLayout::Compact => &["ready", "timers", "messages", "reserved", "dead", "graves"],
        KeyLayout::Tta => &["sched", "reserved", "reserved_deadlines", "notes"],
    };
    let call = Call::new(script, mailboxes.keys(agent).parts(keys)).arg(found.name.clone());
    let call = match mailboxes.layout {
        KeyLayout::Compact => call,
        KeyLayout::Tta => call.arg(found.token.clone()),
    };
    let answer = reply::list(what, mailboxes.lane.call(&call).await?)?;
    let [now, rest @ ..] = &answer[..] else { return Err(unexpected(what, "an empty list")) };
    let now = Timestamp::from_micros(reply::number(what, now)?);
    let [place, at, expiry, token, is_cancelled, Value::BulkString(stored)] = rest else {
        return if rest.is_empty() { Ok(None) } else { Err(unexpected(what, rest)) };
    };
    // What cannot be read has no id either, so it was not this that was found.
    let Ok(queue_message) = codec::decode(mailboxes.layout, stored) else { return Ok(None) };
    let at = Timestamp::from_micros(reply::number(what, at)?);
    let place = match reply::number(what, place)? {
        1 => MessagePlace::Ready { since: at },
        2 => MessagePlace::Delayed { due: at },
        3 => MessagePlace::Reserved {
            token: parse_token(what, token)?,
            deadline: at,
            is_cancelled: reply::number(what, is_cancelled)? == 1,
        },
        4 => MessagePlace::Dead { at: Some(at) },
        other => return Err(unexpected(what, other)),
    };
    let expires_at = match reply::number(what, expiry)? {
        0 => None,
        expiry => Some(Timestamp::from_micros(expiry)),
    };
    Ok(Some(MessageReport { queue_message, place, expires_at, now }))
}

fn parse_token(what: &str, token: &Value) -> Result<ReservationToken, BackendError> {
    let text = reply::text(what, token.clone())?;
    ReservationToken::parse(&text).map_err(|_| unexpected(what, text))
}

/// The original's dead letters are a list.
async fn among_the_dead(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    id: &MessageId,
) -> Result<Option<MessageReport>, BackendError> {
    let mut offset = 0;
    loop {
        let page = graves(mailboxes, agent, Page { offset, limit: PAGE }).await?;
        if page.is_empty() {
            return Ok(None);
        }
        offset += page.len() as u64;
        for grave in page {
            if let DeadBody::Message(queued) = grave.letter.body
                && queued.message.message_id == *id
            {
                let place = MessagePlace::Dead { at: grave.letter.died_at };
                let now = mailboxes.wall_clock();
                let queue_message = *queued;
                return Ok(Some(MessageReport { queue_message, place, expires_at: None, now }));
            }
        }
    }
}
