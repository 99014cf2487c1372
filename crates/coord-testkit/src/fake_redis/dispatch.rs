//! From a request to its reply: the checks in the order of Redis, then the command.

use std::time::Instant;

use bytes::Bytes;

use super::acl::Refusal;
use super::call::{Call, Origin};
use super::command::{Command, flag};
use super::commands;
use super::failure::Failure;
use super::reply::Reply;
use super::session::{Blocked, Multi, SessionId};
use super::state::State;
use super::watchers::{forget_caching, track};

/// A command found in the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    pub(crate) command: &'static Command,
    /// The container's name where `command` is a subcommand.
    pub(crate) parent: Option<&'static str>,
}

impl Found {
    /// True for EVAL, FCALL and the like.
    pub(crate) fn runs_script(self) -> bool {
        self.command.has(flag::MOVABLE_KEYS) && self.command.has(flag::NOSCRIPT)
    }

    pub(crate) fn full_name(&self) -> String {
        match self.parent {
            Some(parent) => format!("{parent}|{}", self.command.name),
            None => self.command.name.to_owned(),
        }
    }
}

/// Finds the row of a request, whatever its arity.
fn find_by_name(args: &[Bytes]) -> Option<Found> {
    let command = commands::lookup(&args[0])?;
    let wanted = args.get(1).map(|name| name.to_ascii_lowercase()).unwrap_or_default();
    let sub = command.subcommands.iter().find(|sub| sub.name.as_bytes() == wanted);
    Some(match sub {
        Some(sub) => Found { command: sub, parent: Some(command.name) },
        None => Found { command, parent: None },
    })
}

impl State {
    /// Whether a request, sent now, would run Lua code.
    pub(crate) fn runs_script(&self, id: SessionId, args: &[Bytes]) -> bool {
        let runs = |args: &[Bytes]| {
            find_by_name(args).is_some_and(|found| {
                found.runs_script()
                    || (found.parent == Some("function")
                        && matches!(found.command.name, "load" | "restore"))
            })
        };
        match self.sessions.get(&id).and_then(|session| session.multi.as_ref()) {
            None => runs(args),
            Some(multi) => {
                args[0].eq_ignore_ascii_case(b"exec") && multi.queued.iter().any(|args| runs(args))
            }
        }
    }
}

/// Finds the row of a request and checks its arity.
pub(crate) fn find(args: &[Bytes]) -> Result<Found, Failure> {
    let Some(command) = commands::lookup(&args[0]) else {
        return Err(unknown_command(args));
    };
    if command.subcommands.is_empty() || args.len() < 2 {
        return match command.arity_fits(args.len()) {
            true => Ok(Found { command, parent: None }),
            false => Err(Failure::arity(command.name)),
        };
    }
    let wanted = args[1].to_ascii_lowercase();
    let sub = command.subcommands.iter().find(|sub| sub.name.as_bytes() == wanted);
    let Some(sub) = sub else {
        return Err(unknown_subcommand(command.name, &args[1]));
    };
    let found = Found { command: sub, parent: Some(command.name) };
    if sub.arity_fits(args.len()) { Ok(found) } else { Err(Failure::arity(&found.full_name())) }
}

/// The error of an unknown subcommand.
pub(crate) fn unknown_subcommand(container: &str, given: &[u8]) -> Failure {
    let given = String::from_utf8_lossy(&given[..given.len().min(128)]).into_owned();
    Failure::new(format!(
        "ERR unknown subcommand '{given}'. Try {} HELP.",
        container.to_uppercase()
    ))
}

fn unknown_command(args: &[Bytes]) -> Failure {
    // As C prints it: up to a zero byte.
    let cut = |arg: &Bytes| {
        let arg = arg.split(|byte| *byte == 0).next().unwrap_or_default();
        String::from_utf8_lossy(&arg[..arg.len().min(128)]).into_owned()
    };
    let mut rest = String::new();
    for arg in &args[1..] {
        if rest.len() >= 128 {
            break;
        }
        let arg = cut(arg);
        rest.push_str(&format!("'{}' ", arg.chars().take(128 - rest.len()).collect::<String>()));
    }
    Failure::new(format!(
        "ERR unknown command '{}', with args beginning with: {rest}",
        cut(&args[0])
    ))
}

/// Executes one request of a client and sends its reply.
/// The caller has frozen the time and handles blocked clients afterwards.
pub(crate) fn execute(state: &mut State, id: SessionId, args: &[Bytes]) {
    let reply = reply_to(state, id, args);
    state.serve_replied(id, &reply);
}

/// Executes one request of a client without sending the reply.
pub(crate) fn reply_to(state: &mut State, id: SessionId, args: &[Bytes]) -> Reply {
    let reply = checked(state, id, args).unwrap_or_else(Reply::from);
    forget_caching(state, id, args);
    if let Some(session) =
        state.sessions.get_mut(&id).filter(|_| !args[0].eq_ignore_ascii_case(b"ASKING"))
    {
        session.asking = false;
    }
    reply
}

