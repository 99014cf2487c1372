//! How long commands take: the slow log, latency events and histograms. Always in real time.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;

use super::command::flag;
use super::dispatch::Found;
use super::session::SessionId;
use super::state::State;

/// Most arguments an entry of the slow log shows.
const MAX_ARGS: usize = 32;
/// Most bytes it shows of an argument.
const MAX_ARG: usize = 128;
/// Samples kept of a latency event.
const MAX_SAMPLES: usize = 160;

/// Slow commands and latency events.
#[derive(Debug, Default)]
pub(crate) struct Slow {
    /// The latest first.
    pub(crate) log: VecDeque<SlowCommand>,
    next_id: i64,
    pub(crate) events: BTreeMap<&'static str, LatencyEvent>,
}

/// An entry of the slow log.
#[derive(Debug)]
pub(crate) struct SlowCommand {
    pub(crate) id: i64,
    /// Seconds since 1970.
    pub(crate) at: u64,
    pub(crate) took: Duration,
    pub(crate) args: Vec<Bytes>,
    pub(crate) peer: String,
    pub(crate) name: Bytes,
}

/// What LATENCY knows of one kind of event.
#[derive(Debug, Default)]
pub(crate) struct LatencyEvent {
    /// Seconds since 1970 and the longest time in that second, in milliseconds.
    pub(crate) samples: VecDeque<(u64, u64)>,
    pub(crate) longest_ms: u64,
}

/// How often a command took how long.
#[derive(Debug, Clone, Default)]
pub(crate) struct Histogram {
    pub(crate) calls: u64,
    /// By the power of two of microseconds that is not exceeded.
    counts: BTreeMap<u32, u64>,
}

impl Histogram {
    fn note(&mut self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
        self.calls += 1;
        *self.counts.entry(64 - (us - 1).leading_zeros()).or_default() += 1;
    }

    /// Microseconds, and how many calls took at most so long.
    pub(crate) fn buckets(&self) -> impl Iterator<Item = (u64, u64)> {
        let mut sum = 0;
        self.counts.iter().map(move |(power, count)| {
            sum += count;
            (1_u64.checked_shl(*power).unwrap_or(u64::MAX), sum)
        })
    }

    /// Microseconds within which so many percent of the calls were done.
    pub(crate) fn percentile(&self, percent: f64) -> u64 {
        let wanted = self.calls as f64 * percent / 100.0;
        let bucket = self.buckets().find(|(_, sum)| *sum as f64 >= wanted);
        bucket.map_or(0, |(us, _)| us)
    }
}

impl Slow {
    /// Notes an event that took at least as long as the threshold.
    fn note(&mut self, event: &'static str, second: u64, ms: u64) {
        let event = self.events.entry(event).or_default();
        event.longest_ms = event.longest_ms.max(ms);
        match event.samples.back_mut() {
            Some((at, longest)) if *at == second => *longest = ms.max(*longest),
            _ => {
                if event.samples.len() == MAX_SAMPLES {
                    event.samples.pop_front();
                }
                event.samples.push_back((second, ms));
            }
        }
    }

    /// Keeps the latest `most` entries.
    pub(crate) fn trim(&mut self, most: usize) {
        self.log.truncate(most);
    }
}

impl State {
    /// Notes how long a command took.
    pub(crate) fn note_time(
        &mut self,
        id: SessionId,
        found: Found,
        args: &[Bytes],
        took: Duration,
    ) {
        let call = (found.parent, found.command.name);
        self.stats.of(found).usec += u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if self.config.speed.tracks {
            self.stats.times.entry(call).or_default().note(took);
        }
        let event = if found.command.has(flag::FAST) { "fast-command" } else { "command" };
        self.note_latency(event, took);
        let slow = u128::try_from(self.config.speed.slow_us).is_ok_and(|us| took.as_micros() >= us);
        if slow && self.config.speed.slow_len > 0 && !hidden(found) {
            let (peer, name) = self.sessions.get(&id).map_or_else(Default::default, |session| {
                (session.peer.clone(), session.name.clone())
            });
            let at = self.now_us / 1_000_000;
            let args = shown(found, args);
            let id = self.slow.next_id;
            self.slow.next_id += 1;
            self.slow.log.push_front(SlowCommand { id, at, took, args, peer, name });
            self.slow.trim(self.config.speed.slow_len);
        }
    }

    /// Notes something that took time, if it was long enough.
    pub(crate) fn note_latency(&mut self, event: &'static str, took: Duration) {
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let threshold = self.config.speed.latency_ms;
        if threshold > 0 && ms >= threshold {
            self.slow.note(event, self.now_us / 1_000_000, ms);
        }
    }
}

/// Commands the slow log never shows: what they run is shown, or they carry passwords.
fn hidden(found: Found) -> bool {
    found.parent.is_none() && matches!(found.command.name, "exec" | "auth" | "hello")
}

/// Whether an argument is a password or part of one; logs and monitors do not show it.
pub(crate) fn is_secret(found: Found, args: &[Bytes], at: usize) -> bool {
    let is = |at: usize, word: &str| {
        args.get(at).is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()))
    };
    // What follows a word such as AUTH so many arguments back.
    let after = |word: &str, back: usize| at.checked_sub(back).is_some_and(|at| is(at, word));
    match (found.parent, found.command.name) {
        (None, "auth") => at >= 1,
        (None, "hello") => at > 2 && (after("AUTH", 1) || after("AUTH", 2)),
        (None, "migrate") => at > 6 && (after("AUTH", 1) || after("AUTH2", 1) || after("AUTH2", 2)),
        (Some("acl"), "setuser") => at >= 2,
        (Some("config"), "set") => {
            let secrets = ["masterauth", "masteruser", "requirepass"];
            at % 2 == 1 && at > 2 && secrets.iter().any(|name| is(at - 1, name))
        }
        _ => false,
    }
}

/// Arguments as the slow log shows them: passwords hidden, the rest cut.
fn shown(found: Found, args: &[Bytes]) -> Vec<Bytes> {
    let fits = args.len() <= MAX_ARGS;
    let kept = if fits { args.len() } else { MAX_ARGS - 1 };
    let cut = args[..kept].iter().enumerate().map(|(at, arg)| match arg.len() {
        _ if is_secret(found, args, at) => Bytes::from_static(b"(redacted)"),
        ..=MAX_ARG => arg.clone(),
        len => {
            let more = format!("... ({} more bytes)", len - MAX_ARG);
            [&arg[..MAX_ARG], more.as_bytes()].concat().into()
        }
    });
    let more = (!fits).then(|| format!("... ({} more arguments)", args.len() - kept).into());
    cut.chain(more).collect()
}
