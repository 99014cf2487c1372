//! INFO.

use std::fmt::Write as _;

use crate::fake_redis::call::Call;
use crate::fake_redis::config::percentiles;
use crate::fake_redis::failure::Failure;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::state::{CallStats, State};

/// Sections in their order, with whether INFO shows them unasked.
const SECTIONS: [(&str, bool); 13] = [
    ("server", true),
    ("clients", true),
    ("memory", true),
    ("persistence", true),
    ("stats", true),
    ("replication", true),
    ("cpu", true),
    ("modules", true),
    ("commandstats", false),
    ("errorstats", true),
    ("latencystats", false),
    ("cluster", true),
    ("keyspace", true),
];

pub(crate) fn info(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let asked: Vec<Vec<u8>> = call.args[1..].iter().map(|arg| arg.to_ascii_lowercase()).collect();
    let asks = |name: &str| asked.iter().any(|word| word == name.as_bytes());
    let (all, default) = (asks("all") || asks("everything"), asked.is_empty() || asks("default"));
    let mut text = String::new();
    for (name, by_default) in SECTIONS {
        if all || (default && by_default) || asks(name) {
            if !text.is_empty() {
                text.push_str("\r\n");
            }
            section(call, name, &mut text);
        }
    }
    Ok(Reply::Verbatim("txt", text.into()))
}

fn section(call: &Call<'_>, name: &str, out: &mut String) {
    let state = &*call.state;
    let mut title = name.to_owned();
    title[..1].make_ascii_uppercase();
    let mut lines: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, value: &dyn std::fmt::Display| {
        lines.push((name.to_owned(), value.to_string()))
    };
    let uptime = call.now_us().saturating_sub(state.started_us) / 1_000_000;
    match name {
        "server" => {
            add("redis_version", &"7.0.15");
            add("redis_git_sha1", &"00000000");
            add("redis_git_dirty", &0);
            add("redis_build_id", &"0");
            add("redis_mode", &if state.is_cluster() { "cluster" } else { "standalone" });
            add("os", &"fake");
            add("arch_bits", &64);
            add("process_id", &std::process::id());
            add("run_id", &state.node_id(call.session().node));
            add("tcp_port", &state.port_of(call.session().node));
            add("server_time_usec", &call.now_us());
            add("uptime_in_seconds", &uptime);
            add("uptime_in_days", &(uptime / 86_400));
            add("hz", &10);
            add("configured_hz", &10);
            add("executable", &"coord-testkit");
            add("config_file", &"");
        }
        "clients" => clients(state, &mut add),
        "memory" => {
            let used = state.used_memory();
            add("used_memory", &used);
            add("used_memory_peak", &used);
            add("used_memory_dataset", &(used - 1_000_000));
            add("used_memory_lua", &32_768);
            add("used_memory_scripts_eval", &0);
            add("number_of_cached_scripts", &state.scripts.scripts.len());
            let libraries = &state.scripts.libraries;
            let functions: usize = libraries.values().map(|library| library.functions.len()).sum();
            add("number_of_functions", &functions);
            add("number_of_libraries", &libraries.len());
            add("maxmemory", &state.config.number("maxmemory"));
            add("maxmemory_policy", &state.config.text("maxmemory-policy"));
            add("lazyfree_pending_objects", &0);
            add("lazyfreed_objects", &state.stats.freed_lazily);
            add("mem_not_counted_for_evict", &0);
            add("mem_clients_slaves", &0);
            add("mem_clients_normal", &0);
            add("mem_allocator", &"estimate");
            add("allocator_allocated", &used);
            add("allocator_active", &used);
            add("allocator_resident", &used);
        }
        "persistence" => {
            add("loading", &0);
            add("rdb_changes_since_last_save", &state.dirty);
            add("rdb_bgsave_in_progress", &0);
            add("rdb_last_bgsave_status", &"ok");
            add("aof_enabled", &0);
            add("aof_rewrite_in_progress", &0);
        }
        "stats" => stats(state, &mut add),
        "replication" => {
            add("role", &state.role_name(call.session().node));
            if let Some((host, port)) = &state.replication.master {
                add("master_host", &String::from_utf8_lossy(host));
                add("master_port", port);
                add("master_link_status", &"down");
            }
            let followers = state.followers();
            add("connected_slaves", &(state.replicas() + followers.len() as i64));
            for (number, id) in followers.iter().enumerate() {
                let peer = state.sessions.get(id).map_or("", |session| session.peer.as_str());
                let ip = peer.rsplit_once(':').map_or(peer, |(ip, _)| ip);
                let offset = state.replication_offset();
                let line = format!("ip={ip},port=0,state=online,offset={offset},lag=0");
                add(&format!("slave{number}"), &line);
            }
            add("master_failover_state", &"no-failover");
            add("master_replid", &"0".repeat(40));
            add("master_repl_offset", &state.dirty);
        }
        "cpu" => {
            add("used_cpu_sys", &"0.000000");
            add("used_cpu_user", &"0.000000");
        }
        "commandstats" => {
            for ((parent, command), CallStats { calls, rejected, failed, usec }) in
                &state.stats.calls
            {
                let usage = format!(
                    "calls={calls},usec={usec},usec_per_call={:.2},rejected_calls={rejected},failed_calls={failed}",
                    *usec as f64 / (*calls).max(1) as f64
                );
                let parent = parent.map_or_else(String::new, |parent| format!("{parent}|"));
                add(&format!("cmdstat_{parent}{command}"), &usage);
            }
        }
        "errorstats" => {
            for (code, count) in &state.stats.errors {
                add(&format!("errorstat_{code}"), &format!("count={count}"));
            }
        }
        "latencystats" => latencies(state, &mut add),
        "cluster" => add("cluster_enabled", &i32::from(state.is_cluster())),
        "keyspace" => keyspace(state, call.session().node, &mut add),
        _ => {}
    }
    let _infallible = write!(out, "# {title}\r\n");
    for (name, value) in lines {
        let _infallible = write!(out, "{name}:{value}\r\n");
    }
}

