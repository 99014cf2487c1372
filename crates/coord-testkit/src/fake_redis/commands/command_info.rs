//! COMMAND: the table about itself.

use bytes::Bytes;

use crate::fake_redis::call::Call;
use crate::fake_redis::command::{Command, Family, Keys, flag};
use crate::fake_redis::dispatch;
use crate::fake_redis::failure::Failure;
use crate::fake_redis::glob;
use crate::fake_redis::reply::Reply;

use super::{FAMILIES, categories, help, key_flags, row, tips};
use flag::{LOADING, STALE};

pub(crate) const COMMAND: &[Command] = &[
    Command::new("count", 2, LOADING | STALE, Keys::None, count),
    Command::new("docs", -2, LOADING | STALE, Keys::None, docs),
    Command::new("getkeys", -4, LOADING | STALE, Keys::None, getkeys),
    Command::new("getkeysandflags", -4, LOADING | STALE, Keys::None, getkeysandflags),
    Command::new("help", 2, LOADING | STALE, Keys::None, |_| {
        Ok(help(
            "COMMAND",
            &[
                "COUNT",
                "DOCS [<command> ...]",
                "GETKEYS <command> [<arg> ...]",
                "INFO [<command> ...]",
                "LIST",
            ],
        ))
    }),
    Command::new("info", -2, LOADING | STALE, Keys::None, info),
    Command::new("list", -2, LOADING | STALE, Keys::None, list),
];

fn every() -> impl Iterator<Item = (&'static Command, &'static Family)> {
    FAMILIES.iter().flat_map(|family| family.commands.iter().map(move |command| (command, *family)))
}

pub(crate) fn all(_call: &mut Call<'_>) -> Result<Reply, Failure> {
    Ok(Reply::Array(every().map(|(command, family)| describe(None, command, family)).collect()))
}

fn count(_call: &mut Call<'_>) -> Result<Reply, Failure> {
    Ok(Reply::len(every().count()))
}

/// A command, or a subcommand written with `|`.
fn find(name: &[u8]) -> Option<(Option<&'static str>, &'static Command, &'static Family)> {
    let mut parts = name.splitn(2, |byte| *byte == b'|');
    let (command, family) = row(parts.next()?)?;
    let Some(sub) = parts.next() else {
        return Some((None, command, family));
    };
    let sub = sub.to_ascii_lowercase();
    let found = command.subcommands.iter().find(|row| row.name.as_bytes() == sub)?;
    Some((Some(command.name), found, family))
}

fn info(call: &mut Call<'_>) -> Result<Reply, Failure> {
    if call.args.len() == 2 {
        return all(call);
    }
    let infos = call.args[2..].iter().map(|name| {
        find(name)
            .map_or(Reply::Null, |(parent, command, family)| describe(parent, command, family))
    });
    Ok(Reply::Array(infos.collect()))
}

const FLAG_NAMES: [(u32, &str); 15] = [
    (flag::WRITE, "write"),
    (flag::READONLY, "readonly"),
    (flag::DENYOOM, "denyoom"),
    (flag::ADMIN, "admin"),
    (flag::PUBSUB, "pubsub"),
    (flag::NOSCRIPT, "noscript"),
    (flag::BLOCKING, "blocking"),
    (LOADING, "loading"),
    (STALE, "stale"),
    (flag::SKIP_MONITOR, "skip_monitor"),
    (flag::FAST, "fast"),
    (flag::NO_AUTH, "no_auth"),
    (flag::MAY_REPLICATE, "may_replicate"),
    (flag::ALLOW_BUSY, "allow_busy"),
    (flag::MOVABLE_KEYS, "movablekeys"),
];

fn describe(
    parent: Option<&'static str>,
    command: &'static Command,
    family: &'static Family,
) -> Reply {
    let name = parent
        .map_or_else(|| command.name.to_owned(), |parent| format!("{parent}|{}", command.name));
    let tips = tips::of(&name).iter().map(Reply::bulk).collect();
    let flags = FLAG_NAMES
        .iter()
        .filter(|(flag, _)| command.has(*flag))
        .map(|(_, name)| Reply::simple(name));
    let mut flags: Vec<Reply> = flags.collect();
    let movable = matches!(command.keys, Keys::Counted(_) | Keys::DestAndCounted | Keys::Custom(_));
    if movable && !command.has(flag::MOVABLE_KEYS) {
        flags.push(Reply::simple("movablekeys"));
    }
    let (first, last, step) = match command.keys {
        Keys::Range { first, last, step } => {
            (i64::try_from(first).unwrap_or(0), i64::from(last), i64::try_from(step).unwrap_or(1))
        }
        Keys::DestAndCounted => (1, 1, 1),
        Keys::None | Keys::Counted(_) | Keys::Custom(_) => (0, 0, 0),
    };
    let classes = categories(command, family)
        .into_iter()
        .map(|class| Reply::Simple(format!("@{class}").into()));
    let subs = command.subcommands.iter().map(|sub| describe(Some(command.name), sub, family));
    Reply::Array(vec![
        Reply::bulk(name),
        Reply::Integer(i64::from(command.arity)),
        Reply::Set(flags),
        Reply::Integer(first),
        Reply::Integer(last),
        Reply::Integer(step),
        Reply::Set(classes.collect()),
        Reply::Set(tips),
        Reply::Set(Vec::new()),
        Reply::Set(subs.collect()),
    ])
}

