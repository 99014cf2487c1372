//! Looking at the original's data before agents move over; changes nothing.

use std::collections::BTreeMap;

use coord_core::{
    AdminError, AgentId, BackendError, BackendErrorKind, MailboxPolicy, MailboxStats,
    MessageCoordinator, QueueMessage, Unsupported,
};
use redis::{Cmd, FromRedisValue, from_redis_value};

use crate::coordinator::RedisMessageCoordinator;
use crate::doctor::{Finding, MAX_MAILBOXES, Severity};
use crate::error::running;
use crate::keys::MailboxKeys;
use crate::layout::KeyLayout;

/// How many messages of a mailbox are read at most.
const MAX_READ: usize = 10_000;
/// How many at once.
const PAGE: usize = 100;

impl RedisMessageCoordinator {
    /// Looks at the original's mailboxes for what would be a problem when agents move over: all
    /// that [`diagnose`](Self::diagnose) looks at, and besides it the checks `instances`,
    /// `types` (any but `known_types`), `entries`, `expired`, `capacity` and `usage`.
    ///
    /// Changes nothing. Reads at most 1000 mailboxes, and 10 000 messages of each.
    ///
    /// # Errors
    /// [`AdminError::Unsupported`] on another layout than [`KeyLayout::Tta`];
    /// [`AdminError::Backend`] if the server cannot be reached.
    pub async fn check_migration(&self, known_types: &[&str]) -> Result<Vec<Finding>, AdminError> {
        let (_, layout, prefix) = self.place();
        if layout != KeyLayout::Tta {
            let (feature, place) = ("checking a migration", "on the compact layout");
            return Err(Unsupported { feature, place }.into());
        }
        let mut findings = self.diagnose().await?;
        let all = self.mailboxes().await?;
        let looked = all.len().min(MAX_MAILBOXES);
        let (readable, odd): (Vec<_>, Vec<_>) =
            all.iter().take(MAX_MAILBOXES).partition(|agent| agent.check().is_ok());
        let mut found = Vec::new();
        for agent in odd {
            found.push(self.of_instance(agent).await?);
        }
        let mut bytes = 0;
        let mut messages = 0;
        for agent in readable {
            let stats = self.mailbox_stats(agent).await?;
            messages += stats.depth + stats.dead;
            bytes += self.memory_of(agent).await?.unwrap_or(0);
            found.extend(of_type(agent, known_types));
            found.extend(of_capacity(agent, &stats));
            found.extend(self.of_entries(agent).await?);
            found.extend(self.of_expired(agent, &stats).await?);
        }
        for check in ["instances", "types", "entries", "expired", "capacity"] {
            if !found.iter().any(|it| it.check == check) {
                let said = format!("nothing wrong in {looked} of {} mailboxes", all.len());
                found.push(finding(check, prefix, Severity::Ok, said, None));
            }
        }
        let said = format!("{looked} mailboxes with {messages} messages take {bytes} bytes");
        found.push(finding("usage", prefix, Severity::Ok, said, None));
        // By check, those of one check as they were found.
        let order: BTreeMap<&str, usize> =
            ["instances", "types", "entries", "expired", "capacity", "usage"]
                .into_iter()
                .zip(0..)
                .collect();
        found.sort_by_key(|it| order.get(it.check).copied());
        findings.extend(found);
        Ok(findings)
    }

    /// A mailbox whose name the keys do not tell apart from others.
    async fn of_instance(&self, agent: &AgentId) -> Result<Finding, BackendError> {
        let (_, layout, prefix) = self.place();
        let keys = MailboxKeys { layout, prefix, agent };
        let length = redis::cmd("LLEN").arg(keys.part("queue")).take();
        let messages: u64 = self.answer("LLEN", &length).await?.unwrap_or(0);
        let why = agent.check().err().map_or_else(String::new, |why| format!(": {why}"));
        let found = format!("{messages} messages in a mailbox that cannot be addressed{why}");
        let advice = "empty it with the Python side and give the agent another instance name \
                      there: colons and braces cannot be told from those of the keys";
        let subject = agent.to_string();
        Ok(finding("instances", &subject, Severity::Problem, found, Some(advice)))
    }

