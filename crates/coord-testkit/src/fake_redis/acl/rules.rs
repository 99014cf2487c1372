//! The rules of ACL SETUSER and how ACL LIST writes them.

use bytes::Bytes;

use super::{KeyPattern, User};
use crate::fake_redis::commands;
use crate::fake_redis::sha256;

impl User {
    /// Applies one rule of ACL SETUSER; the error is the reason Redis gives.
    pub(crate) fn apply(&mut self, rule: &Bytes) -> Result<(), &'static str> {
        let text = String::from_utf8_lossy(rule).into_owned();
        match text.to_ascii_lowercase().as_str() {
            "on" => self.on = true,
            "off" => self.on = false,
            "nopass" => {
                self.nopass = true;
                self.passwords.clear();
            }
            "resetpass" => {
                self.nopass = false;
                self.passwords.clear();
            }
            "allkeys" | "~*" => {
                self.keys.clear();
                self.add_key(Bytes::from_static(b"*"), true, true);
            }
            "resetkeys" => self.keys.clear(),
            "allchannels" => self.channels = vec![Bytes::from_static(b"*")],
            "resetchannels" => self.channels.clear(),
            "allcommands" | "+@all" => self.commands = vec!["+@all".into()],
            "nocommands" | "-@all" => self.commands = vec!["-@all".into()],
            "reset" => *self = Self::powerless(),
            "clearselectors" | "sanitize-payload" | "skip-sanitize-payload" => {}
            lower => return self.apply_prefixed(rule, &text, lower),
        }
        Ok(())
    }

    fn apply_prefixed(
        &mut self,
        rule: &Bytes,
        text: &str,
        lower: &str,
    ) -> Result<(), &'static str> {
        let rest = rule.slice(1.min(rule.len())..);
        match rule.first() {
            Some(b'>') => self.add_password(sha256::hex(&rest)),
            Some(b'#')
                if rest.len() == 64
                    && rest.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) =>
            {
                self.add_password(String::from_utf8_lossy(&rest).into_owned())
            }
            Some(b'#') => {
                return Err(
                    "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters",
                );
            }
            Some(b'<' | b'!') => {
                let digest = if rule[0] == b'<' {
                    sha256::hex(&rest)
                } else {
                    String::from_utf8_lossy(&rest).into_owned()
                };
                let count = self.passwords.len();
                self.passwords.retain(|own| *own != digest);
                if self.passwords.len() == count {
                    return Err(
                        "The password you are trying to remove from the user does not exist",
                    );
                }
            }
            Some(b'~' | b'%') if self.has_all_keys() => {
                return Err(
                    "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try 'resetkeys' to start with an empty list of patterns",
                );
            }
            Some(b'~') => self.add_key(rest, true, true),
            Some(b'%') => {
                let (mode, pattern) = text[1..].split_once('~').ok_or("Syntax error")?;
                let mode = mode.to_ascii_uppercase();
                if mode.is_empty() || mode.chars().any(|letter| letter != 'R' && letter != 'W') {
                    return Err("Syntax error");
                }
                let pattern = Bytes::copy_from_slice(pattern.as_bytes());
                self.add_key(pattern, mode.contains('R'), mode.contains('W'));
            }
            Some(b'&') if self.channels == ["*"] && &rest[..] != b"*" => {
                return Err(
                    "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. Try 'resetchannels' to start with an empty list of channels",
                );
            }
            Some(b'&') if &rest[..] == b"*" => self.channels = vec![rest],
            Some(b'&') => {
                if !self.channels.contains(&rest) {
                    self.channels.push(rest);
                }
            }
            Some(b'+' | b'-') => {
                let name = &lower[1..];
                if let Some((known, _)) = name.rsplit_once('|')
                    && known.contains('|')
                {
                    let container = known.split('|').next().unwrap_or_default();
                    let has_parts = commands::lookup(container.as_bytes())
                        .is_some_and(|command| !command.subcommands.is_empty());
                    return Err(if has_parts && is_known_command(known) {
                        "Allowing first-arg of a subcommand is not supported"
                    } else {
                        "Unknown command or category name in ACL"
                    });
                }
                if !is_known_command(name) {
                    return Err("Unknown command or category name in ACL");
                }
                // A rule for a command replaces those for its subcommands.
                let part = format!("{name}|");
                self.commands.retain(|own| own[1..] != *name && !own[1..].starts_with(&part));
                // What all or no commands cover need not be said again.
                let covered = match self.commands.as_slice() {
                    [all] => {
                        (all == "+@all" && rule[0] == b'+') || (all == "-@all" && rule[0] == b'-')
                    }
                    _ => false,
                };
                if !covered {
                    self.commands.push(lower.to_owned());
                }
            }
            _ => return Err("Syntax error"),
        }
        Ok(())
    }

    pub(super) fn add_password(&mut self, digest: String) {
        self.nopass = false;
        if !self.passwords.contains(&digest) {
            self.passwords.push(digest);
        }
    }

    fn has_all_keys(&self) -> bool {
        self.keys.iter().any(|key| &key.pattern[..] == b"*" && key.read && key.write)
    }

    fn add_key(&mut self, pattern: Bytes, read: bool, write: bool) {
        match self.keys.iter_mut().find(|own| own.pattern == pattern) {
            Some(own) => {
                own.read |= read;
                own.write |= write;
            }
            None => self.keys.push(KeyPattern { pattern, read, write }),
        }
    }

    /// The key patterns as one text.
    pub(crate) fn keys_text(&self) -> String {
        let texts = self.keys.iter().map(|key| {
            let mode = match (key.read, key.write) {
                (true, false) => "%R",
                (false, true) => "%W",
                _ => "",
            };
            format!("{mode}~{}", String::from_utf8_lossy(&key.pattern))
        });
        texts.collect::<Vec<_>>().join(" ")
    }

    /// The channel patterns as one text.
    pub(crate) fn channels_text(&self) -> String {
        let texts =
            self.channels.iter().map(|channel| format!("&{}", String::from_utf8_lossy(channel)));
        texts.collect::<Vec<_>>().join(" ")
    }

    /// The command rules as one text.
    pub(crate) fn commands_text(&self) -> String {
        self.commands.join(" ")
    }
}

fn is_known_command(name: &str) -> bool {
    if let Some(class) = name.strip_prefix('@') {
        return class == "all" || commands::CATEGORIES.contains(&class);
    }
    let mut parts = name.splitn(2, '|');
    let Some(command) = parts.next().and_then(|name| commands::lookup(name.as_bytes())) else {
        return false;
    };
    // Without subcommands the part behind the bar is a first argument.
    parts.next().is_none_or(|sub| {
        command.subcommands.is_empty() || command.subcommands.iter().any(|row| row.name == sub)
    })
}
