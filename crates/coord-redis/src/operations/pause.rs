//! Opening and closing the gate of a mailbox.

use coord_core::{AdminError, AgentId, RateLimit, micros};

use crate::layout::KeyLayout;
use crate::mailbox::Mailboxes;
use crate::reply;
use crate::script::{Call, ScriptPair, lua};

static PAUSE: ScriptPair = ScriptPair {
    compact: lua!("compact/pause": "lib/time.lua", "lib/waiters.lua", "lib/compact.lua",
        "lib/compact_take.lua", "lib/gate.lua", "lib/compact_serve.lua", "compact/pause.lua"),
    tta: lua!("tta/pause": "lib/time.lua", "lib/waiters.lua", "lib/tta_take.lua", "lib/gate.lua",
        "lib/tta_serve.lua", "tta/pause.lua"),
};

/// What is done to the gate.
#[derive(Debug, Clone, Copy)]
pub(crate) enum GateOrder {
    Pause,
    Resume,
    Limit(Option<RateLimit>),
}

/// Returns whether that changed if it is paused.
pub(crate) async fn pause(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    order: GateOrder,
) -> Result<bool, AdminError> {
    agent.check()?;
    let keys: &[&str] = match mailboxes.layout {
        KeyLayout::Compact => &["meta", "ready", "messages", "timers", "reserved", "waiters"],
        KeyLayout::Tta => &["gate", "sched", "fence", "reserved", "reserved_deadlines", "waiters"],
    };
    let script = PAUSE.of(mailboxes.layout);
    let call = Call::new(script, mailboxes.keys(agent).parts(keys));
    let call = match order {
        GateOrder::Pause => call.arg("pause"),
        GateOrder::Resume => call.arg("resume"),
        GateOrder::Limit(None) => call.arg("rate").number(0).number(0),
        GateOrder::Limit(Some(rate)) => {
            call.arg("rate").number(micros(rate.interval())).number(u64::from(rate.burst()))
        }
    };
    Ok(reply::number(script.name(), &mailboxes.lane.call(&call).await?)? == 1)
}