    /// Messages that no reader understands.
    async fn of_entries(&self, agent: &AgentId) -> Result<Option<Finding>, BackendError> {
        let (_, layout, prefix) = self.place();
        let queue = MailboxKeys { layout, prefix, agent }.part("queue");
        let (mut read, mut unreadable, mut first) = (0, 0, String::new());
        while read < MAX_READ {
            let range = redis::cmd("LRANGE").arg(&queue).arg(read).arg(read + PAGE - 1).take();
            let page: Vec<Vec<u8>> = self.answer("LRANGE", &range).await?.unwrap_or_default();
            if page.is_empty() {
                break;
            }
            read += page.len();
            for poison in page.iter().filter_map(|json| QueueMessage::from_wire(json).err()) {
                unreadable += 1;
                if first.is_empty() {
                    poison.reason().clone_into(&mut first);
                }
            }
        }
        let found = format!("{unreadable} of {read} messages cannot be read, the first: {first}");
        let advice = "a Rust consumer moves them to the dead-letter queue and goes on; a Python \
                      consumer stops at each: look for who writes them";
        let subject = agent.to_string();
        let said = || finding("entries", &subject, Severity::Warning, found, Some(advice));
        Ok((unreadable > 0).then(said))
    }

    /// Reservations that expired and that nobody took back.
    async fn of_expired(
        &self,
        agent: &AgentId,
        stats: &MailboxStats,
    ) -> Result<Option<Finding>, BackendError> {
        let (_, layout, prefix) = self.place();
        let deadlines = MailboxKeys { layout, prefix, agent }.part("reserved_deadlines");
        let now = stats.now.as_micros();
        let count = redis::cmd("ZCOUNT").arg(deadlines).arg("-inf").arg(now).take();
        let expired: u64 = self.answer("ZCOUNT", &count).await?.unwrap_or(0);
        let found = format!("{expired} of {} reservations expired", stats.reserved);
        let advice = "coord recover: the Python side does it only when it is told to";
        let subject = agent.to_string();
        let said = || finding("expired", &subject, Severity::Warning, found, Some(advice));
        Ok((expired > 0).then(said))
    }

    /// How many bytes the keys of a mailbox take; none if the user may not ask.
    async fn memory_of(&self, agent: &AgentId) -> Result<Option<u64>, BackendError> {
        let (_, layout, prefix) = self.place();
        let parts = ["queue", "sched", "reserved", "reserved_deadlines", "dlq", "subs"];
        let mut sum = 0;
        for key in (MailboxKeys { layout, prefix, agent }).parts(&parts) {
            let usage = redis::cmd("MEMORY").arg("USAGE").arg(key).take();
            match self.answer::<Option<u64>>("MEMORY USAGE", &usage).await? {
                Some(bytes) => sum += bytes.unwrap_or(0),
                None => return Ok(None),
            }
        }
        Ok(Some(sum))
    }

    /// The answer of the server that has the prefix; none if the user may not ask.
    async fn answer<T: FromRedisValue>(
        &self,
        what: &str,
        command: &Cmd,
    ) -> Result<Option<T>, BackendError> {
        let (lane, _, prefix) = self.place();
        // On a cluster the prefix is a hash tag: everything lies where it does.
        match lane.command_at(prefix, what, command).await {
            Err(error) if error.kind() == BackendErrorKind::Denied => Ok(None),
            Err(error) => Err(error),
            Ok(value) => from_redis_value(value).map(Some).map_err(|e| running(what, e.into())),
        }
    }
}

fn finding(
    check: &'static str,
    subject: &str,
    severity: Severity,
    found: String,
    advice: Option<&'static str>,
) -> Finding {
    Finding { check, subject: subject.to_owned(), severity, found, advice }
}

fn of_type(agent: &AgentId, known_types: &[&str]) -> Option<Finding> {
    let kind = agent.agent_type();
    if known_types.contains(&kind) {
        return None;
    }
    let found = format!("the type {kind} is none of {}", known_types.join(", "));
    let advice = "the Python side's recovery of all mailboxes passes it over: name the agent when \
                  you recover there";
    Some(finding("types", &agent.to_string(), Severity::Warning, found, Some(advice)))
}

fn of_capacity(agent: &AgentId, stats: &MailboxStats) -> Option<Finding> {
    let limit = MailboxPolicy::new().queue_size();
    if stats.depth < limit {
        return None;
    }
    let found = format!("full: {} messages, and {limit} is the default capacity", stats.depth);
    let advice = "consume first; coord reconcile removes what only looks like messages";
    Some(finding("capacity", &agent.to_string(), Severity::Warning, found, Some(advice)))
}
