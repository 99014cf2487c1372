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
    compact: lua!("compact/send": "lib/time.lua", "lib/waiters.lua", "lib/compact.lua",
        "lib/compact_take.lua", "lib/compact_serve.lua", "lib/compact_send.lua",
        "compact/send.lua"),
    tta: lua!("tta/send": "lib/time.lua", "lib/waiters.lua", "lib/tta_take.lua",
        "lib/tta_serve.lua", "lib/tta_send.lua", "tta/send.lua"),
};

/// The parts of the mailbox that takes a message in.
pub(super) const RECIPIENT_COMPACT: &[&str] =
    &["ready", "timers", "messages", "meta", "dedup", "reserved", "waiters"];
/// The same on the original's layout.
pub(super) const RECIPIENT_TTA: &[&str] =
    &["queue", "sched", "dedup", "fence", "reserved", "reserved_deadlines", "waiters"];

/// The largest message, in bytes of its JSON.
pub(crate) const MAX_MESSAGE_BYTES: usize = 64 * 1024 * 1024;

/// A message that was checked.
pub(crate) struct Prepared {
    queued: QueueMessage,
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
    Ok(Prepared { queued: QueueMessage::new(message), options })
}

/// Sends prepared messages to one mailbox in one script: one result each, in order.
///
/// If every one has a dedup window, a failure of unknown outcome is repeated once: the server
/// answers what it has as a duplicate.
pub(crate) async fn send(
    mailboxes: &Mailboxes,
    recipient: &AgentId,
    batch: &[Prepared],
) -> Result<Vec<MessageResult>, SendError> {
    recipient.check()?;
    if batch.is_empty() {
        return Ok(Vec::new());
    }
    index(mailboxes, recipient).await?;
    let script = SEND.of(mailboxes.layout);
    let keys = match mailboxes.layout {
        KeyLayout::Compact => RECIPIENT_COMPACT,
        KeyLayout::Tta => RECIPIENT_TTA,
    };
    let call = Call::new(script, mailboxes.keys(recipient).parts(keys))
        .number(mailboxes.policy().queue_size());
    let call = batch.iter().fold(call, |call, prepared| message_args(mailboxes, prepared, call));
    let may_repeat = batch.iter().all(|prepared| prepared.options.dedup_window().is_some());
    let numbers = match mailboxes.lane.call(&call).await {
        Err(error) if error.is_outcome_unknown() && may_repeat => mailboxes.lane.call(&call).await,
        answer => answer,
    }?;
    let answer = decode(mailboxes, script.name(), &reply::numbers(script.name(), numbers)?)?;
    if answer.outcomes.len() != batch.len() {
        return Err(unexpected(script.name(), answer.outcomes).into());
    }
    note_answer(mailboxes, recipient, &answer).await;
    Ok(batch.iter().enumerate().map(|(at, prepared)| answer.result(prepared, at)).collect())
}

/// What a script that takes messages in answered.
pub(super) struct Answer {
    is_new: bool,
    outcomes: Vec<SendOutcome>,
}

impl Answer {
    /// The result of message number `at`.
    pub(super) fn result(&self, prepared: &Prepared, at: usize) -> MessageResult {
        MessageResult::new(prepared.queued.message.message_id.clone(), self.outcomes[at])
    }
}

pub(super) fn decode(
    mailboxes: &Mailboxes,
    what: &str,
    numbers: &[u64],
) -> Result<Answer, BackendError> {
    let [is_new, depth, outcomes @ ..] = numbers else { return Err(unexpected(what, numbers)) };
    let full = SendRefusal::QueueFull { depth: *depth, limit: mailboxes.policy().queue_size() };
    let outcomes = outcomes.iter().map(|outcome| match outcome {
        0 => Ok(SendOutcome::Accepted),
        1 => Ok(SendOutcome::Duplicate),
        2 => Ok(SendOutcome::Refused(full)),
        other => Err(unexpected(what, other)),
    });
    let outcomes: Vec<_> = outcomes.collect::<Result<_, _>>()?;
    if outcomes.is_empty() {
        return Err(unexpected(what, numbers));
    }
    Ok(Answer { is_new: *is_new == 1, outcomes })
}

/// Counts what was sent; a mailbox that this process knew and that is new again lost its entry
/// in the index with the flushed data, and the prefix its marker.
///
/// The messages are taken already, so a failure here is none of the send: whoever was told so
/// would send them again. The next send of this process makes the entry instead.
pub(super) async fn note_answer(mailboxes: &Mailboxes, recipient: &AgentId, answer: &Answer) {
    for outcome in &answer.outcomes {
        mailboxes.metrics.sent(!matches!(outcome, SendOutcome::Refused(_)));
    }
    if answer.is_new && restore(mailboxes, recipient).await.is_err() {
        mailboxes.forget_indexed(&recipient.mailbox_key());
    }
}

async fn restore(mailboxes: &Mailboxes, recipient: &AgentId) -> Result<(), BackendError> {
    claim(&mailboxes.lane, &mailboxes.prefix).await?;
    add_to_index(mailboxes, recipient.mailbox_key()).await
}

/// Appends what the scripts need of one message.
pub(super) fn message_args<'a>(
    mailboxes: &Mailboxes,
    prepared: &Prepared,
    call: Call<'a>,
) -> Call<'a> {
    let now = mailboxes.wall_clock();
    let Prepared { queued, options } = prepared;
    let micros_of = |duration: Option<std::time::Duration>| duration.map_or(0, micros);
    let expires = options.expires_in().is_some();
    let body = codec::encode(mailboxes.layout, queued, now, expires);
    call.number(u64::from(queued.priority.number()))
        .number(micros(options.delay()))
        .number(micros_of(options.expires_in()))
        .number(micros_of(options.dedup_window()))
        .arg(queued.message.message_id.as_str())
        .arg(body)
}

/// Puts a mailbox into the index of the compact layout, before its first message.
pub(super) async fn index(mailboxes: &Mailboxes, agent: &AgentId) -> Result<(), BackendError> {
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
