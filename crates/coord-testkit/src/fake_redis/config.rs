//! The settings of CONFIG GET and CONFIG SET.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use super::notify;
use super::number::parse_i64;
use super::settings::{HIDDEN, Kind, SETTINGS};
use super::types::Limits;

/// All settings. A few change how the server behaves; the others are only remembered.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// `requirepass`; empty asks for none.
    pub(crate) password: Bytes,
    /// `notify-keyspace-events`.
    pub(crate) notify: u32,
    /// `busy-reply-threshold`: when a script counts as busy. `Duration::MAX` where it is set to 0,
    /// which means never.
    pub(crate) busy_after: Duration,
    /// Sizes up to which collections are packed.
    pub(crate) limits: Limits,
    pub(crate) speed: Speed,
    /// `lazyfree-lazy-user-del` and everything else that has no effect here.
    rest: BTreeMap<&'static str, String>,
}

/// What is kept of how long commands take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Speed {
    /// `slowlog-log-slower-than`, microseconds; negative for never.
    pub(crate) slow_us: i64,
    /// `slowlog-max-len`.
    pub(crate) slow_len: usize,
    /// `latency-monitor-threshold`, milliseconds; 0 for never.
    pub(crate) latency_ms: u64,
    /// `latency-tracking`.
    pub(crate) tracks: bool,
}

impl Default for Speed {
    fn default() -> Self {
        Self { slow_us: 10_000, slow_len: 128, latency_ms: 0, tracks: true }
    }
}

impl Default for Config {
    fn default() -> Self {
        let rest = known().map(|(name, default, _)| (*name, (*default).to_owned())).collect();
        Self {
            password: Bytes::new(),
            notify: 0,
            busy_after: Duration::from_secs(5),
            limits: Limits::default(),
            speed: Speed::default(),
            rest,
        }
    }
}

fn known() -> impl Iterator<Item = &'static (&'static str, &'static str, Kind)> {
    SETTINGS.iter().chain(HIDDEN)
}

/// Whether a setting is shown only when it is named.
pub(crate) fn is_hidden(name: &str) -> bool {
    HIDDEN.iter().any(|(hidden, ..)| *hidden == name)
}

/// Settings with two names.
const ALIASES: [(&str, &str); 6] = [
    ("lua-time-limit", "busy-reply-threshold"),
    ("hash-max-ziplist-entries", "hash-max-listpack-entries"),
    ("hash-max-ziplist-value", "hash-max-listpack-value"),
    ("zset-max-ziplist-entries", "zset-max-listpack-entries"),
    ("zset-max-ziplist-value", "zset-max-listpack-value"),
    ("list-max-ziplist-size", "list-max-listpack-size"),
];

/// Values of `maxmemory-policy`.
const POLICIES: [&str; 8] = [
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
    "noeviction",
];

fn aliases(name: &str) -> impl Iterator<Item = &'static str> {
    ALIASES.iter().filter_map(move |(a, b)| match name {
        _ if *a == name => Some(*b),
        _ if *b == name => Some(*a),
        _ => None,
    })
}

