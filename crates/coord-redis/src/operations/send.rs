//! Sending: one script per mailbox.

use std::time::Duration;

use coord_core::{
    AgentId, AgentMessage, BackendError, Durability, InvalidInput, MessagePriority, MessageResult,
    QueueMessage, ReceiptTicket, SendError, SendOptions, SendOutcome, SendRefusal, Unsupported,
    micros,
};

use redis::Value;

use crate::error::unexpected;
use crate::keys::mailbox_index;
use crate::layout::KeyLayout;
use crate::mailbox::Mailboxes;
use crate::script::{Call, Script, ScriptPair, lua};
use crate::server::claim;
use crate::{codec, reply};

static SEND: ScriptPair = ScriptPair {
    compact: lua!("compact/send": "lib/compact_send_plain.lua", "lib/time.lua", "lib/compact.lua", "lib/serve_begin.lua",
        "lib/waiters.lua", "lib/compact_take.lua", "lib/gate.lua", "lib/compact_serve.lua",
        "lib/serve_end.lua", "lib/compact_send.lua", "compact/send.lua"),
    tta: lua!("tta/send": "lib/tta_send_plain.lua", "lib/time.lua", "lib/serve_begin.lua", "lib/waiters.lua",
        "lib/tta_take.lua", "lib/gate.lua", "lib/tta_serve.lua", "lib/serve_end.lua",
        "lib/tta_send.lua", "tta/send.lua"),
};

/// The parts of the mailbox that takes a message in.
pub(super) const RECIPIENT_COMPACT: &[&str] =
    &["ready", "timers", "messages", "meta", "dedup", "reserved", "waiters"];
/// The same on the original's layout.
pub(super) const RECIPIENT_TTA: &[&str] =
    &["queue", "sched", "dedup", "fence", "reserved", "reserved_deadlines", "waiters", "gate"];

/// The largest message, in bytes of its JSON.
pub(crate) const MAX_MESSAGE_BYTES: usize = 64 * 1024 * 1024;

/// A message that was checked.
pub(crate) struct Prepared {
    queued: QueueMessage,
    options: SendOptions,
    /// Whose quota it counts for.
    sender: AgentId,
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
    check_layout(mailboxes, options)?;
    let bytes = message.payload.as_json().len();
    if bytes > MAX_MESSAGE_BYTES {
        let problem = format!("{bytes} bytes long, at most {MAX_MESSAGE_BYTES} are allowed");
        return Err(InvalidInput::new("payload", problem).into());
    }
    if message.timestamp.as_deref().unwrap_or_default().is_empty() {
        message.timestamp = Some(mailboxes.wall_clock().to_string());
    }
    Ok(Prepared { queued: QueueMessage::new(message), options, sender: sender.clone() })
}

/// Refuses what the original's layout has no place for.
fn check_layout(mailboxes: &Mailboxes, options: SendOptions) -> Result<(), Unsupported> {
    let is_quota_set = mailboxes.policy().sender_quota().is_some();
    let wanted = [
        ("expires_in", options.expires_in().is_some()),
        ("receipt", options.leaves_receipt()),
        ("sender_quota", is_quota_set),
    ];
    match wanted.into_iter().find(|(_, is_wanted)| *is_wanted) {
        Some((feature, _)) if mailboxes.layout == KeyLayout::Tta => {
            Err(Unsupported { feature, place: "by the tta layout" })
        }
        _ => Ok(()),
    }
}

impl Prepared {
    /// How safe the message must be.
    pub(super) const fn durability(&self) -> Durability {
        self.options.durability()
    }

