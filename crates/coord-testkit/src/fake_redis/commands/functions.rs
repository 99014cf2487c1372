//! The FUNCTION container.

use bytes::Bytes;

use super::super::call::Call;
use super::super::command::{Command, Keys, flag};
use super::super::failure::Failure;
use super::super::function_dump;
use super::super::glob;
use super::super::reply::Reply;
use super::super::state::State;
use super::scripting::{help, not_busy};

const WRITES: u32 = flag::NOSCRIPT | flag::WRITE | flag::DENYOOM;

pub(super) const FUNCTION: &[Command] = &[
    Command::new("load", -3, WRITES, Keys::None, load),
    Command::new("delete", 3, flag::NOSCRIPT | flag::WRITE, Keys::None, delete),
    Command::new("flush", -2, flag::NOSCRIPT | flag::WRITE, Keys::None, flush),
    Command::new("list", -2, flag::NOSCRIPT, Keys::None, list),
    Command::new("stats", 2, flag::NOSCRIPT | flag::ALLOW_BUSY, Keys::None, stats),
    Command::new("dump", 2, flag::NOSCRIPT, Keys::None, |call| {
        let codes = call.state.scripts.libraries.values().map(|library| &library.code);
        Ok(Reply::Bulk(function_dump::dump(codes)))
    }),
    Command::new("restore", -3, WRITES, Keys::None, restore),
    Command::new("kill", 2, flag::NOSCRIPT | flag::ALLOW_BUSY, Keys::None, |_| not_busy()),
    Command::new("help", 2, flag::LOADING | flag::STALE, Keys::None, |_| Ok(help(FUNCTION_HELP))),
];

fn ok() -> Result<Reply, Failure> {
    Ok(Reply::Simple("OK".into()))
}

fn load(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let last = call.args.len() - 1;
    let mut replace = false;
    for at in 2..last {
        if !call.is(at, "replace") {
            let given = String::from_utf8_lossy(call.arg(at)).into_owned();
            return Err(Failure::new(format!("ERR Unknown option given: {given}")));
        }
        replace = true;
    }
    let code = call.arg(last).clone();
    call.state.scripts.load(&code, replace).map(|name| Reply::Bulk(name.into()))
}

fn delete(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let name = String::from_utf8_lossy(call.arg(2)).into_owned();
    if call.state.scripts.drop_library(&name) {
        ok()
    } else {
        Err(Failure::fixed("ERR Library not found"))
    }
}

fn flush(call: &mut Call<'_>) -> Result<Reply, Failure> {
    if call.args.len() > 3 {
        return Err(wrong_use(call));
    }
    if call.args.len() == 3 && !call.is(2, "sync") && !call.is(2, "async") {
        return Err(Failure::fixed("ERR FUNCTION FLUSH only supports SYNC|ASYNC option"));
    }
    call.state.scripts.drop_libraries();
    ok()
}

/// The subcommand stands in the error as the caller wrote it.
fn wrong_use(call: &Call<'_>) -> Failure {
    Failure::new(format!(
        "ERR unknown subcommand or wrong number of arguments for '{}'. Try FUNCTION HELP.",
        String::from_utf8_lossy(call.arg(1))
    ))
}

fn list(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let mut pattern: Option<Bytes> = None;
    let mut with_code = false;
    let mut at = 2;
    while at < call.args.len() {
        if !with_code && call.is(at, "withcode") {
            with_code = true;
        } else if pattern.is_none() && call.is(at, "libraryname") {
            at += 1;
            let given = call.args.get(at);
            pattern = Some(
                given.cloned().ok_or(Failure::fixed("ERR library name argument was not given"))?,
            );
        } else {
            let given = String::from_utf8_lossy(call.arg(at)).into_owned();
            return Err(Failure::new(format!("ERR Unknown argument {given}")));
        }
        at += 1;
    }
    let text = |text: &str| Reply::Bulk(Bytes::copy_from_slice(text.as_bytes()));
    let mut libraries = Vec::new();
    for (name, library) in &call.state.scripts.libraries {
        if pattern.as_ref().is_some_and(|p| {
            !glob::matches(&p.to_ascii_lowercase(), name.to_ascii_lowercase().as_bytes())
        }) {
            continue;
        }
        let functions = library.functions.iter().map(|function| {
            let flags = function.flags.iter().map(|flag| Reply::Simple((*flag).into()));
            Reply::Map(vec![
                (text("name"), text(&function.name)),
                (
                    text("description"),
                    function.description.clone().map_or(Reply::Null, Reply::Bulk),
                ),
                (text("flags"), Reply::Set(flags.collect())),
            ])
        });
        let mut entry = vec![
            (text("library_name"), text(name)),
            (text("engine"), text("LUA")),
            (text("functions"), Reply::Array(functions.collect())),
        ];
        if with_code {
            entry.push((text("library_code"), Reply::Bulk(library.code.clone())));
        }
        libraries.push(Reply::Map(entry));
    }
    Ok(Reply::Array(libraries))
}