fn latencies(state: &State, add: &mut Add<'_>) {
    let percents = percentiles(state.config.text("latency-tracking-info-percentiles"));
    let percents = percents.unwrap_or_default();
    if !state.config.speed.tracks {
        return;
    }
    for ((parent, command), times) in &state.stats.times {
        let parent = parent.map_or_else(String::new, |parent| format!("{parent}|"));
        let values = percents
            .iter()
            .map(|percent| format!("p{percent}={:.3}", times.percentile(*percent) as f64));
        let values = values.collect::<Vec<_>>().join(",");
        add(&format!("latency_percentiles_usec_{parent}{command}"), &values);
    }
}

type Add<'a> = dyn FnMut(&str, &dyn std::fmt::Display) + 'a;

fn clients(state: &State, add: &mut Add<'_>) {
    let blocked =
        state.sessions.values().filter(|session| session.blocked.is_some() || session.held).count();
    let tracking = state.sessions.values().filter(|session| session.tracking.is_some()).count();
    add("connected_clients", &state.sessions.len());
    add("cluster_connections", &0);
    add("maxclients", &state.config.number("maxclients"));
    add("blocked_clients", &blocked);
    add("tracking_clients", &tracking);
    add("clients_in_timeout_table", &blocked);
}

fn stats(state: &State, add: &mut Add<'_>) {
    let mut channels = std::collections::BTreeSet::new();
    let mut patterns = std::collections::BTreeSet::new();
    for session in state.sessions.values() {
        channels.extend(&session.channels);
        patterns.extend(&session.patterns);
    }
    add("total_connections_received", &state.stats.connections);
    add("total_commands_processed", &state.stats.commands);
    add("instantaneous_ops_per_sec", &0);
    add("rejected_connections", &state.stats.refused);
    add("expired_keys", &state.stats.expired);
    add("evicted_keys", &state.stats.evicted);
    add("keyspace_hits", &state.stats.hits);
    add("keyspace_misses", &state.stats.misses);
    add("pubsub_channels", &channels.len());
    add("pubsub_patterns", &patterns.len());
    let (keys, items) = state.tracking.sizes();
    let tracking = state.sessions.values().filter_map(|session| session.tracking.as_ref());
    let prefixes: usize = tracking
        .filter(|tracking| tracking.broadcast)
        .map(|tracking| tracking.prefixes.len().max(1))
        .sum();
    add("tracking_total_keys", &keys);
    add("tracking_total_items", &items);
    add("tracking_total_prefixes", &prefixes);
    add("migrate_cached_sockets", &0);
    add("total_error_replies", &state.stats.errors.values().sum::<u64>());
}

fn keyspace(state: &State, node: usize, add: &mut Add<'_>) {
    let own = |index: usize| !state.is_cluster() || index == node;
    for (index, db) in
        state.dbs.iter().enumerate().filter(|(index, db)| db.len() > 0 && own(*index))
    {
        let index = state.shown_db(index);
        let count = u64::try_from(db.with_expiry()).unwrap_or(0);
        let left: u64 = db.expiries().map(|at| at.saturating_sub(state.now_ms())).sum();
        let average = left.checked_div(count).unwrap_or(0);
        add(&format!("db{index}"), &format!("keys={},expires={count},avg_ttl={average}", db.len()));
    }
}