    /// The same with a dedup window, if it has none.
    pub(super) fn deduplicated(&self, window: Duration) -> Self {
        let options = match self.options.dedup_window() {
            Some(_) => self.options,
            None => self.options.with_dedup_window(window),
        };
        Self { queued: self.queued.clone(), options, sender: self.sender.clone() }
    }
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
    let durability = strictest(batch);
    check_durability(mailboxes, durability).await?;
    index(mailboxes, recipient).await?;
    let script = SEND.of(mailboxes.layout);
    let keys = match mailboxes.layout {
        KeyLayout::Compact => RECIPIENT_COMPACT,
        KeyLayout::Tta => RECIPIENT_TTA,
    };
    let mut keys = mailboxes.keys(recipient).parts(keys);
    keys.extend(quota_key(mailboxes, recipient, &batch[0]));
    let call = match batch {
        [prepared] if is_plain(mailboxes, prepared) => plain(mailboxes, prepared, script, keys),
        _ => {
            let add = |call, prepared| message_args(mailboxes, prepared, call);
            batch.iter().fold(limits(mailboxes, Call::new(script, keys)), add)
        }
    };
    let may_repeat = batch.iter().all(|prepared| prepared.options.dedup_window().is_some());
    let (sent, copies) = match run(mailboxes, recipient, &call, durability).await {
        Err(error) if error.is_outcome_unknown() && may_repeat => {
            run(mailboxes, recipient, &call, durability).await
        }
        answer => answer,
    }?;
    let mut answer = decode(script.name(), &reply::numbers(script.name(), sent)?)?;
    answer.confirm(durability, copies);
    if answer.outcomes.len() != batch.len() {
        return Err(unexpected(script.name(), answer.outcomes).into());
    }
    note_answer(mailboxes, recipient, &answer).await;
    let result = |(at, prepared)| answer.result(mailboxes, recipient, prepared, at);
    Ok(batch.iter().enumerate().map(result).collect())
}

/// The key of the sender's messages in this mailbox, if their number is limited. A batch has one
/// sender.
pub(super) fn quota_key(
    mailboxes: &Mailboxes,
    recipient: &AgentId,
    prepared: &Prepared,
) -> Option<String> {
    mailboxes.policy().sender_quota()?;
    let part = format!("quota:{}", prepared.sender.mailbox_key());
    Some(mailboxes.keys(recipient).part(&part))
}

/// Appends how much a mailbox may hold.
pub(super) fn limits<'a>(mailboxes: &Mailboxes, call: Call<'a>) -> Call<'a> {
    let policy = mailboxes.policy();
    call.number(policy.queue_size())
        .number(policy.queue_reserve())
        .number(policy.sender_quota().unwrap_or(0))
}

/// The strictest durability of a batch, which one script sends.
fn strictest(batch: &[Prepared]) -> Durability {
    let rank = |durability: &Durability| match durability {
        Durability::Accepted => (0, Duration::ZERO),
        Durability::Aof { within } => (1, *within),
        Durability::Replicas { count, within } => (1 + u64::from(*count), *within),
        _ => (u64::MAX, Duration::ZERO),
    };
    let all = batch.iter().map(|prepared| prepared.options.durability());
    all.max_by_key(rank).unwrap_or_default()
}

/// Runs a script that takes messages in; also tells how many copies were confirmed.
pub(super) async fn run(
    mailboxes: &Mailboxes,
    recipient: &AgentId,
    call: &Call<'_>,
    durability: Durability,
) -> Result<(Value, u32), BackendError> {
    if durability == Durability::Accepted {
        return Ok((mailboxes.lane.call(call).await?, 0));
    }
    let key = mailboxes.keys(recipient).part("messages");
    let confirmed = mailboxes.lane.call_confirmed(&key, call, durability).await?;
    Ok((confirmed.answer, confirmed.copies))
}

/// Refuses what the servers cannot confirm, before anything is written.
pub(super) async fn check_durability(
    mailboxes: &Mailboxes,
    durability: Durability,
) -> Result<(), SendError> {
    if matches!(durability, Durability::Aof { .. }) && !mailboxes.lane.has_waitaof().await? {
        let place = "before Redis 7.2, which has WAITAOF";
        return Err(Unsupported { feature: "durability of the append-only file", place }.into());
    }
    Ok(())
}

/// What a script that takes messages in answered.
pub(super) struct Answer {
    is_new: bool,
    depth: u64,
    outcomes: Vec<Taken>,
    /// How many copies were confirmed of how many, if not enough.
    unconfirmed: Option<(u32, u32)>,
}

/// What became of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// Stored; on the compact layout with its arrival number.
    Stored(Option<u64>),
    Duplicate,
    NoRoom,
    OverQuota,
}

impl Answer {
    /// Notes how many copies were confirmed of those that `durability` asks for.
    pub(super) fn confirm(&mut self, durability: Durability, copies: u32) {
        let wanted = match durability {
            Durability::Replicas { count, .. } => count,
            Durability::Aof { .. } => 1,
            _ => return,
        };
        self.unconfirmed = (copies < wanted).then_some((copies, wanted));
    }

