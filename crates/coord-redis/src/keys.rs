//! The names of the keys of a mailbox, in both layouts.

use coord_core::{AgentId, MessageType};

use crate::layout::KeyLayout;

/// The keys of one mailbox.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MailboxKeys<'a> {
    pub(crate) layout: KeyLayout,
    pub(crate) prefix: &'a str,
    pub(crate) agent: &'a AgentId,
}

impl MailboxKeys<'_> {
    /// The key of one part of the mailbox.
    ///
    /// Compact: `{prefix}:{type:instance}:part`, so that a mailbox lies in one hash slot.
    /// Tta: `prefix:part:type:instance`, as the original's.
    pub(crate) fn part(&self, part: &str) -> String {
        let (prefix, kind, instance) =
            (self.prefix, self.agent.agent_type(), self.agent.instance_key());
        match self.layout {
            KeyLayout::Compact => [prefix, ":{", kind, ":", instance, "}:", part].concat(),
            KeyLayout::Tta => [prefix, ":", part, ":", kind, ":", instance].concat(),
        }
    }

    /// The original's schedule of one level (9, 5 or 1).
    pub(crate) fn schedule(&self, level: u8) -> String {
        format!("{}{level}", self.schedule_prefix())
    }

    /// What the names of all three schedules begin with.
    pub(crate) fn schedule_prefix(&self) -> String {
        format!("{}:prio:", self.part("sched"))
    }

    /// Several parts; `sched` stands for the three schedules, HIGH first.
    pub(crate) fn parts(&self, parts: &[&str]) -> Vec<String> {
        let mut keys = Vec::with_capacity(parts.len() + 2);
        for part in parts {
            match *part {
                "sched" => keys.extend([9, 5, 1].map(|level| self.schedule(level))),
                part => keys.push(self.part(part)),
            }
        }
        keys
    }
}

/// What the scripts of the original's layout need that bring messages back.
pub(crate) const TTA_PARTS: &[&str] = &[
    "queue",
    "sched",
    "reserved",
    "reserved_deadlines",
    "dlq",
    "fence",
    "waiters",
    "gate",
    "notes",
];

/// The set of all mailboxes of the compact layout, as `type:instance`.
pub(crate) fn mailbox_index(prefix: &str) -> String {
    format!("{prefix}:mailboxes")
}

/// The set of agents that may be subscribed to a type, as `type:instance`.
pub(crate) fn subscriber_index(prefix: &str, kind: MessageType) -> String {
    format!("{prefix}:subscribers:{}", kind.as_str())
}

/// The key that names the layout and data model version of a prefix.
pub(crate) fn layout_marker(prefix: &str) -> String {
    format!("{prefix}:layout")
}

/// `text` with the characters of a SCAN pattern taken literally.
pub(crate) fn escape_glob(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '\\' | '^') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_documents() {
        let agent = AgentId::parse("world_builder:w1").unwrap();
        let keys = |layout| MailboxKeys { layout, prefix: "ao", agent: &agent };
        assert_eq!(keys(KeyLayout::Compact).part("ready"), "ao:{world_builder:w1}:ready");
        assert_eq!(
            keys(KeyLayout::Tta).parts(&["queue", "sched"]),
            [
                "ao:queue:world_builder:w1",
                "ao:sched:world_builder:w1:prio:9",
                "ao:sched:world_builder:w1:prio:5",
                "ao:sched:world_builder:w1:prio:1",
            ]
        );
        assert_eq!(escape_glob("a*b[c]"), "a\\*b\\[c\\]");
    }
}
