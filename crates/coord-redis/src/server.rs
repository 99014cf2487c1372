//! What is checked when a coordinator starts: the server, and whose data lies there.

use std::fmt;

use coord_core::{BackendError, BackendErrorKind};
use redis::{Value, from_redis_value_ref};

use crate::connection::CommandLane;
use crate::error;
use crate::keys::{escape_glob, layout_marker};
use crate::layout::KeyLayout;

/// The oldest Redis this library works with.
const MIN_VERSION: (u32, u32) = (6, 2);
/// The version of the compact data model.
const DATA_MODEL: &str = "compact:1";
/// How many rounds of SCAN, a thousand keys each, look for the other layout's keys at most.
const SCAN_ROUNDS: usize = 20;

/// Something about the server that endangers the data.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerWarning {
    /// The server evicts keys when memory is short: messages would be lost.
    Evicts {
        /// The value of `maxmemory-policy`.
        policy: String,
    },
}

impl fmt::Display for ServerWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Evicts { policy } => write!(
                f,
                "the server evicts keys when memory is short (maxmemory-policy {policy}): messages \
                 could be lost; set maxmemory-policy noeviction"
            ),
        }
    }
}

/// Checks version and settings of every master.
pub(crate) async fn check_server(lane: &CommandLane) -> Result<Vec<ServerWarning>, BackendError> {
    let mut warnings = Vec::new();
    for (address, reply) in lane.command_everywhere("INFO", &redis::cmd("INFO")).await? {
        let info: String =
            from_redis_value_ref(&reply).map_err(|e| error::running("INFO", e.into()))?;
        warnings.extend(check_info(lane, &address, &info)?);
    }
    warnings.dedup();
    Ok(warnings)
}

fn check_info(
    lane: &CommandLane,
    address: &str,
    info: &str,
) -> Result<Option<ServerWarning>, BackendError> {
    let unsupported = |message| Err(BackendError::new(BackendErrorKind::Unsupported, message));
    let version = field(info, "redis_version").unwrap_or("0.0");
    if parse_version(version) < MIN_VERSION {
        let (major, minor) = MIN_VERSION;
        return unsupported(format!(
            "the server at {address} is version {version}, at least {major}.{minor} is needed; \
             upgrade it or choose another one"
        ));
    }
    if !lane.is_cluster() && field(info, "redis_mode") == Some("cluster") {
        return unsupported(format!(
            "the server at {address} is a node of a cluster, but one server was asked for; \
             give the nodes of the cluster (from_cluster_urls; several URLs on the command line)"
        ));
    }
    let policy = field(info, "maxmemory_policy").unwrap_or("noeviction");
    // Volatile policies only touch keys with a TTL, which no mailbox key has.
    let evicts = policy.starts_with("allkeys");
    Ok(evicts.then(|| ServerWarning::Evicts { policy: policy.to_owned() }))
}

/// Makes sure that the prefix holds this layout, in this version, or nothing yet.
pub(crate) async fn check_layout(
    lane: &CommandLane,
    layout: KeyLayout,
    prefix: &str,
) -> Result<(), BackendError> {
    let marker = layout_marker(prefix);
    let get = redis::cmd("GET").arg(&marker).take();
    let found = text(&lane.command("GET", &get).await?);
    match (layout, found) {
        (KeyLayout::Tta, None) => Ok(()),
        (KeyLayout::Compact, Some(found)) if found == DATA_MODEL => Ok(()),
        (KeyLayout::Compact, None) => {
            // On a cluster the other layout has braces in its prefix, and this one has none.
            if lane.is_cluster() {
                return claim(lane, prefix).await;
            }
            if let Some(key) = original_key(lane, prefix).await? {
                return Err(incompatible(layout, prefix, &format!("the tta layout ({key})")));
            }
            claim(lane, prefix).await
        }
        (_, Some(found)) => {
            let whose = found.replace(':', " layout, data model version ");
            Err(incompatible(layout, prefix, &format!("the {whose}")))
        }
    }
}

/// Marks a prefix as one of the compact layout, unless it is marked already.
pub(crate) async fn claim(lane: &CommandLane, prefix: &str) -> Result<(), BackendError> {
    let marker = layout_marker(prefix);
    let claim = redis::cmd("SET").arg(marker).arg(DATA_MODEL).arg("NX").take();
    lane.command("SET", &claim).await.map(drop)
}

fn incompatible(layout: KeyLayout, prefix: &str, found: &str) -> BackendError {
    let message = format!(
        "the prefix {prefix:?} holds data of {found}, but the {layout} layout (data model {DATA_MODEL}) \
         was asked for; choose that layout, another prefix, or a matching version of this library"
    );
    BackendError::new(BackendErrorKind::Incompatible, message)
}

/// A key that only the original's layout makes, if there is one among the first keys.
async fn original_key(lane: &CommandLane, prefix: &str) -> Result<Option<String>, BackendError> {
    let pattern = format!("{}:*", escape_glob(prefix));
    let mut cursor = "0".to_owned();
    for _ in 0..SCAN_ROUNDS {
        let mut scan = redis::cmd("SCAN");
        scan.arg(&cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(1000);
        let reply = lane.command("SCAN", &scan).await?;
        let (next, keys): (String, Vec<String>) =
            from_redis_value_ref(&reply).map_err(|e| error::running("SCAN", e.into()))?;
        let original = keys.into_iter().find(|key| {
            let part = key[prefix.len() + 1..].split(':').next();
            matches!(part, Some("queue" | "sched" | "reserved" | "reserved_deadlines" | "dlq"))
        });
        if original.is_some() || next == "0" {
            return Ok(original);
        }
        cursor = next;
    }
    Ok(None)
}

fn text(value: &Value) -> Option<String> {
    from_redis_value_ref(value).ok().flatten()
}

pub(crate) fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

pub(crate) fn parse_version(text: &str) -> (u32, u32) {
    let mut parts = text.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert!(parse_version("6.0.16") < MIN_VERSION);
        assert!(parse_version("7.0.15") >= MIN_VERSION);
        assert!(parse_version("10.1") >= MIN_VERSION);
        assert_eq!(field("a:1\r\nredis_version:7.0.15\r\n", "redis_version"), Some("7.0.15"));
    }
}
