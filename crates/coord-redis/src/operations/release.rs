//! Putting a message back untouched.

use coord_core::{AgentId, QueueMessage, ReservationToken, SettleError};

use super::ack::lost;
use super::nack::envelope;
use crate::layout::KeyLayout;
use crate::mailbox::Mailboxes;
use crate::reply;
use crate::script::{Call, ScriptPair, lua};

static RELEASE: ScriptPair = ScriptPair {
    compact: lua!("compact/release": "lib/time.lua", "lib/compact.lua", "lib/compact_settle.lua",
        "lib/serve_begin.lua", "lib/waiters.lua", "lib/compact_take.lua", "lib/gate.lua",
        "lib/compact_serve.lua", "lib/serve_end.lua", "compact/release.lua"),
    tta: lua!("tta/release": "lib/time.lua", "lib/tta.lua", "lib/tta_back.lua",
        "lib/serve_begin.lua", "lib/waiters.lua", "lib/tta_take.lua", "lib/gate.lua",
        "lib/tta_serve.lua", "lib/serve_end.lua", "tta/release.lua"),
};

pub(crate) async fn release(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    token: &ReservationToken,
) -> Result<(), SettleError> {
    agent.check()?;
    let keys: &[&str] = match mailboxes.layout {
        KeyLayout::Compact => {
            &["ready", "timers", "reserved", "messages", "meta", "waiters", "notes"]
        }
        KeyLayout::Tta => &[
            "sched",
            "reserved",
            "reserved_deadlines",
            "fence",
            "waiters",
            "gate",
            "notes",
            "queue",
        ],
    };
    let script = RELEASE.of(mailboxes.layout);
    let mut call = Call::new(script, mailboxes.keys(agent).parts(keys)).arg(token.as_str());
    if mailboxes.layout == KeyLayout::Tta {
        let Some(stored) = envelope(mailboxes, agent, token).await? else {
            return Err(lost(agent, token));
        };
        // Only what could be read was ever handed out; anything else keeps the middle level.
        let level = QueueMessage::from_wire(&stored).map_or(5, |queued| queued.priority.number());
        call = call.number(u64::from(level));
    }
    match reply::number(script.name(), &mailboxes.lane.call(&call).await?)? {
        1 => Ok(()),
        _ => Err(lost(agent, token)),
    }
}
