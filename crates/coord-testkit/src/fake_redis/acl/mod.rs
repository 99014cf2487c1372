//! Users and what they may do.

pub(crate) mod log;
mod rules;
mod users;

use bytes::Bytes;

use crate::fake_redis::command::flag;
use crate::fake_redis::commands;
use crate::fake_redis::dispatch::Found;
use crate::fake_redis::failure::Failure;
use crate::fake_redis::glob;
use crate::fake_redis::sha256;

pub(crate) use users::Users;

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
        if self.is_free() || found.command.has(flag::NO_AUTH) {
            return Ok(());
        }
        if !self.may_run(found, args) {
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
        for (nth, at) in found.command.keys.find(args).into_iter().enumerate() {
            let Some(key) = args.get(at) else { continue };
            let flags = commands::key_flags::of(found, args, nth);
            let reads = flags.contains("access");
            let writes = ["insert", "update", "delete"].iter().any(|change| flags.contains(change));
            let fits = |own: &KeyPattern| {
                (!reads || own.read) && (!writes || own.write) && glob::matches(&own.pattern, key)
            };
            if !self.keys.iter().any(fits) {
                return Err(Refusal::Key(key.clone()));
            }
        }
        Ok(())
    }

    fn may_run(&self, found: Found, args: &[Bytes]) -> bool {
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
                None => what == container || what == full || is_first_argument(what, found, args),
            };
            if fits {
                allowed = plus;
            }
        }
        allowed
    }
}

/// Whether a rule `command|argument`, for a command without subcommands, fits a request.
fn is_first_argument(rule: &str, found: Found, args: &[Bytes]) -> bool {
    let Some((command, first)) = rule.split_once('|') else { return false };
    found.parent.is_none()
        && command == found.command.name
        && args.get(1).is_some_and(|arg| arg.eq_ignore_ascii_case(first.as_bytes()))
}