/// The `engines` part of FUNCTION STATS.
pub(super) fn engines(state: &State) -> Reply {
    let text = |text: &'static str| Reply::Bulk(Bytes::from_static(text.as_bytes()));
    let libraries = &state.scripts.libraries;
    let functions = libraries.values().map(|library| library.functions.len()).sum();
    let lua = Reply::Map(vec![
        (text("libraries_count"), Reply::len(libraries.len())),
        (text("functions_count"), Reply::len(functions)),
    ]);
    Reply::Map(vec![(text("LUA"), lua)])
}

fn stats(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let text = |text: &'static str| Reply::Bulk(Bytes::from_static(text.as_bytes()));
    Ok(Reply::Map(vec![
        (text("running_script"), Reply::Null),
        (text("engines"), engines(call.state)),
    ]))
}

/// All or nothing: what was there stays if one library does not load.
fn restore(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let (replace, flush) = match call.args.len() {
        3 => (false, false),
        4 if call.is(3, "flush") => (false, true),
        4 if call.is(3, "append") => (false, false),
        4 if call.is(3, "replace") => (true, false),
        4 => {
            return Err(Failure::fixed(
                "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.",
            ));
        }
        _ => {
            return Err(wrong_use(call));
        }
    };
    let codes = function_dump::restore(call.arg(2))?;
    let scripts = &mut call.state.scripts;
    let before: Vec<Bytes> =
        scripts.libraries.values().map(|library| library.code.clone()).collect();
    if flush {
        scripts.drop_libraries();
    }
    for code in codes {
        if let Err(failure) = scripts.load(&code, replace) {
            scripts.drop_libraries();
            for code in before {
                scripts.load(&code, false)?;
            }
            // Where libraries are joined, Redis names them without quotes.
            let text = failure.0.strip_prefix("ERR Library '");
            let name = text.and_then(|text| text.strip_suffix("' already exists"));
            return Err(name.map_or(failure.clone(), |name| {
                Failure::new(format!("ERR Library {name} already exists"))
            }));
        }
    }
    ok()
}

const FUNCTION_HELP: &[&str] = &[
    "FUNCTION <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "LOAD [REPLACE] <FUNCTION CODE>",
    "    Create a new library with the given library name and code.",
    "DELETE <LIBRARY NAME>",
    "    Delete the given library.",
    "LIST [LIBRARYNAME PATTERN] [WITHCODE]",
    "    Return general information on all the libraries:",
    "    * Library name",
    "    * The engine used to run the Library",
    "    * Library description",
    "    * Functions list",
    "    * Library code (if WITHCODE is given)",
    "    It also possible to get only function that matches a pattern using LIBRARYNAME argument.",
    "STATS",
    "    Return information about the current function running:",
    "    * Function name",
    "    * Command used to run the function",
    "    * Duration in MS that the function is running",
    "    If no function is running, return nil",
    "    In addition, returns a list of available engines.",
    "KILL",
    "    Kill the current running function.",
    "FLUSH [ASYNC|SYNC]",
    "    Delete all the libraries.",
    "    When called without the optional mode argument, the behavior is determined by the",
    "    lazyfree-lazy-user-flush configuration directive. Valid modes are:",
    "    * ASYNC: Asynchronously flush the libraries.",
    "    * SYNC: Synchronously flush the libraries.",
    "DUMP",
    "    Return a serialized payload representing the current libraries, can be restored using FUNCTION RESTORE command",
    "RESTORE <PAYLOAD> [FLUSH|APPEND|REPLACE]",
    "    Restore the libraries represented by the given payload, it is possible to give a restore policy to",
    "    control how to handle existing libraries (default APPEND):",
    "    * FLUSH: delete all existing libraries.",
    "    * APPEND: appends the restored libraries to the existing libraries. On collision, abort.",
    "    * REPLACE: appends the restored libraries to the existing libraries, On collision, replace the old",
    "      libraries with the new libraries (notice that even on this option there is a chance of failure",
    "      in case of functions name collision with another library).",
    "HELP",
    "    Prints this help.",
];