impl Config {
    /// Every setting with its value.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, String)> {
        let special = [
            ("requirepass", String::from_utf8_lossy(&self.password).into_owned()),
            ("notify-keyspace-events", notify::format(self.notify)),
            ("save", self.rest.get("save").cloned().unwrap_or_default()),
            ("dir", self.rest.get("dir").cloned().unwrap_or_else(|| "/".to_owned())),
        ];
        let special = special.into_iter().filter(|(name, _)| !self.rest.contains_key(name));
        special.chain(self.rest.iter().map(|(name, value)| (*name, value.clone())))
    }

    /// The number of a setting, 0 if it is none.
    pub(crate) fn number(&self, name: &str) -> i64 {
        self.rest.get(name).and_then(|value| value.parse().ok()).unwrap_or(0)
    }

    /// The text of a setting, empty if there is none.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.rest.get(name).map_or("", String::as_str)
    }

    /// True if there is such a setting.
    pub(crate) fn knows(name: &str) -> bool {
        matches!(name, "requirepass" | "notify-keyspace-events" | "save" | "dir")
            || known().any(|(known, ..)| *known == name)
    }

    fn set_speed(&mut self, name: &str, text: &str) {
        match name {
            "slowlog-log-slower-than" => self.speed.slow_us = text.parse().unwrap_or(-1),
            "slowlog-max-len" => self.speed.slow_len = text.parse().unwrap_or(0),
            "latency-monitor-threshold" => self.speed.latency_ms = text.parse().unwrap_or(0),
            "latency-tracking" => self.speed.tracks = text == "yes",
            _ => {}
        }
    }

    /// Sets one setting (its name in lower case). The error is the reason Redis gives.
    pub(crate) fn set(&mut self, name: &str, value: &[u8]) -> Result<(), String> {
        let text = String::from_utf8_lossy(value).into_owned();
        match name {
            "requirepass" => self.password = Bytes::copy_from_slice(value),
            "notify-keyspace-events" => {
                self.notify = notify::parse(value)
                    .ok_or("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")?;
            }
            "save" => {
                self.rest.insert("save", text);
            }
            "dir" => {
                self.rest.insert("dir", text);
            }
            _ => {
                let setting = known().find(|(known, ..)| *known == name);
                let Some((name, _, kind)) = setting else {
                    return Err("Unknown option".into());
                };
                let mut text = checked(*kind, &text)?;
                if *name == "latency-tracking-info-percentiles" {
                    let texts = percentiles(&text)?.into_iter().map(|percent| percent.to_string());
                    text = texts.collect::<Vec<_>>().join(" ");
                }
                if *name == "maxmemory-policy" && !POLICIES.contains(&text.as_str()) {
                    return Err(format!(
                        "argument(s) must be one of the following: {}",
                        POLICIES.join(", ")
                    ));
                }
                if *name == "busy-reply-threshold" || *name == "lua-time-limit" {
                    let after = text.parse().map_or(Duration::from_secs(5), Duration::from_millis);
                    self.busy_after = if after.is_zero() { Duration::MAX } else { after };
                }
                if let Ok(number) = text.parse() {
                    self.limits.set(name, number);
                }
                self.set_speed(name, &text);
                for other in aliases(name) {
                    self.rest.insert(other, text.clone());
                }
                self.rest.insert(name, text);
            }
        }
        Ok(())
    }
}

/// The percentiles of `latency-tracking-info-percentiles`.
pub(crate) fn percentiles(text: &str) -> Result<Vec<f64>, String> {
    let parse = |word: &str| {
        let percent: f64 = word
            .parse()
            .map_err(|_| "Invalid latency-tracking-info-percentiles parameters".to_owned())?;
        if (0.0..=100.0).contains(&percent) {
            return Ok(percent);
        }
        Err("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]"
            .to_owned())
    };
    text.split_ascii_whitespace().map(parse).collect()
}

fn checked(kind: Kind, text: &str) -> Result<String, String> {
    match kind {
        Kind::Text => Ok(text.to_owned()),
        Kind::Immutable => Err("can't set immutable config".into()),
        Kind::Switch => match text.to_ascii_lowercase().as_str() {
            on @ ("yes" | "no") => Ok(on.to_owned()),
            _ => Err("argument must be 'yes' or 'no'".into()),
        },
        Kind::Integer => parse_i64(text.as_bytes())
            .map(|number| number.to_string())
            .ok_or_else(|| "argument couldn't be parsed into an integer".into()),
        Kind::Share if text.ends_with('%') => match text.trim_end_matches('%').parse::<u64>() {
            Ok(0..=100) => Ok(text.to_owned()),
            Ok(_) => Err("percentage argument must be less or equal to 100".into()),
            Err(_) => Err("argument must be a memory or percent value".into()),
        },
        Kind::Share => memory(text)
            .map(|bytes| bytes.to_string())
            .ok_or_else(|| "argument must be a memory or percent value".into()),
        Kind::Memory => memory(text)
            .map(|bytes| bytes.to_string())
            .ok_or_else(|| "argument must be a memory value".into()),
    }
}

/// Bytes with a unit: `k` counts by 1000, `kb` by 1024.
fn memory(text: &str) -> Option<u64> {
    let text = text.to_ascii_lowercase();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match &text[digits.len()..] {
        "" | "b" => 1,
        "k" => 1000,
        "kb" => 1024,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}
