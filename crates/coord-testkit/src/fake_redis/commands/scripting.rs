//! EVAL and its kin, FCALL, and the SCRIPT container.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::super::call::Call;
use super::super::command::{Command, Family, Keys, flag};
use super::super::commands;
use super::super::dispatch;
use super::super::failure::Failure;
use super::super::lua::engine::{Host, LuaEngine, Run, Shown, Target};
use super::super::number::parse_i64;
use super::super::reply::Reply;
use super::super::script_host::{ScriptHost, ScriptScope};
use super::functions;

const RUNS: u32 = flag::NOSCRIPT | flag::STALE | flag::MOVABLE_KEYS;

/// Commands of scripts and functions.
pub(crate) static FAMILY: Family = Family {
    group: "scripting",
    commands: &[
        Command::new("eval", -3, RUNS | flag::MAY_REPLICATE, Keys::Counted(2), |call| {
            eval(call, false)
        }),
        Command::new("eval_ro", -3, RUNS | flag::READONLY, Keys::Counted(2), |call| {
            eval(call, true)
        }),
        Command::new("evalsha", -3, RUNS | flag::MAY_REPLICATE, Keys::Counted(2), |call| {
            evalsha(call, false)
        }),
        Command::new("evalsha_ro", -3, RUNS | flag::READONLY, Keys::Counted(2), |call| {
            evalsha(call, true)
        }),
        Command::new("fcall", -3, RUNS | flag::MAY_REPLICATE, Keys::Counted(2), |call| {
            fcall(call, false)
        }),
        Command::new("fcall_ro", -3, RUNS | flag::READONLY, Keys::Counted(2), |call| {
            fcall(call, true)
        }),
        Command::container("script", SCRIPT),
        Command::container("function", functions::FUNCTION),
    ],
};

const SCRIPT: &[Command] = &[
    Command::new("load", 3, flag::NOSCRIPT | flag::STALE, Keys::None, |call| {
        let body = call.arg(2).clone();
        call.state.scripts.add(&body).map(|sha| Reply::Bulk(sha.into()))
    }),
    Command::new("exists", -3, flag::NOSCRIPT, Keys::None, |call| {
        let known = |sha: &Bytes| call.state.scripts.scripts.contains_key(&lower(sha));
        let found = call.args[2..].iter().map(|sha| Reply::Integer(i64::from(known(sha))));
        Ok(Reply::Array(found.collect()))
    }),
    Command::new("flush", -2, flag::NOSCRIPT | flag::MAY_REPLICATE, Keys::None, flush),
    // A busy script is stopped before the lock is taken; whoever gets here is too late.
    Command::new("kill", 2, flag::NOSCRIPT | flag::ALLOW_BUSY, Keys::None, |_| not_busy()),
    Command::new("debug", 3, flag::NOSCRIPT, Keys::None, |call| {
        if call.is(2, "no") {
            Ok(Reply::Simple("OK".into()))
        } else if call.is(2, "yes") || call.is(2, "sync") {
            Err(Failure::fixed("ERR the fake server has no script debugger"))
        } else {
            Err(Failure::fixed("ERR Use SCRIPT DEBUG YES/SYNC/NO"))
        }
    }),
    Command::new("help", 2, flag::LOADING | flag::STALE, Keys::None, |_| Ok(help(SCRIPT_HELP))),
];

/// The answer of SCRIPT KILL and FUNCTION KILL when nothing runs.
pub(super) fn not_busy() -> Result<Reply, Failure> {
    Err(Failure::fixed("NOTBUSY No scripts in execution right now."))
}

