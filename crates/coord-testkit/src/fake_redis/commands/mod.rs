//! The command table, one file or folder per family.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::command::{Command, Family};

mod arguments;
mod connection;
mod hashes;
mod lists;
mod lists_blocking;
mod set_algebra;
mod sets;
mod sorted_sets;
mod streams;
mod strings;
mod transactions;

/// Every family of commands.
pub(crate) static FAMILIES: &[&Family] = &[
    &connection::FAMILY,
    &hashes::FAMILY,
    &lists::FAMILY,
    &sets::FAMILY,
    &sorted_sets::FAMILY,
    &streams::FAMILY,
    &strings::FAMILY,
    &transactions::FAMILY,
];

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