fn checked(state: &mut State, id: SessionId, args: &[Bytes]) -> Result<Reply, Failure> {
    let result = admit(state, id, args);
    if let Err(failure) = &result {
        reject(state, args, failure);
    }
    let in_multi = state.sessions.get(&id).is_some_and(|session| session.multi.is_some());
    let found = match result {
        Ok(found) => found,
        // A refused EXEC ends the transaction, and says so.
        Err(failure) if args[0].eq_ignore_ascii_case(b"exec") => {
            if let Some(session) = state.sessions.get_mut(&id) {
                session.multi = None;
            }
            state.unwatch(id);
            let cause = failure.0.strip_prefix("ERR ").unwrap_or(&failure.0);
            return Err(Failure::new(format!(
                "EXECABORT Transaction discarded because of: {cause}"
            )));
        }
        Err(failure) => {
            if in_multi
                && let Some(multi) =
                    state.sessions.get_mut(&id).and_then(|session| session.multi.as_mut())
            {
                multi.aborted = true;
            }
            return Err(failure);
        }
    };
    if in_multi && !found.command.has(flag::UNQUEUED) {
        if let Some(multi) = state.sessions.get_mut(&id).and_then(|session| session.multi.as_mut())
        {
            multi.queued.push(args.to_vec());
        }
        return Ok(Reply::simple("QUEUED"));
    }
    run(state, id, found, args, Origin::Client, None)
}

/// Counts a command that was not run.
pub(crate) fn reject(state: &mut State, args: &[Bytes], failure: &Failure) {
    state.stats.note_error(&failure.0);
    if let Some(found) = find_by_name(args) {
        state.stats.of(found).rejected += 1;
    }
}

/// The checks that come before queueing and execution.
fn admit(state: &mut State, id: SessionId, args: &[Bytes]) -> Result<Found, Failure> {
    let found = find(args)?;
    check_node(state, id, found, args)?;
    let Some(session) = state.sessions.get_mut(&id) else {
        return Err(Failure::fixed("ERR the connection is closed"));
    };
    session.used_us = state.now_us;
    session.last_command = found.full_name();
    if session.user.is_none() && !found.command.has(flag::NO_AUTH) {
        return Err(Failure::fixed("NOAUTH Authentication required."));
    }
    let in_multi = session.multi.is_some();
    check_user_aloud(state, id, found, args, if in_multi { "multi" } else { "toplevel" })?;
    let Some(session) = state.sessions.get(&id) else {
        return Err(Failure::fixed("ERR the connection is closed"));
    };
    if session.multi.is_some() && found.command.has(flag::NO_MULTI) {
        return Err(Failure::fixed("ERR Command not allowed inside a transaction"));
    }
    if !session.resp3 && session.is_subscriber() && !found.command.has(flag::IN_SUBSCRIBER) {
        return Err(Failure::new(format!(
            "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
            found.full_name()
        )));
    }
    state.check_slots(id, found, args)?;
    let evicted = state.stats.evicted;
    state.evict();
    if state.stats.evicted > evicted {
        // Told before the reply.
        state.send_invalidations(0);
    }
    if asks(state, id, found, flag::DENYOOM) && state.is_out_of_memory() {
        return Err(OUT_OF_MEMORY);
    }
    if asks(state, id, found, flag::WRITE) && state.lacks_replicas() {
        return Err(TOO_FEW_REPLICAS);
    }
    let on_replica = state.sessions.get(&id).is_some_and(|session| state.is_replica(session.node));
    if state.is_stale() && !found.command.has(flag::STALE)
        || state.is_stale() && lacks(state, id, found, flag::STALE)
    {
        return Err(STALE_DATA);
    }
    if on_replica && found.command.has(flag::WRITE) {
        return Err(READ_ONLY);
    }
    Ok(found)
}

/// Whether the command, or one that EXEC would run, has a property.
fn asks(state: &State, id: SessionId, found: Found, flag: u32) -> bool {
    let queued = state.sessions.get(&id).and_then(|session| session.multi.as_ref());
    let by_exec = |args: &Vec<Bytes>| find(args).is_ok_and(|found| found.command.has(flag));
    found.command.has(flag)
        || (found.command.name == "exec"
            && queued.is_some_and(|multi| multi.queued.iter().any(by_exec)))
}

/// Whether EXEC would run a command without a property.
fn lacks(state: &State, id: SessionId, found: Found, flag: u32) -> bool {
    let queued = state.sessions.get(&id).and_then(|session| session.multi.as_ref());
    let without = |args: &Vec<Bytes>| find(args).is_ok_and(|found| !found.command.has(flag));
    found.command.name == "exec" && queued.is_some_and(|multi| multi.queued.iter().any(without))
}

const STALE_DATA: Failure = Failure::fixed(
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
);

pub(crate) const TOO_FEW_REPLICAS: Failure =
    Failure::fixed("NOREPLICAS Not enough good replicas to write.");

pub(crate) const OUT_OF_MEMORY: Failure =
    Failure::fixed("OOM command not allowed when used memory > 'maxmemory'.");

