//! Keeping a message longer, and hearing what others want its holder to know.

use std::time::Duration;

use coord_core::{
    AgentId, BackendError, Extended, ReservationToken, SettleError, Timestamp, check_visibility,
    micros,
};

use super::ack::lost;
use crate::error::unexpected;
use crate::layout::KeyLayout;
use crate::mailbox::Mailboxes;
use crate::reply;
use crate::script::{Call, ScriptPair, lua};

static EXTEND: ScriptPair = ScriptPair {
    compact: lua!("compact/extend": "lib/time.lua", "lib/compact_settle.lua",
        "compact/extend.lua"),
    tta: lua!("tta/extend": "lib/time.lua", "tta/extend.lua"),
};

pub(crate) async fn extend(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    token: &ReservationToken,
    visibility: Duration,
) -> Result<Extended, SettleError> {
    agent.check()?;
    check_visibility(visibility)?;
    let keys = match mailboxes.layout {
        KeyLayout::Compact => ["reserved", "timers", "notes"],
        KeyLayout::Tta => ["reserved", "reserved_deadlines", "notes"],
    };
    let script = EXTEND.of(mailboxes.layout);
    let what = script.name();
    let call = Call::new(script, mailboxes.keys(agent).parts(&keys))
        .arg(token.as_str())
        .number(micros(visibility));
    let mut items = reply::list(what, mailboxes.lane.call(&call).await?)?.into_iter();
    let deadline = items.next().ok_or_else(|| unexpected(what, "an empty list"))?;
    let deadline = match reply::number(what, &deadline)? {
        0 => return Err(lost(agent, token)),
        deadline => Timestamp::from_micros(deadline),
    };
    let (Some(is_cancelled), Some(notes)) = (items.next(), items.next()) else {
        return Err(unexpected(what, "half a reply").into());
    };
    Ok(Extended {
        deadline,
        is_cancelled: reply::number(what, &is_cancelled)? == 1,
        notes: split_notes(what, &reply::bytes(what, notes)?)?,
    })
}

/// Notes as they lie in Redis, each `<n>:` and n bytes.
fn split_notes(what: &str, mut bytes: &[u8]) -> Result<Vec<String>, BackendError> {
    let mut notes = Vec::new();
    while !bytes.is_empty() {
        let (note, rest) = split_note(bytes).ok_or_else(|| unexpected(what, "a damaged note"))?;
        notes.push(String::from_utf8_lossy(note).into_owned());
        bytes = rest;
    }
    Ok(notes)
}

fn split_note(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|&byte| byte == b':')?;
    let length = std::str::from_utf8(&bytes[..end]).ok()?.parse().ok()?;
    bytes[end + 1..].split_at_checked(length)
}
