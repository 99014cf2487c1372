//! Sending: one script per mailbox.

use coord_core::{
    AgentId, AgentMessage, BackendError, InvalidInput, MessageResult, QueueMessage, SendError,
    SendOptions, SendOutcome, SendRefusal, Unsupported, micros,
};

use crate::error::unexpected;
use crate::keys::mailbox_index;
use crate::layout::KeyLayout;
use crate::mailbox::Mailboxes;
use crate::script::{Call, ScriptPair, lua};
use crate::server::claim;
use crate::{codec, reply};

static SEND: ScriptPair = ScriptPair {
    compact: lua!("compact/send": "lib/time.lua", "lib/compact.lua", "compact/send.lua"),
    tta: lua!("tta/send": "lib/time.lua", "tta/send.lua"),
};

/// The largest message, in bytes of its JSON.
pub(crate) const MAX_MESSAGE_BYTES: usize = 64 * 1024 * 1024;

/// A message that was checked and encoded.
pub(crate) struct Prepared {
    message: AgentMessage,
    options: SendOptions,
}

/// Checks everything about a send that needs no server.
pub(crate) fn prepare(
    mailboxes: &Mailboxes,
    sender: &AgentId,
    mut message: AgentMessage,
    options: SendOptions,
) -> Result<Prepared, SendError> {
    sender.check()?;
    options.validate()?;
    if mailboxes.layout == KeyLayout::Tta && options.expires_in().is_some() {
        return Err(Unsupported { feature: "expires_in", place: "by the tta layout" }.into());
    }
    let bytes = message.payload.as_json().len();
    if bytes > MAX_MESSAGE_BYTES {
        let problem = format!("{bytes} bytes long, at most {MAX_MESSAGE_BYTES} are allowed");
        return Err(InvalidInput::new("payload", problem).into());
    }
    if message.timestamp.as_deref().unwrap_or_default().is_empty() {
        message.timestamp = Some(mailboxes.wall_clock().to_string());
    }
    Ok(Prepared { message, options })
}

/// Sends one prepared message to one mailbox.
///
/// With a dedup window a failure of unknown outcome is repeated once: the server answers the
/// second copy as a duplicate.
pub(crate) async fn send(
    mailboxes: &Mailboxes,
    recipient: &AgentId,
    prepared: &Prepared,
) -> Result<MessageResult, SendError> {
    recipient.check()?;
    index(mailboxes, recipient).await?;
    let call = call(mailboxes, recipient, prepared);
    let answer = match mailboxes.lane.call(&call).await {
        Err(error) if error.is_outcome_unknown() && prepared.options.dedup_window().is_some() => {
            mailboxes.lane.call(&call).await?
        }
        answer => answer?,
    };
    let numbers = reply::numbers(call.script.name(), answer)?;
    let [is_new, depth, outcome] = numbers[..] else {
        return Err(unexpected(call.script.name(), numbers).into());
    };
    // A mailbox that this process knew is new again: the data was flushed, the index and the
    // prefix's marker with it.
    if is_new == 1 {
        claim(&mailboxes.lane, &mailboxes.prefix).await?;
        add_to_index(mailboxes, recipient.mailbox_key()).await?;
    }
    let limit = mailboxes.policy().queue_size();
    let outcome = match outcome {
        0 => SendOutcome::Accepted,
        1 => SendOutcome::Duplicate,
        2 => SendOutcome::Refused(SendRefusal::QueueFull { depth, limit }),
        other => return Err(unexpected(call.script.name(), other).into()),
    };
    let result = MessageResult::new(prepared.message.message_id.clone(), outcome);
    mailboxes.metrics.sent(result.delivered());
    Ok(result)
}

fn call<'a>(mailboxes: &Mailboxes, recipient: &AgentId, prepared: &Prepared) -> Call<'a> {
    let layout = mailboxes.layout;
    let keys = match layout {
        KeyLayout::Compact => &["ready", "timers", "messages", "meta", "dedup"][..],
        KeyLayout::Tta => &["queue", "sched", "dedup"],
    };
    let now = mailboxes.wall_clock();
    let mut queued = QueueMessage::new(prepared.message.clone());
    queued.enqueued_at = Some(now.to_string());
    let options = prepared.options;
    let micros_of = |duration: Option<std::time::Duration>| duration.map_or(0, micros);
    let body = codec::encode(layout, &queued, now.as_micros(), options.expires_in().is_some());
    Call::new(SEND.of(layout), mailboxes.keys(recipient).parts(keys))
        .number(mailboxes.policy().queue_size())
        .number(u64::from(queued.priority.number()))
        .number(micros(options.delay()))
        .number(micros_of(options.expires_in()))
        .number(micros_of(options.dedup_window()))
        .arg(queued.message.message_id.as_str())
        .arg(body)
}

/// Puts a mailbox into the index of the compact layout, before its first message.
async fn index(mailboxes: &Mailboxes, agent: &AgentId) -> Result<(), BackendError> {
    let mailbox = agent.mailbox_key();
    if mailboxes.layout == KeyLayout::Tta || mailboxes.is_indexed(&mailbox) {
        return Ok(());
    }
    add_to_index(mailboxes, mailbox).await
}

async fn add_to_index(mailboxes: &Mailboxes, mailbox: String) -> Result<(), BackendError> {
    let add = redis::cmd("SADD").arg(mailbox_index(&mailboxes.prefix)).arg(&mailbox).take();
    mailboxes.lane.command("SADD", &add).await?;
    mailboxes.note_indexed(mailbox);
    Ok(())
}
