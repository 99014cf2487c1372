//! Users and what they may do.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::command::flag;
use super::commands;
use super::dispatch::Found;
use super::failure::Failure;
use super::glob;
use super::sha256;

/// A user of the ACL.
#[derive(Debug, Clone, Default)]
pub(crate) struct User {
    pub(crate) on: bool,
    pub(crate) nopass: bool,
    /// SHA-256 in hex.
    pub(crate) passwords: Vec<String>,
    /// `+@all`, `-get`, `+config|get`, in their order; the last one that fits decides.
    pub(crate) commands: Vec<String>,
    pub(crate) keys: Vec<KeyPattern>,
    pub(crate) channels: Vec<Bytes>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyPattern {
    pub(crate) pattern: Bytes,
    pub(crate) read: bool,
    pub(crate) write: bool,
}

/// What a user was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    Command(String),
    Key(Bytes),
    Channel(Bytes),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Command(name) => Self::new(format!(
                "NOPERM this user has no permissions to run the '{name}' command"
            )),
            Refusal::Key(_) => Self::fixed(
                "NOPERM this user has no permissions to access one of the keys used as arguments",
            ),
            Refusal::Channel(_) => Self::fixed(
                "NOPERM this user has no permissions to access one of the channels used as arguments",
            ),
        }
    }
}

impl User {
    /// The user of a fresh server: everything, without a password.
    pub(crate) fn all_powerful() -> Self {
        let every = KeyPattern { pattern: Bytes::from_static(b"*"), read: true, write: true };
        Self {
            on: true,
            nopass: true,
            passwords: Vec::new(),
            commands: vec!["+@all".into()],
            keys: vec![every],
            channels: vec![Bytes::from_static(b"*")],
        }
    }

    /// A new user of ACL SETUSER: nothing.
    pub(crate) fn powerless() -> Self {
        Self { commands: vec!["-@all".into()], ..Self::default() }
    }

    pub(crate) fn accepts(&self, password: &[u8]) -> bool {
        self.on && (self.nopass || self.passwords.contains(&sha256::hex(password)))
    }

    /// True for a user without any limit: the checks can be skipped.
    fn is_free(&self) -> bool {
        self.commands == ["+@all"]
            && self.keys.iter().any(|key| &key.pattern[..] == b"*" && key.read && key.write)
            && self.channels.iter().any(|channel| &channel[..] == b"*")
    }

    /// Whether the user may run this request.
    pub(crate) fn check(&self, found: Found, args: &[Bytes]) -> Result<(), Refusal> {
        if self.is_free() || (found.command.has(flag::NO_AUTH) && found.command.name != "hello") {
            return Ok(());
        }
        if !self.may_run(found) {
            return Err(Refusal::Command(found.full_name()));
        }
        let name = found.command.name;
        let is_shard = matches!(name, "ssubscribe" | "sunsubscribe" | "spublish");
        if !is_shard {
            self.check_keys(found, args)?;
        }
        let channels: &[Bytes] = match name {
            "publish" | "spublish" => &args[1..2],
            "subscribe" | "ssubscribe" => &args[1..],
            "psubscribe" => {
                // A pattern is allowed only word for word.
                let refused = args[1..].iter().find(|pattern| {
                    !self.channels.iter().any(|own| &own[..] == b"*" || own == *pattern)
                });
                return refused.map_or(Ok(()), |pattern| Err(Refusal::Channel(pattern.clone())));
            }
            _ => &[],
        };
        let refused = channels
            .iter()
            .find(|channel| !self.channels.iter().any(|own| glob::matches(own, channel)));
        refused.map_or(Ok(()), |channel| Err(Refusal::Channel(channel.clone())))
    }

