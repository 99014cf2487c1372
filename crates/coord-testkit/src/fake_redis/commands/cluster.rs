//! CLUSTER, ASKING, READONLY and READWRITE.

use bytes::Bytes;

use crate::fake_redis::call::Call;
use crate::fake_redis::cluster::{Cluster, SLOTS, slot_of};
use crate::fake_redis::command::{Command, Family, Keys, flag};
use crate::fake_redis::failure::Failure;
use crate::fake_redis::number::parse_i64;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::topology::Topology;

use super::help;
use flag::{FAST, LOADING, STALE};

pub(crate) static FAMILY: Family = Family {
    group: "",
    commands: &[
        Command::container("cluster", CLUSTER),
        Command::new("asking", 1, FAST, Keys::None, |call| {
            cluster(call)?;
            call.session_mut().asking = true;
            Ok(Reply::OK)
        }),
        Command::new("readonly", 1, FAST | LOADING | STALE, Keys::None, |call| {
            cluster(call)?;
            call.session_mut().readonly = true;
            Ok(Reply::OK)
        }),
        Command::new("readwrite", 1, FAST | LOADING | STALE, Keys::None, |call| {
            cluster(call)?;
            call.session_mut().readonly = false;
            Ok(Reply::OK)
        }),
    ],
};

const CLUSTER: &[Command] = &[
    // The topology is fixed by the builder.
    Command::new("reset", -2, flag::ADMIN | flag::NOSCRIPT | STALE, Keys::None, |call| {
        cluster(call)?;
        Err(Failure::fixed("ERR the fake cluster cannot be reset"))
    }),
    Command::new("countkeysinslot", 3, STALE, Keys::None, count_keys),
    Command::new("getkeysinslot", 4, STALE, Keys::None, get_keys),
    Command::new("help", 2, LOADING | STALE, Keys::None, |_| {
        Ok(help(
            "CLUSTER",
            &[
                "COUNTKEYSINSLOT <slot>",
                "GETKEYSINSLOT <slot> <count>",
                "INFO",
                "KEYSLOT <key>",
                "MYID",
                "NODES",
                "SHARDS",
                "SLOTS",
            ],
        ))
    }),
    Command::new("info", 2, STALE, Keys::None, info),
    Command::new("keyslot", 3, STALE, Keys::None, |call| {
        cluster(call)?;
        Ok(Reply::Integer(i64::from(slot_of(call.arg(2)))))
    }),
    Command::new("myid", 2, STALE, Keys::None, |call| {
        cluster(call)?;
        Ok(Reply::bulk(call.state.node_id(call.session().node)))
    }),
    Command::new("nodes", 2, STALE, Keys::None, nodes),
    Command::new("replicas", 3, flag::ADMIN | STALE, Keys::None, |call| {
        cluster(call)?;
        Ok(Reply::Array(Vec::new()))
    }),
    Command::new("shards", 2, STALE, Keys::None, shards),
    Command::new("slots", 2, STALE, Keys::None, slots),
];

fn cluster<'c>(call: &'c Call<'_>) -> Result<&'c Cluster, Failure> {
    match &call.state.topology {
        Topology::Cluster(cluster) => Ok(cluster),
        _ => Err(Failure::fixed("ERR This instance has cluster support disabled")),
    }
}

fn slot(bytes: &[u8]) -> Result<u16, Failure> {
    let slot =
        parse_i64(bytes).and_then(|slot| u16::try_from(slot).ok()).filter(|slot| *slot < SLOTS);
    slot.ok_or(Failure::fixed("ERR Invalid slot"))
}

fn count_keys(call: &mut Call<'_>) -> Result<Reply, Failure> {
    cluster(call)?;
    let slot = slot(call.arg(2))?;
    Ok(Reply::len(call.state.keys_in_slot(call.session().node, slot).len()))
}