    /// The result of message number `at`.
    pub(super) fn result(
        &self,
        mailboxes: &Mailboxes,
        recipient: &AgentId,
        prepared: &Prepared,
        at: usize,
    ) -> MessageResult {
        let Prepared { queued, options, .. } = prepared;
        let policy = mailboxes.policy();
        let limit = policy.room_for(&queued.message);
        let full = SendRefusal::QueueFull { depth: self.depth, limit };
        let over = SendRefusal::SenderQuota { limit: policy.sender_quota().unwrap_or(0) };
        let outcome = match (self.outcomes[at], self.unconfirmed) {
            (Taken::NoRoom, _) => SendOutcome::Refused(full),
            (Taken::OverQuota, _) => SendOutcome::Refused(over),
            (_, Some((confirmed, wanted))) => SendOutcome::Unconfirmed { confirmed, wanted },
            (Taken::Duplicate, None) => SendOutcome::Duplicate,
            (Taken::Stored(_), None) => SendOutcome::Accepted,
        };
        let result = MessageResult::new(queued.message.message_id.clone(), outcome);
        match self.outcomes[at] {
            Taken::Stored(Some(arrival)) if options.leaves_receipt() => {
                let number = lid(queued.priority, arrival);
                result.with_ticket(ReceiptTicket::new(recipient.clone(), number))
            }
            _ => result,
        }
    }
}

/// What the compact layout calls a message: its level's digit and 15 digits of arrival.
fn lid(level: MessagePriority, arrival: u64) -> u64 {
    u64::from(level.number()) * 1_000_000_000_000_000 + arrival
}

pub(super) fn decode(what: &str, numbers: &[u64]) -> Result<Answer, BackendError> {
    let [is_new, depth, outcomes @ ..] = numbers else { return Err(unexpected(what, numbers)) };
    let outcomes = outcomes.iter().map(|outcome| match outcome {
        0 => Ok(Taken::Stored(None)),
        1 => Ok(Taken::Duplicate),
        2 => Ok(Taken::NoRoom),
        3 => Ok(Taken::OverQuota),
        11.. => Ok(Taken::Stored(Some(outcome - 10))),
        other => Err(unexpected(what, other)),
    });
    let outcomes: Vec<_> = outcomes.collect::<Result<_, _>>()?;
    if outcomes.is_empty() {
        return Err(unexpected(what, numbers));
    }
    Ok(Answer { is_new: *is_new == 1, depth: *depth, outcomes, unconfirmed: None })
}

/// Counts what was sent; a mailbox that this process knew and that is new again lost its entry
/// in the index with the flushed data, and the prefix its marker.
///
/// The messages are taken already, so a failure here is none of the send: whoever was told so
/// would send them again. The next send of this process makes the entry instead.
pub(super) async fn note_answer(mailboxes: &Mailboxes, recipient: &AgentId, answer: &Answer) {
    for outcome in &answer.outcomes {
        mailboxes.metrics.sent(!matches!(outcome, Taken::NoRoom | Taken::OverQuota));
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
    let Prepared { queued, options, .. } = prepared;
    let micros_of = |duration: Option<Duration>| duration.map_or(0, micros);
    let body = codec::encode(mailboxes.layout, queued, now, *options);
    let level = queued.priority.number();
    let mark = if mailboxes.policy().is_privileged(&queued.message) { "+" } else { "" };
    call.arg(format!("{level}{mark}"))
        .number(micros(options.delay()))
        .number(micros_of(options.expires_in()))
        .number(micros_of(options.dedup_window()))
        .arg(queued.message.message_id.as_str())
        .arg(body)
}

/// Whether a message asks for nothing but to be there.
fn is_plain(mailboxes: &Mailboxes, prepared: &Prepared) -> bool {
    let plain = SendOptions::default().with_durability(prepared.options.durability());
    prepared.options == plain && mailboxes.policy().sender_quota().is_none()
}

/// The call for a plain message: the short form of the arguments.
fn plain<'a>(
    mailboxes: &Mailboxes,
    prepared: &Prepared,
    script: &'a Script,
    keys: Vec<String>,
) -> Call<'a> {
    let Prepared { queued, options, .. } = prepared;
    let body = codec::encode(mailboxes.layout, queued, mailboxes.wall_clock(), *options);
    Call::with_room(script, keys, body.len())
        .number(mailboxes.policy().room_for(&queued.message))
        .number(queued.priority.number().into())
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