    fn check_keys(&self, found: Found, args: &[Bytes]) -> Result<(), Refusal> {
        let writes = found.command.has(flag::WRITE);
        // A writing command with a destination reads the other keys.
        let dest_first = matches!(
            found.command.name,
            "copy"
                | "rename"
                | "renamenx"
                | "lmove"
                | "blmove"
                | "rpoplpush"
                | "brpoplpush"
                | "smove"
        );
        for (nth, at) in found.command.keys.find(args).into_iter().enumerate() {
            let Some(key) = args.get(at) else { continue };
            let store = found.command.name.ends_with("store") && nth > 0;
            let copy_source = found.command.name == "copy" && nth == 0;
            let writes = writes && !store && !copy_source;
            let reads = !writes
                || dest_first
                || !matches!(
                    found.command.name,
                    "set"
                        | "mset"
                        | "setex"
                        | "psetex"
                        | "setnx"
                        | "msetnx"
                        | "del"
                        | "unlink"
                        | "lpush"
                        | "rpush"
                        | "hset"
                        | "sadd"
                        | "zadd"
                        | "xadd"
                        | "expire"
                        | "pexpire"
                        | "incr"
                        | "incrby"
                        | "append"
                        | "restore"
                );
            let reads = reads
                || (found.command.name == "set"
                    && args.iter().skip(3).any(|arg| arg.eq_ignore_ascii_case(b"get")));
            let reads = reads && !(found.command.name.ends_with("store") && nth == 0);
            let fits = |pattern: &KeyPattern| {
                (!reads || pattern.read)
                    && (!writes || pattern.write)
                    && glob::matches(&pattern.pattern, key)
            };
            if !self.keys.iter().any(fits) {
                return Err(Refusal::Key(key.clone()));
            }
        }
        Ok(())
    }

    fn may_run(&self, found: Found) -> bool {
        let container = found.parent.unwrap_or(found.command.name);
        let full = found.full_name();
        let Some((_, family)) = commands::row(container.as_bytes()) else {
            return false;
        };
        let classes = commands::categories(found.command, family);
        let mut allowed = false;
        for rule in &self.commands {
            let (plus, what) = (rule.starts_with('+'), &rule[1..]);
            let fits = match what.strip_prefix('@') {
                Some("all") => true,
                Some(class) => classes.contains(&class),
                None => what == container || what == full,
            };
            if fits {
                allowed = plus;
            }
        }
        allowed
    }

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
            "allkeys" => return self.apply(&Bytes::from_static(b"~*")),
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
            Some(b'#') if rest.len() == 64 => {
                self.add_password(String::from_utf8_lossy(&rest).into_owned())
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
            Some(b'&') => {
                if !self.channels.contains(&rest) {
                    self.channels.push(rest);
                }
            }
            Some(b'+' | b'-') => {
                if !is_known_command(&lower[1..]) {
                    return Err("Unknown command or category name in ACL");
                }
                self.commands.retain(|own| own[1..] != lower[1..]);
                self.commands.push(lower.to_owned());
            }
            _ => return Err("Syntax error"),
        }
        Ok(())
    }

    fn add_password(&mut self, digest: String) {
        self.nopass = false;
        if !self.passwords.contains(&digest) {
            self.passwords.push(digest);
        }
    }

    fn add_key(&mut self, pattern: Bytes, read: bool, write: bool) {
        let pattern = KeyPattern { pattern, read, write };
        if !self.keys.contains(&pattern) {
            self.keys.push(pattern);
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
    parts.next().is_none_or(|sub| command.subcommands.iter().any(|row| row.name == sub))
}

/// All users by name; there is always a `default`.
#[derive(Debug, Clone)]
pub(crate) struct Users(pub(crate) BTreeMap<Bytes, User>);

impl Default for Users {
    fn default() -> Self {
        Self(BTreeMap::from([(Bytes::from_static(b"default"), User::all_powerful())]))
    }
}

impl Users {
    pub(crate) fn get(&self, name: &[u8]) -> Option<&User> {
        self.0.get(name)
    }

    /// `requirepass`: the only password of the default user, or none.
    pub(crate) fn set_default_password(&mut self, password: &[u8]) {
        let user = self.0.entry(Bytes::from_static(b"default")).or_insert_with(User::all_powerful);
        user.passwords.clear();
        user.nopass = password.is_empty();
        if !password.is_empty() {
            user.add_password(sha256::hex(password));
        }
    }

    /// True if a new connection is the default user without asking.
    pub(crate) fn default_is_open(&self) -> bool {
        self.get(b"default").is_some_and(|user| user.on && user.nopass)
    }
}