pub(crate) const READ_ONLY: Failure =
    Failure::fixed("READONLY You can't write against a read only replica.");

/// A sentinel knows some commands only, and nobody else knows SENTINEL.
fn check_node(state: &State, id: SessionId, found: Found, args: &[Bytes]) -> Result<(), Failure> {
    let node = state.sessions.get(&id).map_or(0, |session| session.node);
    let name = found.parent.unwrap_or(found.command.name);
    let known = if state.is_sentinel(node) {
        commands::sentinel::ON_SENTINEL.contains(&name)
    } else {
        name != "sentinel"
    };
    if known { Ok(()) } else { Err(unknown_command(args)) }
}

/// What the session's user is refused of the request.
pub(crate) fn refusal(
    state: &State,
    id: SessionId,
    found: Found,
    args: &[Bytes],
) -> Option<Refusal> {
    let user = state.sessions.get(&id).and_then(|session| session.user.as_ref());
    let user = user.and_then(|name| state.users.get(name))?;
    user.check(found, args).err()
}

/// Whether the session's user may run the request; a refusal goes into the ACL log.
pub(crate) fn check_user_aloud(
    state: &mut State,
    id: SessionId,
    found: Found,
    args: &[Bytes],
    context: &'static str,
) -> Result<(), Failure> {
    let Some(refusal) = refusal(state, id, found, args) else { return Ok(()) };
    state.log_refusal(id, context, &refusal);
    Err(refusal.into())
}

/// Runs a command that has passed the checks.
pub(crate) fn run(
    state: &mut State,
    id: SessionId,
    found: Found,
    args: &[Bytes],
    origin: Origin,
    resp3: Option<bool>,
) -> Result<Reply, Failure> {
    let Some(session) = state.sessions.get(&id) else {
        return Err(Failure::fixed("ERR the connection is closed"));
    };
    let (db, resp3) = (session.db, resp3.unwrap_or(session.resp3));
    state.stats.commands += 1;
    state.log.note(id, db, args, state.now_us, origin);
    // Scripts are shown before what they call, everything else after it has run.
    let runs_script = found.runs_script();
    if runs_script {
        state.feed_monitors(id, db, found, args, origin);
    }
    let mut call = Call {
        state,
        session_id: id,
        command: found.command,
        parent: found.parent,
        args,
        db,
        resp3,
        origin,
    };
    if found.command.has(flag::WRITE) {
        let keys = found.command.keys.find(args);
        let keys: Vec<&Bytes> = keys.into_iter().filter_map(|at| args.get(at)).collect();
        call.state.note_before_write(db, &keys);
    }
    let dirty = call.state.dirty;
    let start = Instant::now();
    let result = (found.command.run)(&mut call);
    let took = start.elapsed();
    if !runs_script {
        let db = call.state.sessions.get(&id).map_or(db, |session| session.db);
        call.state.feed_monitors(id, db, found, args, origin);
    }
    call.state.stats.of(found).calls += u64::from(origin != Origin::Again);
    // A client that goes on waiting has not been served yet.
    let waits = call.state.sessions.get(&id).is_some_and(|session| session.blocked.is_some())
        && matches!(result, Ok(Reply::None));
    let slept = std::mem::take(&mut call.state.slept);
    if !waits || !slept.is_zero() {
        call.state.note_time(id, found, args, took + slept);
    }
    match &result {
        Ok(Reply::Error(text)) => call.state.stats.note_failed(found, text),
        Err(failure) if !(origin == Origin::Again && failure.is_wrong_type()) => {
            call.state.stats.note_failed(found, &failure.0);
        }
        _ => {}
    }
    if !matches!(&result, Err(failure) if failure.0.starts_with("NOSCRIPT")) {
        state.log.note_script(args);
    }
    state.propagate(db, found, args, (dirty, origin), &result);
    if found.command.has(flag::READONLY) && result.is_ok() {
        track(state, id, found, args, origin);
    }
    result
}

/// Runs the command of a blocked client again; `None` if it goes on waiting.
pub(crate) fn run_again(state: &mut State, id: SessionId, blocked: &Blocked) -> Option<Reply> {
    let found = find(&blocked.args).ok()?;
    match run(state, id, found, &blocked.args, Origin::Again, None) {
        Ok(Reply::None) => None,
        // Another type under the key is not what the client waits for.
        Err(failure) if failure.is_wrong_type() && found.command.name != "xreadgroup" => None,
        result => Some(result.unwrap_or_else(Reply::from)),
    }
}

/// Runs the queued commands of EXEC.
pub(crate) fn run_queued(state: &mut State, id: SessionId, multi: &Multi) -> Reply {
    let replies = multi.queued.iter().map(|args| {
        find(args)
            .and_then(|found| {
                check_user_aloud(state, id, found, args, "multi")?;
                run(state, id, found, args, Origin::Exec, None)
            })
            .unwrap_or_else(Reply::from)
    });
    Reply::Array(replies.collect())
}
