//! Options of the commands that send, and how messages look to people.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use coord_core::{
    AgentId, AgentMessage, Durability, InvalidInput, MessageCoordinator, MessageId,
    MessagePriority, MessageResult, MessageType, QueueMessage, RoutingKey, SendError, SendOptions,
    SendRefusal,
};
use coord_redis::RedisMessageCoordinator;
use serde::{Deserialize, Deserializer};

use crate::cli::choice;
use crate::failure::{Failure, Kind};
use crate::field;
use crate::json;
use crate::payload::PayloadSource;
use crate::period::Period;
use crate::session::Session;
use crate::table::printable;

/// What a message is and how it is sent.
#[derive(Debug, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MessageArgs {
    /// What the message is for
    #[arg(long = "type", value_name = "TYPE", default_value = "request",
          value_parser = choice::<MessageType>(["request", "response", "event"]))]
    #[serde(rename = "type", default = "request", deserialize_with = "field::parsed")]
    kind: MessageType,

    /// How urgent it is
    #[arg(long, value_name = "LEVEL", default_value = "normal",
          value_parser = choice::<MessagePriority>(["low", "normal", "high"]))]
    #[serde(default, deserialize_with = "field::parsed")]
    priority: MessagePriority,

    /// The body, a JSON object: as text, as @FILE, or - for stdin [default: {}]
    #[arg(long, value_name = "JSON|@FILE|-")]
    payload: Option<PayloadSource>,

    /// Its id, at least 6 characters [default: a new UUID]
    #[arg(long, value_name = "ID")]
    #[serde(rename = "message_id", default, deserialize_with = "field::optional")]
    id: Option<MessageId>,

    /// When it becomes ready, counted from now
    #[arg(long, value_name = "DURATION")]
    #[serde(default, deserialize_with = "field::optional")]
    delay: Option<Period>,

    /// Drop it if nobody has received it after this time
    #[arg(long, value_name = "DURATION")]
    #[serde(default, deserialize_with = "field::optional")]
    expires_in: Option<Period>,

    /// Accept the same id only once in this time
    #[arg(long, value_name = "DURATION")]
    #[serde(default, deserialize_with = "field::optional")]
    dedup_window: Option<Period>,

    /// What it is about
    #[arg(long)]
    topic: Option<String>,

    /// A free tag; may be repeated
    #[arg(long = "tag", value_name = "TAG")]
    #[serde(default)]
    tags: Vec<String>,

    /// A header such as reply_to=planner:p1; may be repeated
    #[arg(long = "header", value_name = "NAME=VALUE")]
    #[serde(default, deserialize_with = "headers")]
    headers: Vec<Header>,

    /// How many messages the mailbox may hold for this send to be accepted [default: 10000]
    #[arg(long, value_name = "N")]
    queue_size: Option<u64>,

    /// How many of these places are kept for high messages and for responses [default: 0]
    #[arg(long, value_name = "N")]
    queue_reserve: Option<u64>,

    /// How many unsettled messages of one sender the mailbox may hold [default: no limit]
    #[arg(long, value_name = "N")]
    sender_quota: Option<u64>,

    /// Leave a receipt when it is settled; the answer has the ticket for `coord receipts`
    #[arg(long)]
    #[serde(default)]
    receipt: bool,

    /// Answer only when so many replicas have it as well
    #[arg(long, value_name = "N", conflicts_with = "aof")]
    replicas: Option<u32>,

    /// Answer only when the server's disk has it (Redis 7.2)
    #[arg(long)]
    #[serde(default)]
    aof: bool,

    /// How long to wait for the replicas or the disk [default: 1s]
    #[arg(long, value_name = "DURATION")]
    #[serde(default, deserialize_with = "field::optional")]
    confirm_within: Option<Period>,
}

/// A header as `NAME=VALUE`.
#[derive(Debug, Clone)]
struct Header(String, String);

impl MessageArgs {
    /// The message of `sender` to `recipient`. Reads the payload, which may be on stdin.
    pub(super) fn open(
        self,
        sender: AgentId,
        recipient: &AgentId,
        session: &Session,
    ) -> Result<Outgoing, Failure> {
        let mut options = SendOptions::new();
        if let Some(Period(delay)) = self.delay {
            options = options.with_delay(delay);
        }
        if let Some(Period(expires_in)) = self.expires_in {
            options = options.with_expires_in(expires_in);
        }
        if let Some(Period(window)) = self.dedup_window {
            options = options.with_dedup_window(window);
        }
        if self.receipt {
            options = options.with_receipt();
        }
        if let Some(durability) = self.durability() {
            options = options.with_durability(durability);
        }
        let mail = self.mail(session)?;
        let id = self.id.unwrap_or_else(|| mail.new_message_id());
        let mut message = AgentMessage::new(id, sender.clone(), recipient.clone(), self.kind)
            .with_priority(self.priority)
            .with_routing(RoutingKey { topic: self.topic, tags: self.tags });
        if let Some(source) = self.payload {
            message = message.with_payload(source.read()?);
        }
        for Header(name, value) in self.headers {
            message = message.with_header(name, value)?;
        }
        Ok(Outgoing { mail, sender, message, options })
    }
}

impl MessageArgs {
    /// How safe it must be, if that was said.
    fn durability(&self) -> Option<Durability> {
        let within = self.confirm_within.map_or(Duration::from_secs(1), |period| period.0);
        match self.replicas {
            Some(count) => Some(Durability::Replicas { count, within }),
            None => self.aof.then_some(Durability::Aof { within }),
        }
    }