fn get_keys(call: &mut Call<'_>) -> Result<Reply, Failure> {
    cluster(call)?;
    let slot = slot(call.arg(2))?;
    let count = parse_i64(call.arg(3)).and_then(|count| usize::try_from(count).ok());
    let count = count.ok_or(Failure::fixed("ERR Invalid number of keys"))?;
    let keys: Vec<Bytes> = call.state.keys_in_slot(call.session().node, slot);
    Ok(Reply::Array(keys.into_iter().take(count).map(Reply::Bulk).collect()))
}

fn info(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let cluster = cluster(call)?;
    let text = format!(
        "cluster_enabled:1\r\ncluster_state:ok\r\ncluster_slots_assigned:{SLOTS}\r\ncluster_slots_ok:{SLOTS}\r\ncluster_slots_pfail:0\r\ncluster_slots_fail:0\r\ncluster_known_nodes:{nodes}\r\ncluster_size:{nodes}\r\ncluster_current_epoch:{epoch}\r\ncluster_my_epoch:{epoch}\r\ncluster_stats_messages_sent:0\r\ncluster_stats_messages_received:0\r\ntotal_cluster_links_buffer_limit_exceeded:0\r\n",
        nodes = cluster.nodes,
        epoch = cluster.epoch,
    );
    Ok(Reply::Verbatim("txt", text.into()))
}

fn nodes(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let cluster = cluster(call)?;
    let own = call.session().node;
    let mut text = String::new();
    for node in 0..cluster.nodes {
        let port = call.state.port_of(node);
        let flags = if node == own { "myself,master" } else { "master" };
        let mut line = format!(
            "{} 127.0.0.1:{port}@{} {flags} - 0 0 {} connected",
            call.state.node_id(node),
            u32::from(port) + 10_000,
            node + 1
        );
        for (first, last, _) in cluster.ranges().into_iter().filter(|range| range.2 == node) {
            line.push_str(&if first == last {
                format!(" {first}")
            } else {
                format!(" {first}-{last}")
            });
        }
        for (slot, to) in cluster.moving.iter().filter(|_| node == own) {
            if cluster.owner(*slot) == own {
                line.push_str(&format!(" [{slot}->-{}]", call.state.node_id(*to)));
            } else if *to == own {
                line.push_str(&format!(" [{slot}-<-{}]", call.state.node_id(cluster.owner(*slot))));
            }
        }
        text.push_str(&line);
        text.push('\n');
    }
    Ok(Reply::Verbatim("txt", text.into()))
}

fn slots(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let ranges = cluster(call)?.ranges();
    let items = ranges.into_iter().map(|(first, last, node)| {
        Reply::Array(vec![
            Reply::Integer(i64::from(first)),
            Reply::Integer(i64::from(last)),
            Reply::Array(vec![
                Reply::bulk("127.0.0.1"),
                Reply::Integer(i64::from(call.state.port_of(node))),
                Reply::bulk(call.state.node_id(node)),
                Reply::Array(Vec::new()),
            ]),
        ])
    });
    Ok(Reply::Array(items.collect()))
}

fn shards(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let cluster = cluster(call)?;
    let pair = |name: &str, value: Reply| (Reply::bulk(name), value);
    let shards = (0..cluster.nodes).map(|node| {
        let own = cluster.ranges().into_iter().filter(|range| range.2 == node);
        let slots = own
            .flat_map(|(first, last, _)| [first, last])
            .map(|slot| Reply::Integer(i64::from(slot)));
        let details = Reply::Map(vec![
            pair("id", Reply::bulk(call.state.node_id(node))),
            pair("port", Reply::Integer(i64::from(call.state.port_of(node)))),
            pair("ip", Reply::bulk("127.0.0.1")),
            pair("endpoint", Reply::bulk("127.0.0.1")),
            pair("role", Reply::bulk("master")),
            pair("replication-offset", Reply::Integer(0)),
            pair("health", Reply::bulk("online")),
        ]);
        Reply::Map(vec![
            pair("slots", Reply::Array(slots.collect())),
            pair("nodes", Reply::Array(vec![details])),
        ])
    });
    Ok(Reply::Array(shards.collect()))
}
