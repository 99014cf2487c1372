//! SENTINEL: who is the master.

use crate::fake_redis::call::Call;
use crate::fake_redis::command::{Command, Family, Keys, flag};
use crate::fake_redis::failure::Failure;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::topology::{MASTER_NAME, Pair, SENTINEL_NODE, Topology};

use flag::ADMIN;

pub(crate) static FAMILY: Family =
    Family { group: "", commands: &[Command::container("sentinel", SENTINEL)] };

const SENTINEL: &[Command] = &[
    Command::new("ckquorum", 3, ADMIN, Keys::None, |call| {
        named(call)?;
        Ok(Reply::simple("OK 1 usable Sentinels. Quorum and failover authorization can be reached"))
    }),
    Command::new("failover", 3, ADMIN, Keys::None, |call| {
        named(call)?;
        call.state.fail_over(0, false);
        Ok(Reply::OK)
    }),
    Command::new("get-master-addr-by-name", 3, ADMIN, Keys::None, address),
    Command::new("master", 3, ADMIN, Keys::None, |call| {
        named(call)?;
        master(call)
    }),
    Command::new("masters", 2, ADMIN, Keys::None, |call| Ok(Reply::Array(vec![master(call)?]))),
    Command::new("myid", 2, ADMIN, Keys::None, |call| {
        Ok(Reply::bulk(call.state.node_id(SENTINEL_NODE)))
    }),
    Command::new("replicas", 3, ADMIN, Keys::None, replicas),
    Command::new("sentinels", 3, ADMIN, Keys::None, |call| {
        named(call)?;
        Ok(Reply::Array(Vec::new()))
    }),
    Command::new("slaves", 3, ADMIN, Keys::None, replicas),
];

/// What a sentinel answers to; everything else is an unknown command there.
pub(crate) const ON_SENTINEL: [&str; 17] = [
    "acl",
    "auth",
    "client",
    "command",
    "hello",
    "info",
    "ping",
    "psubscribe",
    "publish",
    "punsubscribe",
    "quit",
    "reset",
    "role",
    "sentinel",
    "subscribe",
    "unsubscribe",
    "config",
];

fn pair<'c>(call: &'c Call<'_>) -> Result<&'c Pair, Failure> {
    match &call.state.topology {
        Topology::Sentinel(pair) => Ok(pair),
        _ => Err(Failure::fixed("ERR this server is no sentinel")),
    }
}

fn named(call: &Call<'_>) -> Result<(), Failure> {
    if call.arg(2) == MASTER_NAME {
        Ok(())
    } else {
        Err(Failure::fixed("ERR No such master with that name"))
    }
}

fn address(call: &mut Call<'_>) -> Result<Reply, Failure> {
    if call.arg(2) != MASTER_NAME {
        return Ok(Reply::NullArray);
    }
    let port = call.state.port_of(pair(call)?.master);
    Ok(Reply::bulks(["127.0.0.1".to_owned(), port.to_string()]))
}

fn fields(pairs: &[(&str, String)]) -> Reply {
    Reply::Map(pairs.iter().map(|(name, value)| (Reply::bulk(name), Reply::bulk(value))).collect())
}

fn master(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let pair = pair(call)?;
    let replicas = i32::from(pair.down.is_none());
    Ok(fields(&[
        ("name", MASTER_NAME.into()),
        ("ip", "127.0.0.1".into()),
        ("port", call.state.port_of(pair.master).to_string()),
        ("runid", call.state.node_id(pair.master)),
        ("flags", "master".into()),
        ("link-pending-commands", "0".into()),
        ("link-refcount", "1".into()),
        ("last-ping-sent", "0".into()),
        ("last-ok-ping-reply", "0".into()),
        ("last-ping-reply", "0".into()),
        ("down-after-milliseconds", "30000".into()),
        ("info-refresh", "0".into()),
        ("role-reported", "master".into()),
        ("role-reported-time", "0".into()),
        ("config-epoch", pair.epoch.to_string()),
        ("num-slaves", replicas.to_string()),
        ("num-other-sentinels", "0".into()),
        ("quorum", "1".into()),
        ("failover-timeout", "180000".into()),
        ("parallel-syncs", "1".into()),
    ]))
}

fn replicas(call: &mut Call<'_>) -> Result<Reply, Failure> {
    named(call)?;
    let pair = pair(call)?;
    let node = 1 - pair.master;
    let down = pair.down == Some(node);
    let port = call.state.port_of(node);
    Ok(Reply::Array(vec![fields(&[
        ("name", format!("127.0.0.1:{port}")),
        ("ip", "127.0.0.1".into()),
        ("port", port.to_string()),
        ("runid", call.state.node_id(node)),
        ("flags", if down { "s_down,slave,disconnected".into() } else { "slave".into() }),
        ("link-pending-commands", "0".into()),
        ("link-refcount", "1".into()),
        ("role-reported", "slave".into()),
        ("master-link-status", if down { "err".into() } else { "ok".into() }),
        ("master-host", "127.0.0.1".into()),
        ("master-port", call.state.port_of(pair.master).to_string()),
        ("slave-priority", "100".into()),
        ("slave-repl-offset", "0".into()),
    ])]))
}