    /// The coordinator under the policy that was asked for.
    fn mail(&self, session: &Session) -> Result<RedisMessageCoordinator, Failure> {
        let own = (self.queue_size, self.queue_reserve, self.sender_quota);
        if own == (None, None, None) {
            return Ok(session.mail.clone());
        }
        session.with_policy(|policy| {
            policy
                .with_queue_size(self.queue_size.unwrap_or(policy.queue_size()))
                .with_queue_reserve(self.queue_reserve.unwrap_or(policy.queue_reserve()))
                .with_sender_quota(self.sender_quota)
        })
    }
}

/// A message ready to be sent.
pub(super) struct Outgoing {
    pub(super) mail: RedisMessageCoordinator,
    pub(super) sender: AgentId,
    pub(super) message: AgentMessage,
    pub(super) options: SendOptions,
}

/// The failure of a send; if its outcome is unknown, with how to repeat it safely.
pub(super) fn not_sent(error: SendError, id: &MessageId) -> Failure {
    let failure = Failure::from(error);
    if failure.kind != Kind::OutcomeUnknown {
        return failure;
    }
    failure.with_advice(&format!(
        "message {id} may lie in the mailbox, look with `coord peek`; \
         sending again is safe only with the same --id and a --dedup-window"
    ))
}

/// The refusal of a mailbox as a failure.
pub(super) fn refusal(result: &MessageResult, recipient: &AgentId) -> Option<Failure> {
    let refusal = result.refusal()?;
    let why = match refusal {
        SendRefusal::QueueFull { depth, limit } => {
            format!("queue full: {recipient} holds {depth} messages, the limit is {limit}")
        }
        SendRefusal::SenderQuota { limit } => {
            let why =
                format!("sender quota reached: {recipient} holds {limit} messages of this sender");
            let advice = "send again when some of them are settled, or raise --sender-quota";
            return Some(Failure::new(Kind::QueueFull, why).with_advice(advice));
        }
        SendRefusal::HopLimit { limit } => {
            let why = format!("hop limit reached: this work was handed on {limit} times");
            let advice = "it may go round in a circle; settle it, or give it back as permanent";
            return Some(Failure::new(Kind::HopLimit, why).with_advice(advice));
        }
        other => format!("{other}: {recipient} did not take the message"),
    };
    let advice = "send again when its consumers have caught up, or raise --queue-size";
    Some(Failure::new(Kind::QueueFull, why).with_advice(advice))
}

/// The answer to one send as a line of JSON: the original's, and the ticket if there is one.
pub(super) fn line(result: &MessageResult) -> Result<String, Failure> {
    let json = serde_json::to_string(result)
        .map_err(|error| Failure::usage(format!("the answer is no JSON: {error}")))?;
    Ok(match &result.ticket {
        Some(ticket) => {
            let ticket = json::string(&ticket.to_string());
            format!(r#"{},"ticket":{ticket}}}"#, json.trim_end_matches('}'))
        }
        None => json,
    })
}

/// What became of one send, for people.
pub(super) fn told(result: &MessageResult, recipient: &AgentId) -> String {
    let word = match (result.outcome, result.error()) {
        (_, Some(refusal)) => {
            return format!("refused {} by {recipient}: {refusal}", result.message_id);
        }
        (coord_core::SendOutcome::Duplicate, None) => "duplicate",
        (coord_core::SendOutcome::Unconfirmed { confirmed, wanted }, None) => {
            let copies = format!("{confirmed} of {wanted} copies confirmed in time");
            return format!("delivered {} to {recipient}, but {copies}", result.message_id);
        }
        _ => "delivered",
    };
    match &result.ticket {
        Some(ticket) => format!("{word} {} to {recipient}, ticket {ticket}", result.message_id),
        None => format!("{word} {} to {recipient}", result.message_id),
    }
}

/// The lines that describe a message in its envelope.
pub(super) fn described(queued: &QueueMessage) -> Vec<(&'static str, String)> {
    let message = &queued.message;
    let kind = message.message_type.as_str();
    let mut lines = vec![
        ("message", format!("{} ({kind}, {})", message.message_id, queued.priority.as_str())),
        ("from", message.sender.to_string()),
        ("attempts", queued.delivery_attempts.to_string()),
    ];
    if let Some(error) = &queued.last_error {
        lines.push(("last error", error.clone()));
    }
    for (name, value) in message.headers.iter() {
        lines.push(("header", format!("{name}={value}")));
    }
    lines.push(("payload", message.payload.as_json().to_owned()));
    lines
}

/// Names and values, aligned.
pub(super) fn block(lines: &[(&str, String)]) -> String {
    let line = |(name, value): &(&str, String)| format!("{name:<10}  {}", printable(value));
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

impl FromStr for Header {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| InvalidInput::new("header", format!("{text:?} is not NAME=VALUE")))?;
        Ok(Self(name.to_owned(), value.to_owned()))
    }
}

/// Headers of a request: an object of texts.
fn headers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Header>, D::Error> {
    let map = BTreeMap::<String, String>::deserialize(deserializer)?;
    Ok(map.into_iter().map(|(name, value)| Header(name, value)).collect())
}

const fn request() -> MessageType {
    MessageType::Request
}
