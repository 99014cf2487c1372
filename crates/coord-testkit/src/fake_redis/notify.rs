//! Keyspace notifications.

use bytes::Bytes;

use super::state::State;

/// `K`: events on `__keyspace@<db>__:<key>`.
pub(crate) const KEYSPACE: u32 = 1;
/// `E`: events on `__keyevent@<db>__:<event>`.
pub(crate) const KEYEVENT: u32 = 1 << 1;
/// `g`: DEL, EXPIRE, RENAME and the like.
pub(crate) const GENERIC: u32 = 1 << 2;
/// `$`
pub(crate) const STRING: u32 = 1 << 3;
/// `l`
pub(crate) const LIST: u32 = 1 << 4;
/// `s`
pub(crate) const SET: u32 = 1 << 5;
/// `h`
pub(crate) const HASH: u32 = 1 << 6;
/// `z`
pub(crate) const SORTED_SET: u32 = 1 << 7;
/// `x`
pub(crate) const EXPIRED: u32 = 1 << 8;
/// `e`
pub(crate) const EVICTED: u32 = 1 << 9;
/// `t`
pub(crate) const STREAM: u32 = 1 << 10;
/// `m`: not part of `A`.
pub(crate) const KEY_MISS: u32 = 1 << 11;
/// `d`
pub(crate) const MODULE: u32 = 1 << 12;
/// `n`: not part of `A`.
pub(crate) const NEW: u32 = 1 << 13;

const ALL: u32 =
    GENERIC | STRING | LIST | SET | HASH | SORTED_SET | EXPIRED | EVICTED | STREAM | MODULE;

/// Letters in the order CONFIG GET shows them.
const LETTERS: [(u8, u32); 14] = [
    (b'g', GENERIC),
    (b'$', STRING),
    (b'l', LIST),
    (b's', SET),
    (b'h', HASH),
    (b'z', SORTED_SET),
    (b'x', EXPIRED),
    (b'e', EVICTED),
    (b't', STREAM),
    (b'd', MODULE),
    (b'n', NEW),
    (b'K', KEYSPACE),
    (b'E', KEYEVENT),
    (b'm', KEY_MISS),
];

/// Reads `notify-keyspace-events`; `None` for an unknown letter.
pub(crate) fn parse(text: &[u8]) -> Option<u32> {
    text.iter().try_fold(0, |flags, letter| {
        if *letter == b'A' {
            return Some(flags | ALL);
        }
        LETTERS.iter().find(|(known, _)| known == letter).map(|(_, flag)| flags | flag)
    })
}

/// Writes the flags as CONFIG GET does.
pub(crate) fn format(flags: u32) -> String {
    let mut text = String::new();
    let mut rest = flags;
    if flags & ALL == ALL {
        text.push('A');
        rest &= !ALL;
    }
    for (letter, flag) in LETTERS {
        if rest & flag != 0 {
            text.push(char::from(letter));
        }
    }
    text
}

impl State {
    /// Publishes the event of `class` on `key` if the configuration asks for it.
    pub(crate) fn notify_event(&mut self, db: usize, class: u32, event: &str, key: &Bytes) {
        let wanted = self.config.notify;
        if wanted & class == 0 {
            return;
        }
        let db = self.shown_db(db);
        if wanted & KEYSPACE != 0 {
            let mut channel = format!("__keyspace@{db}__:").into_bytes();
            channel.extend_from_slice(key);
            self.publish(&Bytes::from(channel), &Bytes::copy_from_slice(event.as_bytes()));
        }
        if wanted & KEYEVENT != 0 {
            let channel = Bytes::from(format!("__keyevent@{db}__:{event}"));
            self.publish(&channel, key);
        }
    }
}