/// Lines of a HELP subcommand.
pub(super) fn help(lines: &[&'static str]) -> Reply {
    Reply::Array(lines.iter().map(|line| Reply::Simple((*line).into())).collect())
}

fn flush(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let fits = call.args.len() == 2
        || (call.args.len() == 3 && (call.is(2, "sync") || call.is(2, "async")));
    if !fits {
        return Err(Failure::fixed("ERR SCRIPT FLUSH only support SYNC|ASYNC option"));
    }
    call.state.scripts.flush();
    Ok(Reply::Simple("OK".into()))
}

fn lower(sha: &[u8]) -> String {
    String::from_utf8_lossy(sha).to_ascii_lowercase()
}

fn eval(call: &mut Call<'_>, read_only: bool) -> Result<Reply, Failure> {
    let keys = key_count(call, Failure::not_integer())?;
    let body = call.arg(1).clone();
    let sha = call.state.scripts.add(&body)?;
    run_script(call, &sha, keys, read_only)
}

fn evalsha(call: &mut Call<'_>, read_only: bool) -> Result<Reply, Failure> {
    let missing = Failure::fixed("NOSCRIPT No matching script. Please use EVAL.");
    if call.arg(1).len() != 40 {
        return Err(missing);
    }
    let keys = key_count(call, Failure::not_integer())?;
    let sha = lower(call.arg(1));
    if !call.state.scripts.scripts.contains_key(&sha) {
        return Err(missing);
    }
    run_script(call, &sha, keys, read_only)
}

/// The number of keys, which stands after the script.
fn key_count(call: &Call<'_>, not_a_number: Failure) -> Result<usize, Failure> {
    let count = parse_i64(call.arg(2)).ok_or(not_a_number)?;
    if usize::try_from(count).is_ok_and(|count| count > call.args.len() - 3) {
        return Err(Failure::fixed("ERR Number of keys can't be greater than number of args"));
    }
    usize::try_from(count).map_err(|_| Failure::fixed("ERR Number of keys can't be negative"))
}

fn run_script(
    call: &mut Call<'_>,
    sha: &str,
    keys: usize,
    read_only: bool,
) -> Result<Reply, Failure> {
    let flags = call.state.scripts.scripts.get(sha).and_then(|script| script.flags.clone());
    let no_writes = flags.as_ref().is_some_and(|flags| flags.contains(&"no-writes"));
    if read_only && flags.is_some() && !no_writes {
        return Err(refused_read_only());
    }
    let oom = check_state(call, flags.as_deref())?;
    run(call, Target::Script(sha), keys, read_only || no_writes, oom)
}

fn refused_read_only() -> Failure {
    Failure::fixed("ERR Can not execute a script with write flag using *_ro command.")
}

fn fcall(call: &mut Call<'_>, read_only: bool) -> Result<Reply, Failure> {
    let name = String::from_utf8_lossy(call.arg(1)).into_owned();
    let Some(function) = call.state.scripts.function(&name) else {
        return Err(Failure::fixed("ERR Function not found"));
    };
    let flags = function.flags.clone();
    let no_writes = flags.contains(&"no-writes");
    let name = function.name.clone();
    let keys = key_count(call, Failure::fixed("ERR Bad number of keys provided"))?;
    if read_only && !no_writes {
        return Err(refused_read_only());
    }
    let oom = check_state(call, Some(&flags))?;
    run(call, Target::Function(&name), keys, read_only || no_writes, oom)
}

/// What the flags of a script allow in the present state of the server. Tells whether its
/// commands must not use more memory.
fn check_state(call: &Call<'_>, flags: Option<&[&'static str]>) -> Result<bool, Failure> {
    let short = call.state.is_out_of_memory();
    let Some(flags) = flags else { return Ok(short) };
    let no_writes = flags.contains(&"no-writes");
    if !no_writes && call.state.lacks_replicas() {
        return Err(dispatch::TOO_FEW_REPLICAS);
    }
    if short && !no_writes && !flags.contains(&"allow-oom") {
        return Err(Failure::fixed(
            "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'",
        ));
    }
    Ok(false)
}

/// Runs the target with the interpreter taken out of the state, so that the
/// script can use the rest.
fn run(
    call: &mut Call<'_>,
    target: Target<'_>,
    keys: usize,
    read_only: bool,
    out_of_memory: bool,
) -> Result<Reply, Failure> {
    call.state.stats.script_error = None;
    call.state.scripts.engine()?;
    let Some(mut engine) = call.state.scripts.engine.take() else {
        return Err(Failure::fixed("ERR the Lua interpreter is in use"));
    };
    let control = Arc::clone(&call.state.scripts.control);
    control.show(Some(Shown {
        name: match target {
            Target::Function(name) => name.to_owned(),
            Target::Script(_) => String::new(),
        },
        command: call.args.to_vec(),
        started: Instant::now(),
        engines: functions::engines(call.state),
    }));
    let (keys, args) = call.args[3..].split_at(keys);
    let mut limits = call.state.scripts.limits;
    limits.busy_after = call.state.config.busy_after;
    let mut host =
        CommandHost { scope: ScriptScope::new(call.state, call.session_id, keys), read_only };
    host.scope.out_of_memory = out_of_memory;
    let reply = engine.run(&Run { target, keys, args, limits }, &mut host);
    host.scope.finish();
    control.show(None);
    call.state.scripts.engine = Some(engine);
    Ok(reply)
}

/// The server as a script sees it.
struct CommandHost<'a> {
    scope: ScriptScope<'a>,
    read_only: bool,
}

impl Host for CommandHost<'_> {
    fn call(&mut self, args: Vec<Bytes>, resp3: bool) -> Reply {
        self.scope.resp3 = resp3;
        if args.first().and_then(|name| commands::lookup(name)).is_some_and(|c| c.has(flag::WRITE))
        {
            self.scope.state.scripts.control.note_write();
        }
        self.scope.call(args, self.read_only)
    }

    fn may_call(&mut self, args: &[Bytes]) -> Option<bool> {
        let found = dispatch::find(args).ok()?;
        Some(dispatch::refusal(self.scope.state, self.scope.session, found, args).is_none())
    }

    fn log(&mut self, level: u8, text: Vec<u8>) {
        self.scope.state.scripts.keep_log(level, text);
    }
}

const SCRIPT_HELP: &[&str] = &[
    "SCRIPT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "DEBUG (YES|SYNC|NO)",
    "    Set the debug mode for subsequent scripts executed.",
    "EXISTS <sha1> [<sha1> ...]",
    "    Return information about the existence of the scripts in the script cache.",
    "FLUSH [ASYNC|SYNC]",
    "    Flush the Lua scripts cache. Very dangerous on replicas.",
    "    When called without the optional mode argument, the behavior is determined by the",
    "    lazyfree-lazy-user-flush configuration directive. Valid modes are:",
    "    * ASYNC: Asynchronously flush the scripts cache.",
    "    * SYNC: Synchronously flush the scripts cache.",
    "KILL",
    "    Kill the currently executing Lua script.",
    "LOAD <script>",
    "    Load a script into the scripts cache without executing it.",
    "HELP",
    "    Prints this help.",
];
