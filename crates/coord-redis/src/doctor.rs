//! Looking at servers and data for what endangers them; changes nothing.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use coord_core::{AdminError, AgentId, BackendError, BackendErrorKind, MessageCoordinator};
use redis::{Cmd, Value, from_redis_value_ref};

use crate::coordinator::RedisMessageCoordinator;
use crate::error::running;
use crate::keys::{MailboxKeys, layout_marker};
use crate::layout::KeyLayout;
use crate::reply;
use crate::server::{field, parse_version};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// As it should be.
    Ok,
    /// It could not be looked at, or is a risk that somebody may have chosen.
    Warning,
    /// Messages are in danger, or stuck.
    Problem,
}

impl Severity {
    /// The name: `ok`, `warning` or `problem`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// What was checked: `version`, `eviction`, `persistence`, `memory`, `replication`, `acl`,
    /// `clock`, `layout`, `leaks` or `tokens`; before a migration also `instances`, `types`,
    /// `entries`, `expired`, `capacity` and `usage`.
    pub check: &'static str,
    /// The server, prefix or mailbox.
    pub subject: String,
    /// How bad it is.
    pub severity: Severity,
    /// What was found.
    pub found: String,
    /// What to do; none where nothing needs to be done.
    pub advice: Option<&'static str>,
}

/// How far clocks may be apart before times in messages mislead.
const MAX_SKEW: Duration = Duration::from_secs(1);
/// How full the memory may be, in percent.
const MAX_MEMORY_PERCENT: u64 = 80;
/// How many mailboxes are looked at.
pub(crate) const MAX_MAILBOXES: usize = 1_000;

impl RedisMessageCoordinator {
    /// Looks at every master and every mailbox (at most 1000) for what endangers messages.
    ///
    /// Changes nothing. What the user has no right to see is a finding, not an error.
    ///
    /// # Errors
    /// [`AdminError::Backend`] if the servers cannot be reached.
    pub async fn diagnose(&self) -> Result<Vec<Finding>, AdminError> {
        let mut findings = self.of_servers().await?;
        findings.push(self.of_user().await?);
        findings.push(self.of_clock().await?);
        findings.push(self.of_layout().await?);
        findings.extend(self.of_mailboxes().await?);
        Ok(findings)
    }

    async fn of_servers(&self) -> Result<Vec<Finding>, BackendError> {
        let (lane, ..) = self.place();
        let mut findings = Vec::new();
        for (address, reply) in lane.command_everywhere("INFO", &redis::cmd("INFO")).await? {
            let info: String =
                from_redis_value_ref(&reply).map_err(|e| running("INFO", e.into()))?;
            findings.extend(of_info(&address, &info));
        }
        Ok(findings)
    }

    async fn of_user(&self) -> Result<Finding, BackendError> {
        let whoami = redis::cmd("ACL").arg("WHOAMI").take();
        let (found, severity, advice) = match self.ask("ACL WHOAMI", &whoami).await? {
            Some(Value::BulkString(user)) if user == b"default" => (
                "user default, who usually may do everything".to_owned(),
                Severity::Warning,
                Some("make a user with the rights of docs/acl.md"),
            ),
            Some(user) => {
                let user: String = from_redis_value_ref(&user).unwrap_or_default();
                (format!("user {user}"), Severity::Ok, None)
            }
            None => ("a user who may not ask its name".to_owned(), Severity::Ok, None),
        };
        Ok(Finding { check: "acl", subject: self.address(), severity, found, advice })
    }

    async fn of_clock(&self) -> Result<Finding, BackendError> {
        let asked = Instant::now();
        let time = self.ask("TIME", &redis::cmd("TIME")).await?;
        let round_trip = asked.elapsed();
        let here = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let there = time.and_then(|time| from_redis_value_ref::<(u64, u64)>(&time).ok());
        let (found, severity) = match there {
            None => ("the server's time cannot be read".to_owned(), Severity::Warning),
            Some((seconds, micros)) => {
                let there = Duration::from_secs(seconds) + Duration::from_micros(micros);
                // The answer is about half a round trip old.
                let skew = here.abs_diff(there + round_trip / 2);
                let is_far = skew > MAX_SKEW + round_trip;
                let found = format!("{:.3} s apart from this machine", skew.as_secs_f64());
                (found, if is_far { Severity::Warning } else { Severity::Ok })
            }
        };
        let advice = "keep clocks in step (NTP): deadlines follow the server, times in messages \
                      this machine";
        let advice = (severity != Severity::Ok).then_some(advice);
        Ok(Finding { check: "clock", subject: self.address(), severity, found, advice })
    }

    async fn of_layout(&self) -> Result<Finding, BackendError> {
        let (_, layout, prefix) = self.place();
        let get = redis::cmd("GET").arg(layout_marker(prefix)).take();
        let marker = self.ask("GET", &get).await?;
        let marker: Option<String> = marker.and_then(|it| from_redis_value_ref(&it).ok().flatten());
        let found = match marker {
            Some(marker) => format!("{layout}, data model {marker}"),
            None => format!("{layout}, without a marker"),
        };
        // With another marker nobody would have connected.
        let (severity, advice) = (Severity::Ok, None);
        Ok(Finding { check: "layout", subject: prefix.to_owned(), severity, found, advice })
    }

