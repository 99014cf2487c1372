//! What a stored message looks like in each layout.

use std::fmt::Write as _;

use coord_core::{AgentMessage, MessagePriority, Poison, QueueMessage, SendOptions, Timestamp};

use crate::layout::KeyLayout;

/// The bytes to store for a fresh message.
pub(crate) fn encode(
    layout: KeyLayout,
    queued: &QueueMessage,
    enqueued_at: Timestamp,
    options: SendOptions,
) -> Vec<u8> {
    match layout {
        KeyLayout::Tta => queued.to_wire_enqueued(enqueued_at).into_bytes(),
        KeyLayout::Compact => {
            let level = queued.priority.number();
            let expires = u8::from(options.expires_in().is_some());
            let flags = expires + 2 * u8::from(options.leaves_receipt());
            // Room for what encoding asks for: one allocation.
            let mut record = String::with_capacity(448 + queued.message.payload.as_json().len());
            let _never_fails = write!(record, "0:{level}:{flags}:{}:0:", enqueued_at.as_micros());
            queued.message.write_json(&mut record);
            record.into_bytes()
        }
    }
}

/// The message in stored bytes.
pub(crate) fn decode(layout: KeyLayout, bytes: &[u8]) -> Result<QueueMessage, Poison> {
    match layout {
        KeyLayout::Tta => QueueMessage::from_wire(bytes),
        KeyLayout::Compact => {
            let record = Record::split(bytes);
            let record = record.ok_or_else(|| Poison::new("the record's header is damaged"))?;
            let message = AgentMessage::from_json(record.message)?;
            let mut queued = QueueMessage::new(message);
            queued.priority = record.level;
            queued.enqueued_at = Some(Timestamp::from_micros(record.enqueued).to_string());
            queued.delivery_attempts = record.attempts;
            queued.last_error = record.last_error;
            Ok(queued)
        }
    }
}

/// A record of the compact layout, taken apart:
/// `<attempts>:<level>:<flags>:<enqueued>:<n>:`, n bytes of last error, the message.
pub(crate) struct Record<'a> {
    pub(crate) attempts: u32,
    pub(crate) level: MessagePriority,
    pub(crate) enqueued: u64,
    pub(crate) last_error: Option<String>,
    pub(crate) message: &'a [u8],
}

impl<'a> Record<'a> {
    pub(crate) fn split(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = bytes;
        let mut header = [0u64; 5];
        for slot in &mut header {
            let end = rest.iter().position(|&byte| byte == b':')?;
            *slot = std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
            rest = &rest[end + 1..];
        }
        let [attempts, level, _flags, enqueued, length] = header;
        let (failure, message) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        // Failures start with a mark, so that "no text" and "an empty text" differ.
        let last_error = match failure.split_first() {
            Some((b'=', text)) => Some(String::from_utf8_lossy(text).into_owned()),
            _ => None,
        };
        Some(Self {
            attempts: u32::try_from(attempts).ok()?,
            level: MessagePriority::from_number(i64::try_from(level).ok()?)?,
            enqueued,
            last_error,
            message,
        })
    }
}

/// A last error as the compact layout stores it.
pub(crate) fn encode_failure(error: Option<&str>) -> String {
    error.map(|text| format!("={text}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_keeps_every_byte() {
        let record = Record::split(b"2:9:1:17:6:=boom!{\"a\":1}").unwrap();
        assert_eq!((record.attempts, record.enqueued), (2, 17));
        assert_eq!(record.last_error.as_deref(), Some("boom!"));
        assert_eq!(record.message, b"{\"a\":1}");
        assert!(Record::split(b"0:5:0:1:0:{}").unwrap().last_error.is_none());
        for damaged in [&b""[..], b"0:5:0:1", b"x:5:0:1:0:{}", b"0:7:0:1:0:{}", b"0:5:0:1:9:{}"] {
            assert!(Record::split(damaged).is_none());
        }
    }
}
