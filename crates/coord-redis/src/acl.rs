//! The rights that a restricted user of Redis needs, by role.
//!
//! The commands are read from the shipped scripts, so the list is exact by construction; what
//! the library sends beside them stands below.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::layout::KeyLayout;

/// What a user of Redis does here. A user may have several roles: its rules add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// Sends, broadcasts, publishes.
    Producer,
    /// Receives, settles, forwards, takes expired reservations back; subscribes.
    Consumer,
    /// Looks at everything, repairs, redrives and purges dead letters.
    Operator,
    /// Registers and finds agents.
    Registry,
    /// Shares circuit breakers.
    Breaker,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Producer, Self::Consumer, Self::Operator, Self::Registry, Self::Breaker];

    /// The name: `producer`, `consumer`, `operator`, `registry` or `breaker`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Producer => "producer",
            Self::Consumer => "consumer",
            Self::Operator => "operator",
            Self::Registry => "registry",
            Self::Breaker => "breaker",
        }
    }

    /// The rules of `ACL SETUSER` for this role: keys, channels and commands, nothing else.
    ///
    /// Give the user a password and `on` besides. Under the prefix, keys are not told apart; who
    /// needs that narrows `~prefix:*` down to the keys of docs/redis-data-model.md.
    ///
    /// ```
    /// use coord_redis::{KeyLayout, Role};
    ///
    /// let rules = Role::Producer.rules(KeyLayout::Compact, "coord");
    /// assert!(rules.starts_with("resetkeys ~coord:* resetchannels &coord:* -@all +"));
    /// assert!(!rules.contains("+flushall"));
    /// ```
    pub fn rules(self, layout: KeyLayout, prefix: &str) -> String {
        // What stands for anything in a pattern is taken literally.
        let prefix = crate::keys::escape_glob(prefix);
        let mut rules = format!("resetkeys ~{prefix}:* resetchannels &{prefix}:* -@all");
        for command in self.commands(layout) {
            let _infallible = write!(rules, " +{command}");
        }
        rules
    }

    /// The commands of this role, in lower case; a subcommand as `command|subcommand`.
    pub fn commands(self, layout: KeyLayout) -> BTreeSet<String> {
        let mut commands: BTreeSet<String> = CONNECTING.iter().map(|it| (*it).to_owned()).collect();
        commands.extend(self.beside(layout).iter().map(|it| (*it).to_owned()));
        for script in self.scripts(layout) {
            commands.extend(commands_of(script));
        }
        commands
    }

    /// What the library sends in this role outside of scripts.
    const fn beside(self, layout: KeyLayout) -> &'static [&'static str] {
        match (self, layout) {
            // The index and the marker; WAIT and what finds its server, for durable sends; who is
            // subscribed.
            (Self::Producer, KeyLayout::Compact) => {
                &["sadd", "exists", "wait", "role", "command|info", "smembers", "srem"]
            }
            (Self::Producer, KeyLayout::Tta) => {
                &["exists", "wait", "role", "command|info", "smembers", "sadd", "srem", "scan"]
            }
            // Recovering all; ending a subscription; forwarding between slots; waiting.
            (Self::Consumer, KeyLayout::Compact) => {
                &["smembers", "srem", "sadd", "scard", "hexists", "subscribe", "ping"]
            }
            (Self::Consumer, KeyLayout::Tta) => &[
                "scan",
                "smembers",
                "srem",
                "sadd",
                "scard",
                "subscribe",
                "ping",
                "client|tracking",
            ],
            (Self::Operator, KeyLayout::Compact) => &["smembers", "time", "acl|whoami"],
            (Self::Operator, KeyLayout::Tta) => &[
                "scan",
                "time",
                "acl|whoami",
                "zcard",
                "zscan",
                "hlen",
                "lrange",
                "zrange",
                "hscan",
                "memory|usage",
            ],
            (Self::Registry, _) => &["get", "mget", "time", "publish"],
            (Self::Breaker, _) => {
                &["get", "sadd", "srem", "sscan", "sismember", "del", "subscribe", "ping"]
            }
        }
    }

    fn scripts(self, layout: KeyLayout) -> Vec<&'static str> {
        let named = |wanted: &[&str]| {
            let all = SCRIPTS.iter().filter(|(name, _)| wanted.contains(name));
            all.map(|(_, source)| *source).collect()
        };
        match (self, layout) {
            // Whoever makes a message ready hands it to one who waits.
            (Self::Producer, KeyLayout::Compact) => named(&[
                "lib/time",
                "lib/serve_begin",
                "lib/waiters",
                "lib/compact_take",
                "lib/gate",
                "lib/compact_serve",
                "lib/compact_send",
                "lib/compact_send_plain",
                "compact/send",
                "compact/receipts",
                "lib/subscriptions",
                "compact/publish",
            ]),
            (Self::Producer, KeyLayout::Tta) => named(&[
                "lib/time",
                "lib/serve_begin",
                "lib/waiters",
                "lib/tta_take",
                "lib/gate",
                "lib/tta_serve",
                "lib/tta_send",
                "lib/tta_send_plain",
                "tta/send",
                "lib/subscriptions",
                "compact/publish",
            ]),
            (Self::Consumer, layout) => {
                let verbs = [
                    "ack",
                    "bury",
                    "extend",
                    "forward",
                    "nack",
                    "receive",
                    "recover",
                    "release",
                    "subscribe",
                    "unsubscribe",
                    // To leave the index of a type, it looks as a publisher does.
                    "publish",
                ];
                of_layout(layout, |verb| verbs.contains(&verb))
            }
            // Everything that can be done with mailboxes.
            (Self::Operator, layout) => of_layout(layout, |_| true),
            (Self::Registry, _) => of_space("registry/", &["lib/time", "lib/registry"]),
            (Self::Breaker, _) => {
                of_space("breaker/", &["lib/time", "lib/breaker", "lib/breaker_write"])
            }
        }
    }
}

