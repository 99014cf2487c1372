//! Taking expired reservations back.

use coord_core::mailbox::SWEEP_LIMIT;
use coord_core::{AdminError, AgentId, BackendError, ExpiryPolicy};

use super::bury::{dead_limit, note_dropped};
use super::stats::mailboxes as all_mailboxes;
use super::verdict::Verdict;
use crate::error::unexpected;
use crate::keys::TTA_PARTS;
use crate::layout::KeyLayout;
use crate::mailbox::Mailboxes;
use crate::reply;
use crate::script::{Call, ScriptPair, lua};

static RECOVER: ScriptPair = ScriptPair {
    compact: lua!("compact/recover": "lib/time.lua", "lib/waiters.lua", "lib/compact.lua",
        "lib/compact_settle.lua", "lib/compact_due.lua", "lib/compact_take.lua",
        "lib/gate.lua", "lib/compact_serve.lua", "compact/recover.lua"),
    tta: lua!("tta/recover": "lib/time.lua", "lib/waiters.lua", "lib/tta.lua", "lib/tta_back.lua",
        "lib/tta_take.lua", "lib/gate.lua", "lib/tta_serve.lua", "tta/recover.lua"),
};

pub(crate) async fn recover(
    mailboxes: &Mailboxes,
    agent: Option<&AgentId>,
) -> Result<u64, AdminError> {
    let Some(agent) = agent else {
        let mut recovered = 0;
        for agent in all_mailboxes(mailboxes).await? {
            // A mailbox whose name this library could not have made is left to its owner.
            if agent.check().is_ok() {
                recovered += recover_one(mailboxes, &agent).await?;
            }
        }
        return Ok(recovered);
    };
    agent.check()?;
    Ok(recover_one(mailboxes, agent).await?)
}

async fn recover_one(mailboxes: &Mailboxes, agent: &AgentId) -> Result<u64, BackendError> {
    match mailboxes.layout {
        KeyLayout::Compact => compact(mailboxes, agent).await,
        KeyLayout::Tta => tta(mailboxes, agent).await,
    }
}

async fn compact(mailboxes: &Mailboxes, agent: &AgentId) -> Result<u64, BackendError> {
    let policy = mailboxes.policy();
    let parts =
        ["ready", "timers", "messages", "reserved", "dead", "graves", "meta", "waiters", "notes"];
    let mut recovered = 0;
    loop {
        let script = &RECOVER.compact;
        let call = Call::new(script, mailboxes.keys(agent).parts(&parts))
            .number(u64::from(policy.retry_attempts()))
            .flag(policy.expiry() == ExpiryPolicy::CountAttempt)
            .number(SWEEP_LIMIT as u64)
            .number(dead_limit(&policy));
        let numbers = reply::numbers(script.name(), mailboxes.lane.call(&call).await?)?;
        let [taken, more, dropped] = numbers[..] else {
            return Err(unexpected(script.name(), numbers));
        };
        note_dropped(mailboxes, dropped);
        recovered += taken;
        if more == 0 {
            return Ok(recovered);
        }
    }
}

async fn tta(mailboxes: &Mailboxes, agent: &AgentId) -> Result<u64, BackendError> {
    let policy = mailboxes.policy();
    let script = &RECOVER.tta;
    let mut recovered = 0;
    let mut decided: Vec<(String, Verdict)> = Vec::new();
    loop {
        let mut call =
            Call::new(script, mailboxes.keys(agent).parts(TTA_PARTS)).number(SWEEP_LIMIT as u64);
        call = call.number(dead_limit(&policy));
        for (token, verdict) in decided.drain(..) {
            call = call.arg(token).number(u64::from(verdict.level)).arg(verdict.json);
        }
        let answer = mailboxes.lane.call(&call).await?;
        let mut items = reply::list(script.name(), answer)?.into_iter();
        let (Some(taken), Some(dropped)) = (items.next(), items.next()) else {
            return Err(unexpected(script.name(), "half a reply"));
        };
        recovered += reply::number(script.name(), &taken)?;
        note_dropped(mailboxes, reply::number(script.name(), &dropped)?);
        let expired = reply::token_pairs(script.name(), items)?;
        if expired.is_empty() {
            return Ok(recovered);
        }
        decided.extend(expired.into_iter().map(|(token, stored)| {
            let verdict = Verdict::of_expiry(&policy, &stored);
            (token, verdict)
        }));
    }
}
