//! CONFIG.

use crate::fake_redis::call::Call;
use crate::fake_redis::command::{Command, Keys, flag};
use crate::fake_redis::config::{Config, is_hidden};
use crate::fake_redis::failure::Failure;
use crate::fake_redis::glob;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::state::Stats;

use super::help;
use flag::{ADMIN, LOADING, NOSCRIPT, STALE};

pub(crate) const CONFIG: &[Command] = &[
    Command::new("get", -3, ADMIN | NOSCRIPT | LOADING | STALE, Keys::None, get),
    Command::new("help", 2, LOADING | STALE, Keys::None, |_| {
        Ok(help("CONFIG", &["GET <pattern>", "SET <directive> <value>", "RESETSTAT", "REWRITE"]))
    }),
    Command::new("resetstat", 2, ADMIN | NOSCRIPT | LOADING | STALE, Keys::None, resetstat),
    Command::new("rewrite", 2, ADMIN | NOSCRIPT | LOADING | STALE, Keys::None, |_| {
        Err(Failure::fixed("ERR The server is running without a config file"))
    }),
    Command::new("set", -4, ADMIN | NOSCRIPT | LOADING | STALE, Keys::None, set),
];

fn get(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let patterns = &call.args[2..];
    let all = call.state.config.all();
    let hits = all.filter(|(name, _)| {
        patterns.iter().any(|pattern| match is_hidden(name) {
            true => pattern.eq_ignore_ascii_case(name.as_bytes()),
            false => glob::matches_with(pattern, name.as_bytes(), true),
        })
    });
    let port = call.state.port_of(call.session().node).to_string();
    let pairs = hits.map(|(name, value)| {
        let value = if name == "port" { &port } else { &value };
        (Reply::bulk(name), Reply::bulk(value))
    });
    Ok(Reply::Map(pairs.collect()))
}

fn set(call: &mut Call<'_>) -> Result<Reply, Failure> {
    if !call.args.len().is_multiple_of(2) {
        return Err(Failure::syntax());
    }
    let mut next = call.state.config.clone();
    let mut seen = Vec::new();
    for pair in call.args[2..].chunks_exact(2) {
        let name = String::from_utf8_lossy(&pair[0]).to_ascii_lowercase();
        if !Config::knows(&name) {
            return Err(Failure::new(format!(
                "ERR Unknown option or number of arguments for CONFIG SET - '{}'",
                String::from_utf8_lossy(&pair[0])
            )));
        }
        let failed = |reason: &str| {
            Failure::new(format!(
                "ERR CONFIG SET failed (possibly related to argument '{}') - {reason}",
                String::from_utf8_lossy(&pair[0])
            ))
        };
        if seen.contains(&name) {
            return Err(failed("duplicate parameter"));
        }
        next.set(&name, &pair[1]).map_err(|reason| failed(&reason))?;
        seen.push(name);
    }
    let port = call.state.port_of(call.session().node);
    if seen.iter().any(|name| name == "port") && next.number("port") != i64::from(port) {
        return Err(Failure::fixed(
            "ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port. The fake server keeps its port.",
        ));
    }
    call.state.slow.trim(next.speed.slow_len);
    if seen.iter().any(|name| name == "requirepass") {
        call.state.users.set_default_password(&next.password);
    }
    let busy_after = next.busy_after;
    let nodes = call.state.other_scripts.iter_mut();
    for scripts in nodes.chain(std::iter::once(&mut call.state.scripts)) {
        scripts.limits.busy_after = busy_after;
    }
    call.state.config = next;
    if seen.iter().any(|name| name == "maxmemory") {
        call.state.evict();
    }
    Ok(Reply::OK)
}

fn resetstat(call: &mut Call<'_>) -> Result<Reply, Failure> {
    call.state.stats = Stats::default();
    Ok(Reply::OK)
}
