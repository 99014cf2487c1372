//! Writing envelopes in the original's form.

use std::fmt::Write as _;

use super::{Poison, QueueMessage};
use crate::agent::AgentId;
use crate::json;
use crate::message::AgentMessage;

/// Separators of a JSON text.
#[derive(Clone, Copy)]
struct Style {
    comma: &'static str,
    colon: &'static str,
}

/// `json.dumps` with its defaults.
const PYTHON: Style = Style { comma: ", ", colon: ": " };
const COMPACT: Style = Style { comma: ",", colon: ":" };

pub(super) fn queue_message(queued: &QueueMessage, enqueued_at: Option<&str>) -> String {
    let mut out = String::with_capacity(512 + queued.message.payload.as_json().len());
    let mut object = Object::open(&mut out, PYTHON);
    object.field("message", |out| message(out, &queued.message, PYTHON));
    object.number("priority", u32::from(queued.priority.number()));
    object.text("enqueued_at", enqueued_at);
    object.number("delivery_attempts", queued.delivery_attempts);
    object.text("last_error", queued.last_error.as_deref());
    object.unknown(&queued.extra);
    object.close();
    out
}

pub(super) fn agent_message(sent: &AgentMessage, out: &mut String) {
    out.reserve(384 + sent.payload.as_json().len());
    message(out, sent, COMPACT);
}

pub(super) fn rewrite(
    wire: &str,
    attempts: u32,
    last_error: Option<&str>,
) -> Result<String, Poison> {
    let members = json::members(wire).map_err(Poison::new)?;
    let attempts = attempts.to_string();
    let mut error = String::new();
    write_text(&mut error, last_error);
    let fields = [("delivery_attempts", &attempts), ("last_error", &error)];

    let mut out = String::with_capacity(wire.len() + error.len());
    let mut copied = 0;
    for member in &members {
        if let Some((_, value)) = fields.iter().find(|(name, _)| *name == member.name) {
            out.push_str(&wire[copied..member.offset]);
            out.push_str(value);
            copied = member.offset + member.value.len();
        }
    }
    let close = wire.rfind('}').ok_or_else(|| Poison::new("no object"))?;
    out.push_str(&wire[copied..close]);
    let mut empty = members.is_empty();
    for (name, value) in fields {
        if !members.iter().any(|member| member.name == name) {
            out.push_str(if empty { "" } else { ", " });
            // Writing to a String cannot fail.
            let _ = write!(out, "\"{name}\": {value}");
            empty = false;
        }
    }
    out.push_str(&wire[close..]);
    Ok(out)
}

fn message(out: &mut String, sent: &AgentMessage, style: Style) {
    let mut object = Object::open(out, style);
    object.text("message_id", Some(sent.message_id.as_str()));
    object.field("sender", |out| agent(out, &sent.sender, style));
    object.field("recipient", |out| agent(out, &sent.recipient, style));
    object.text("message_type", Some(sent.message_type.as_str()));
    object.field("payload", |out| out.push_str(sent.payload.as_json()));
    object.number("priority", u32::from(sent.priority.number()));
    object.field("routing", |out| {
        let mut routing = Object::open(out, style);
        routing.text("topic", sent.routing.topic.as_deref());
        routing.field("tags", |out| {
            out.push('[');
            for (index, tag) in sent.routing.tags.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { style.comma });
                json::write_string(out, tag);
            }
            out.push(']');
        });
        routing.close();
    });
    object.text("timestamp", sent.timestamp.as_deref());
    if !sent.headers.is_empty() {
        object.field("headers", |out| {
            let mut headers = Object::open(out, style);
            for (name, value) in sent.headers.iter() {
                headers.text(name, Some(value));
            }
            headers.close();
        });
    }
    object.unknown(&sent.extra);
    object.close();
}

fn agent(out: &mut String, agent: &AgentId, style: Style) {
    let mut object = Object::open(out, style);
    object.text("type", Some(agent.agent_type()));
    object.text("instance", agent.instance());
    object.close();
}

fn write_text(out: &mut String, text: Option<&str>) {
    match text {
        Some(text) => json::write_string(out, text),
        None => out.push_str("null"),
    }
}

/// An object being written: commas come by themselves.
struct Object<'a> {
    out: &'a mut String,
    style: Style,
    first: bool,
}

impl<'a> Object<'a> {
    fn open(out: &'a mut String, style: Style) -> Self {
        out.push('{');
        Self { out, style, first: true }
    }

    fn field(&mut self, name: &str, value: impl FnOnce(&mut String)) {
        self.out.push_str(if self.first { "" } else { self.style.comma });
        self.first = false;
        json::write_string(self.out, name);
        self.out.push_str(self.style.colon);
        value(self.out);
    }

    fn text(&mut self, name: &str, text: Option<&str>) {
        self.field(name, |out| write_text(out, text));
    }

    fn number(&mut self, name: &str, number: u32) {
        self.field(name, |out| out.push_str(&number.to_string()));
    }

    fn unknown(&mut self, fields: &[(String, String)]) {
        for (name, raw) in fields {
            self.field(name, |out| out.push_str(raw));
        }
    }

    fn close(self) {
        self.out.push('}');
    }
}
