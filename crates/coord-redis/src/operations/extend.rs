//! Keeping a message longer.

use std::time::Duration;

use coord_core::{AgentId, ReservationToken, SettleError, Timestamp, check_visibility, micros};

use super::ack::lost;
use crate::layout::KeyLayout;
use crate::mailbox::Mailboxes;
use crate::reply;
use crate::script::{Call, ScriptPair, lua};

static EXTEND: ScriptPair = ScriptPair {
    compact: lua!("compact/extend": "lib/time.lua", "compact/extend.lua"),
    tta: lua!("tta/extend": "lib/time.lua", "tta/extend.lua"),
};

pub(crate) async fn extend(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    token: &ReservationToken,
    visibility: Duration,
) -> Result<Timestamp, SettleError> {
    agent.check()?;
    check_visibility(visibility)?;
    let keys: &[&str] = match mailboxes.layout {
        KeyLayout::Compact => &["timers"],
        KeyLayout::Tta => &["reserved", "reserved_deadlines"],
    };
    let script = EXTEND.of(mailboxes.layout);
    let call = Call::new(script, mailboxes.keys(agent).parts(keys))
        .arg(token.as_str())
        .number(micros(visibility));
    match reply::number(script.name(), &mailboxes.lane.call(&call).await?)? {
        0 => Err(lost(agent, token)),
        deadline => Ok(Timestamp::from_micros(deadline)),
    }
}