fn docs(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let doc = |name: &str, family: &Family| {
        let group = if family.group.is_empty() { "server" } else { family.group };
        let fields = vec![
            (Reply::bulk("summary"), Reply::bulk("A command of the fake server.")),
            (Reply::bulk("since"), Reply::bulk("7.0.0")),
            (Reply::bulk("group"), Reply::bulk(group)),
        ];
        (Reply::bulk(name), Reply::Map(fields))
    };
    if call.args.len() == 2 {
        return Ok(Reply::Map(
            every().map(|(command, family)| doc(command.name, family)).collect(),
        ));
    }
    let wanted = call.args[2..].iter().filter_map(|name| find(name));
    Ok(Reply::Map(wanted.map(|(_, command, family)| doc(command.name, family)).collect()))
}

fn key_indexes(call: &Call<'_>) -> Result<Vec<usize>, Failure> {
    let args = &call.args[2..];
    if super::lookup(&args[0]).is_none() {
        return Err(Failure::fixed("ERR Invalid command specified"));
    }
    let found = dispatch::find(args)
        .map_err(|_| Failure::fixed("ERR Invalid number of arguments specified for command"))?;
    if matches!(found.command.keys, Keys::None) {
        return Err(Failure::fixed("ERR The command has no key arguments"));
    }
    let keys = found.command.keys.find(args);
    // The sources of PFMERGE are a group of keys of its own, which must not be empty here.
    let incomplete = found.command.name == "pfmerge" && keys.len() < 2;
    if incomplete || (keys.is_empty() && !found.runs_script()) {
        return Err(Failure::fixed("ERR Invalid arguments specified for command"));
    }
    Ok(keys)
}

fn getkeys(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let keys = key_indexes(call)?;
    let args: &[Bytes] = &call.args[2..];
    Ok(Reply::Array(
        keys.into_iter()
            .filter_map(|at| args.get(at))
            .map(|key| Reply::Bulk(key.clone()))
            .collect(),
    ))
}

fn getkeysandflags(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let keys = key_indexes(call)?;
    let args: &[Bytes] = &call.args[2..];
    let found = dispatch::find(args)?;
    let pairs = keys.into_iter().enumerate().filter_map(|(nth, at)| {
        let flags = key_flags::of(found, args, nth).split(' ').map(Reply::simple).collect();
        Some(Reply::Array(vec![Reply::Bulk(args.get(at)?.clone()), Reply::Set(flags)]))
    });
    Ok(Reply::Array(pairs.collect()))
}

/// Every command and subcommand with its full name.
fn every_name() -> impl Iterator<Item = (String, &'static Command, &'static Family)> {
    every().flat_map(|(command, family)| {
        let subs = command.subcommands.iter();
        let subs = subs.map(move |sub| (format!("{}|{}", command.name, sub.name), sub, family));
        std::iter::once((command.name.to_owned(), command, family)).chain(subs)
    })
}

type Keep = Box<dyn Fn(&str, &'static Command, &'static Family) -> bool>;

fn list(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let keep: Keep = match call.args.len() {
        2 => Box::new(|_, _, _| true),
        5 if call.is(2, "FILTERBY") && call.is(3, "PATTERN") => {
            let pattern = call.arg(4).clone();
            Box::new(move |name, _, _| glob::matches_with(&pattern, name.as_bytes(), true))
        }
        5 if call.is(2, "FILTERBY") && call.is(3, "ACLCAT") => {
            let class = String::from_utf8_lossy(call.arg(4)).to_ascii_lowercase();
            Box::new(move |_, command, family| categories(command, family).contains(&&*class))
        }
        5 if call.is(2, "FILTERBY") && call.is(3, "MODULE") => Box::new(|_, _, _| false),
        _ => return Err(Failure::syntax()),
    };
    let rows = every_name().filter(|(name, command, family)| keep(name, command, family));
    Ok(Reply::bulks(rows.map(|(name, ..)| name)))
}
