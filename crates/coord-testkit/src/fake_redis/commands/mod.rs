//! The command table, one file or folder per family.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::command::{Command, Family, flag};
use super::reply::Reply;

mod acl;
mod arguments;
mod bitfield;
mod bits;
mod client;
mod client_kill;
mod cluster;
mod command_info;
mod config;
mod connection;
mod debug;
mod digest;
mod dump;
mod expiry;
mod functions;
mod geo;
mod hashes;
mod hyperloglogs;
mod info;
pub(crate) mod key_flags;
mod keys;
mod lcs;
mod lists;
mod lists_blocking;
mod object;
mod pubsub;
mod scan;
mod scripting;
pub(crate) mod sentinel;
mod server;
mod set_algebra;
mod sets;
mod slow;
mod sort;
mod sort_partial;
mod sorted_sets;
mod streams;
mod string_edit;
mod strings;
mod tips;
mod tracking;
mod transactions;

pub(crate) use object::estimate;

pub(crate) use client::client_line;

/// Every family of commands.
pub(crate) static FAMILIES: &[&Family] = &[
    &acl::FAMILY,
    &bits::FAMILY,
    &cluster::FAMILY,
    &connection::FAMILY,
    &expiry::FAMILY,
    &geo::FAMILY,
    &hashes::FAMILY,
    &hyperloglogs::FAMILY,
    &keys::FAMILY,
    &lists::FAMILY,
    &object::MEMORY,
    &pubsub::FAMILY,
    &scripting::FAMILY,
    &sentinel::FAMILY,
    &server::FAMILY,
    &sets::FAMILY,
    &sorted_sets::FAMILY,
    &streams::FAMILY,
    &strings::FAMILY,
    &transactions::FAMILY,
];

/// The ACL categories, in the order ACL CAT lists them.
pub(crate) const CATEGORIES: [&str; 21] = [
    "keyspace",
    "read",
    "write",
    "set",
    "sortedset",
    "list",
    "hash",
    "string",
    "bitmap",
    "hyperloglog",
    "geo",
    "stream",
    "pubsub",
    "admin",
    "fast",
    "slow",
    "blocking",
    "dangerous",
    "connection",
    "transaction",
    "scripting",
];

/// The ACL categories of a command or subcommand.
pub(crate) fn categories(command: &Command, family: &Family) -> Vec<&'static str> {
    let mut classes = Vec::new();
    let group = if command.group.is_empty() { family.group } else { command.group };
    if !group.is_empty() && (command.subcommands.is_empty() || group == "keyspace") {
        classes.push(group);
    }
    let by_flag = [
        (flag::WRITE, "write"),
        (flag::READONLY, "read"),
        (flag::ADMIN, "admin"),
        (flag::ADMIN | flag::DANGEROUS, "dangerous"),
        (flag::PUBSUB, "pubsub"),
        (flag::BLOCKING, "blocking"),
    ];
    for (flag, class) in by_flag {
        if command.has(flag) && !classes.contains(&class) {
            classes.push(class);
        }
    }
    classes.push(if command.has(flag::FAST) { "fast" } else { "slow" });
    classes.sort_by_key(|class| CATEGORIES.iter().position(|known| known == class));
    classes
}

/// The answer of a HELP subcommand.
pub(crate) fn help(container: &str, lines: &[&'static str]) -> Reply {
    let mut all = vec![Reply::Simple(
        format!("{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:").into(),
    )];
    all.extend(lines.iter().map(|line| Reply::simple(line)));
    all.push(Reply::simple("HELP"));
    all.push(Reply::simple("    Prints this help."));
    Reply::Array(all)
}

/// Every command with its family, by lower-case name.
fn table() -> &'static HashMap<&'static str, (&'static Command, &'static Family)> {
    static TABLE: OnceLock<HashMap<&'static str, (&'static Command, &'static Family)>> =
        OnceLock::new();
    TABLE.get_or_init(|| {
        let rows = FAMILIES
            .iter()
            .flat_map(|family| family.commands.iter().map(move |command| (command, *family)));
        rows.map(|(command, family)| (command.name, (command, family))).collect()
    })
}

/// Finds a command by its name in any case.
pub(crate) fn lookup(name: &[u8]) -> Option<&'static Command> {
    row(name).map(|(command, _)| command)
}

/// Finds a command and its family.
pub(crate) fn row(name: &[u8]) -> Option<(&'static Command, &'static Family)> {
    let name = name.to_ascii_lowercase();
    table().get(std::str::from_utf8(&name).ok()?).copied()
}