/// The scripts of some verbs of a layout, with all that its scripts share.
fn of_layout(layout: KeyLayout, is_wanted: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let layout = layout.as_str();
    let is_in = |name: &str| match name.split_once('/') {
        Some(("lib", part)) => {
            matches!(part, "gate" | "serve_begin" | "time" | "waiters" | "subscriptions")
                || part.starts_with(layout)
        }
        // The same in both layouts, so one script serves both.
        Some(("compact", verb @ ("find" | "publish" | "subscribe" | "unsubscribe" | "unwait"))) => {
            is_wanted(verb)
        }
        Some((space, verb)) => space == layout && is_wanted(verb),
        None => false,
    };
    SCRIPTS.iter().filter(|(name, _)| is_in(name)).map(|(_, source)| *source).collect()
}

fn of_space(space: &str, shared: &[&str]) -> Vec<&'static str> {
    let is_in = |name: &str| name.starts_with(space) || shared.contains(&name);
    SCRIPTS.iter().filter(|(name, _)| is_in(name)).map(|(_, source)| *source).collect()
}

/// Every `redis.call('NAME'` and `redis.pcall('NAME'` of a script.
fn commands_of(source: &str) -> impl Iterator<Item = String> + '_ {
    let calls = source.split("redis.call('").skip(1).chain(source.split("redis.pcall('").skip(1));
    calls.filter_map(|rest| {
        let mut words = rest.split('\'');
        let name = words.next()?.to_lowercase();
        // The one with subcommands: `PUBSUB', 'NUMSUB'`.
        Some(match name.as_str() {
            "pubsub" => format!("{name}|{}", words.nth(1)?.to_lowercase()),
            _ => name,
        })
    })
}

/// What every role sends: making a connection, the checks at the start, running scripts.
///
/// The client library also tells its name (CLIENT SETINFO) and minds no refusal.
const CONNECTING: [&str; 9] =
    ["asking", "cluster|slots", "eval", "evalsha", "get", "info", "role", "scan", "set"];

macro_rules! scripts {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("scripts/", $name, ".lua")))),+]
    };
}

/// All scripts and what they share, by name; a test compares with the directory.
const SCRIPTS: &[(&str, &str)] = scripts![
    "lib/breaker",
    "lib/breaker_write",
    "lib/compact",
    "lib/compact_ack_plain",
    "lib/compact_due",
    "lib/compact_receive_plain",
    "lib/compact_send",
    "lib/compact_send_plain",
    "lib/compact_serve",
    "lib/compact_settle",
    "lib/compact_take",
    "lib/gate",
    "lib/registry",
    "lib/serve_begin",
    "lib/serve_end",
    "lib/subscriptions",
    "lib/time",
    "lib/tta",
    "lib/tta_back",
    "lib/tta_receive_plain",
    "lib/tta_send",
    "lib/tta_send_plain",
    "lib/tta_serve",
    "lib/tta_take",
    "lib/waiters",
    "compact/ack",
    "compact/bury",
    "compact/cancel",
    "compact/dead_letters",
    "compact/extend",
    "compact/find",
    "compact/forward",
    "compact/nack",
    "compact/pause",
    "compact/peek",
    "compact/publish",
    "compact/purge",
    "compact/receipts",
    "compact/receive",
    "compact/reconcile",
    "compact/recover",
    "compact/redrive",
    "compact/release",
    "compact/send",
    "compact/stats",
    "compact/subscribe",
    "compact/unsubscribe",
    "compact/unwait",
    "compact/wait",
    "compact/why",
    "tta/ack",
    "tta/cancel",
    "tta/extend",
    "tta/forward",
    "tta/nack",
    "tta/pause",
    "tta/peek",
    "tta/purge",
    "tta/receive",
    "tta/reconcile",
    "tta/recover",
    "tta/redrive",
    "tta/release",
    "tta/send",
    "tta/stats",
    "tta/wait",
    "tta/why",
    "registry/bury",
    "registry/capabilities",
    "registry/deregister",
    "registry/discover",
    "registry/events",
    "registry/heartbeat",
    "registry/list",
    "registry/names",
    "registry/register",
    "breaker/acquire",
    "breaker/control",
    "breaker/count",
    "breaker/observe",
    "breaker/settle",
    "breaker/vote",
];

#[cfg(test)]
mod tests {
    use super::*;

    /// A script that is not listed would be refused to restricted users.
    #[test]
    fn every_script_is_listed() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/scripts");
        for space in std::fs::read_dir(&root).unwrap() {
            let space = space.unwrap().path();
            for file in std::fs::read_dir(&space).unwrap() {
                let file = file.unwrap().path();
                let part =
                    |path: &std::path::Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
                let name = format!("{}/{}", part(&space), part(&file));
                assert!(SCRIPTS.iter().any(|(it, _)| *it == name), "add {name:?} to SCRIPTS");
            }
        }
    }

    #[test]
    fn nothing_dangerous_is_needed() {
        for role in Role::ALL {
            for layout in [KeyLayout::Compact, KeyLayout::Tta] {
                let commands = role.commands(layout);
                for refused in ["flushall", "flushdb", "keys", "config", "acl", "client", "debug"] {
                    assert!(!commands.contains(refused), "{role:?} {layout}: {refused}");
                }
            }
        }
    }
}