    async fn of_mailboxes(&self) -> Result<Vec<Finding>, AdminError> {
        let mut findings = Vec::new();
        let all = self.mailboxes().await?;
        let (mut leaked, mut stuck) = (0, 0);
        for agent in all.iter().filter(|agent| agent.check().is_ok()).take(MAX_MAILBOXES) {
            let stats = self.mailbox_stats(agent).await?;
            let placed = stats.ready.high
                + stats.ready.normal
                + stats.ready.low
                + stats.delayed
                + stats.reserved;
            if stats.depth > placed {
                leaked += 1;
                findings.push(Finding {
                    check: "leaks",
                    subject: agent.to_string(),
                    severity: Severity::Problem,
                    found: format!(
                        "{} messages are counted but neither waiting nor reserved",
                        stats.depth - placed
                    ),
                    advice: Some(
                        "coord reconcile, if they stay: a peer crashed between two commands",
                    ),
                });
            }
            let tokens = self.stuck_tokens(agent).await?;
            if tokens > 0 {
                stuck += 1;
                findings.push(Finding {
                    check: "tokens",
                    subject: agent.to_string(),
                    severity: Severity::Problem,
                    found: format!("{tokens} reservations have no deadline and never come back"),
                    advice: Some("coord reconcile: a peer crashed between two commands"),
                });
            }
        }
        let looked = all.len().min(MAX_MAILBOXES);
        let (_, _, prefix) = self.place();
        for (check, count) in [("leaks", leaked), ("tokens", stuck)] {
            if count == 0 {
                let found = format!("none in {looked} of {} mailboxes", all.len());
                let (subject, severity) = (prefix.to_owned(), Severity::Ok);
                findings.push(Finding { check, subject, severity, found, advice: None });
            }
        }
        Ok(findings)
    }

    /// Reservations that no deadline takes back; on the compact layout none can be.
    async fn stuck_tokens(&self, agent: &AgentId) -> Result<u64, BackendError> {
        let (lane, layout, prefix) = self.place();
        if layout == KeyLayout::Compact {
            return Ok(0);
        }
        let keys = MailboxKeys { layout, prefix, agent };
        let count = async |name: &str, part: &str| {
            let command = redis::cmd(name).arg(keys.part(part)).take();
            reply::number(name, &lane.command(name, &command).await?)
        };
        // Deadlines first: what is reserved in between must not look stuck.
        let deadlines = count("ZCARD", "reserved_deadlines").await?;
        let reserved = count("HLEN", "reserved").await?;
        let again = count("ZCARD", "reserved_deadlines").await?;
        Ok(reserved.saturating_sub(deadlines.max(again)))
    }

    /// The answer; none if the user may not ask.
    async fn ask(&self, what: &str, command: &Cmd) -> Result<Option<Value>, BackendError> {
        let (lane, ..) = self.place();
        match lane.command(what, command).await {
            Err(error) if error.kind() == BackendErrorKind::Denied => Ok(None),
            answer => answer.map(Some),
        }
    }

    fn address(&self) -> String {
        self.place().0.address().to_owned()
    }
}

fn of_info(address: &str, info: &str) -> Vec<Finding> {
    let text = |name: &str| field(info, name).unwrap_or_default();
    let number = |name: &str| text(name).parse::<u64>().unwrap_or(0);
    let finding = |check, severity, found: String, advice: &'static str| Finding {
        check,
        subject: address.to_owned(),
        severity,
        found,
        advice: (severity != Severity::Ok).then_some(advice),
    };
    let when = |bad: bool, severity| if bad { severity } else { Severity::Ok };

    let version = text("redis_version");
    let is_old = parse_version(version) < (7, 0);
    let version = finding(
        "version",
        when(is_old, Severity::Warning),
        format!("{version}, {}", text("redis_mode")),
        "Redis 7 or later is what this library is tested with",
    );

    let policy = field(info, "maxmemory_policy").unwrap_or("noeviction");
    let eviction = finding(
        "eviction",
        when(policy.starts_with("allkeys"), Severity::Problem),
        policy.to_owned(),
        "set maxmemory-policy noeviction: messages would be lost",
    );

    let (aof, snapshots) = (text("aof_enabled") == "1", text("rdb_last_bgsave_status"));
    let fails = (aof && text("aof_last_write_status") == "err") || snapshots == "err";
    let persistence = if fails {
        let found = "the last write to the disk failed".to_owned();
        let advice = "look into the server's log: the disk may be full";
        finding("persistence", Severity::Problem, found, advice)
    } else if aof {
        finding("persistence", Severity::Ok, "append-only file".to_owned(), "")
    } else {
        let found = "no append-only file: a crash loses what came since the last snapshot";
        let advice = "set appendonly yes, unless the messages may be lost";
        finding("persistence", Severity::Warning, found.to_owned(), advice)
    };

    let (used, most) = (number("used_memory"), number("maxmemory"));
    let percent = used.saturating_mul(100).checked_div(most).unwrap_or(0);
    let found = match most {
        0 => format!("{used} bytes used, no limit set"),
        _ => format!("{used} of {most} bytes used, {percent} %"),
    };
    let advice = "a full server refuses sends: consume, purge dead letters, or raise maxmemory";
    let memory =
        finding("memory", when(percent > MAX_MEMORY_PERCENT, Severity::Problem), found, advice);

    let role = text("role");
    let replicas = text("connected_slaves");
    let replication = finding(
        "replication",
        when(role != "master", Severity::Problem),
        format!("{role}, {replicas} replicas"),
        "give the address of the master, or use sentinels",
    );
    vec![version, eviction, persistence, memory, replication]
}
