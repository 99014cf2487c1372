//! Reading envelopes by spans.

use super::{Poison, QueueMessage};
use crate::agent::AgentId;
use crate::headers::Headers;
use crate::json::{self, Member};
use crate::message::{AgentMessage, MessageId, MessagePriority, MessageType, RoutingKey};
use crate::payload::Payload;

pub(super) fn text(bytes: &[u8]) -> Result<&str, Poison> {
    std::str::from_utf8(bytes).map_err(|e| Poison::new(format!("not UTF-8: {e}")))
}

pub(super) fn queue_message(bytes: &[u8]) -> Result<QueueMessage, Poison> {
    let mut message = None;
    let mut priority = MessagePriority::Normal;
    let mut enqueued_at = None;
    let mut delivery_attempts = 0;
    let mut last_error = None;
    let mut extra = Vec::new();
    for member in members("the envelope", text(bytes)?)? {
        match &*member.name {
            "message" => message = Some(agent_message(member.value)?),
            "priority" => priority = level(&member)?,
            "enqueued_at" => enqueued_at = optional_text(&member)?,
            "delivery_attempts" => {
                let number = json::integer(member.value).and_then(|n| u32::try_from(n).ok());
                delivery_attempts = number.ok_or_else(|| wrong(&member, "a count"))?;
            }
            "last_error" => last_error = optional_text(&member)?,
            _ => extra.push(owned(&member)),
        }
    }
    let message = message.ok_or_else(|| Poison::new("`message` is missing"))?;
    Ok(QueueMessage { message, priority, enqueued_at, delivery_attempts, last_error, extra })
}

pub(super) fn agent_message(raw: &str) -> Result<AgentMessage, Poison> {
    let (mut message_id, mut sender, mut recipient, mut message_type) = (None, None, None, None);
    let mut payload = Payload::empty();
    let mut priority = MessagePriority::Normal;
    let mut routing = RoutingKey::default();
    let mut timestamp = None;
    let mut headers = Headers::default();
    let mut extra = Vec::new();
    for member in members("the message", raw)? {
        match &*member.name {
            "message_id" => message_id = Some(id(&member)?),
            "sender" => sender = Some(agent(&member)?),
            "recipient" => recipient = Some(agent(&member)?),
            "message_type" => message_type = Some(kind(&member)?),
            "payload" => {
                payload =
                    Payload::from_json(member.value).map_err(|_| wrong(&member, "an object"))?;
            }
            "priority" => priority = level(&member)?,
            "routing" => routing = routing_key(&member)?,
            "timestamp" => timestamp = optional_text(&member)?,
            // Another writer's `headers` may be of any shape; then it is just an unknown field.
            "headers" => match serde_json::from_str(member.value) {
                Ok(found) => headers = found,
                Err(_) => extra.push(owned(&member)),
            },
            _ => extra.push(owned(&member)),
        }
    }
    let missing = |field: &str| Poison::new(format!("`{field}` is missing"));
    Ok(AgentMessage {
        message_id: message_id.ok_or_else(|| missing("message_id"))?,
        sender: sender.ok_or_else(|| missing("sender"))?,
        recipient: recipient.ok_or_else(|| missing("recipient"))?,
        message_type: message_type.ok_or_else(|| missing("message_type"))?,
        payload,
        priority,
        routing,
        timestamp,
        headers,
        extra,
    })
}

fn members<'a>(what: &str, raw: &'a str) -> Result<Vec<Member<'a>>, Poison> {
    json::members(raw)
        .map_err(|problem| Poison::new(format!("{what} is no JSON object: {problem}")))
}

fn wrong(member: &Member<'_>, wanted: &str) -> Poison {
    let shown: String = member.value.chars().take(40).collect();
    Poison::new(format!("`{}` is {shown}, not {wanted}", member.name))
}

fn owned(member: &Member<'_>) -> (String, String) {
    (member.name.clone().into_owned(), member.value.to_owned())
}

fn id(member: &Member<'_>) -> Result<MessageId, Poison> {
    json::string(member.value)
        .and_then(MessageId::foreign)
        .ok_or_else(|| wrong(member, "a text of at least 6 characters"))
}

fn agent(member: &Member<'_>) -> Result<AgentId, Poison> {
    let (mut kind, mut instance) = (None, None);
    for part in members(&member.name, member.value)? {
        match &*part.name {
            "type" => {
                kind = Some(json::string(part.value).ok_or_else(|| wrong(&part, "a text"))?);
            }
            "instance" => instance = optional_text(&part)?,
            _ => {}
        }
    }
    let kind = kind.ok_or_else(|| Poison::new(format!("`{}.type` is missing", member.name)))?;
    Ok(AgentId::foreign(kind, instance))
}

fn kind(member: &Member<'_>) -> Result<MessageType, Poison> {
    json::string(member.value)
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| wrong(member, "one of request, response, event"))
}

fn level(member: &Member<'_>) -> Result<MessagePriority, Poison> {
    json::integer(member.value)
        .and_then(MessagePriority::from_number)
        .ok_or_else(|| wrong(member, "one of 1, 5, 9"))
}

fn routing_key(member: &Member<'_>) -> Result<RoutingKey, Poison> {
    let mut routing = RoutingKey::default();
    for part in members("routing", member.value)? {
        match &*part.name {
            "topic" => routing.topic = optional_text(&part)?,
            "tags" => {
                routing.tags = json::elements(part.value)
                    .ok()
                    .and_then(|tags| tags.into_iter().map(json::string).collect())
                    .ok_or_else(|| wrong(&part, "a list of texts"))?;
            }
            _ => {}
        }
    }
    Ok(routing)
}

fn optional_text(member: &Member<'_>) -> Result<Option<String>, Poison> {
    if member.value == "null" {
        return Ok(None);
    }
    json::string(member.value).map(Some).ok_or_else(|| wrong(member, "a text or null"))
}
