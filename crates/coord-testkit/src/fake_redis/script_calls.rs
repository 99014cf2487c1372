//! Commands that scripts run, with the checks scripts have.

use bytes::Bytes;

use super::call::Origin;
use super::command::flag;
use super::dispatch::{
    Found, OUT_OF_MEMORY, READ_ONLY, TOO_FEW_REPLICAS, check_user_aloud, find, reject, run,
};
use super::failure::Failure;
use super::reply::Reply;
use super::script_host::ScriptScope;

/// Runs a command for a script, with the checks scripts have.
pub(crate) fn call_from_script(
    scope: &mut ScriptScope<'_>,
    args: &[Bytes],
    read_only: bool,
) -> Reply {
    let result = match script_checked(scope, args, read_only) {
        Ok(found) => {
            let (id, resp3) = (scope.session, Some(scope.resp3));
            let result = run(scope.state, id, found, args, Origin::Script, resp3);
            if found.command.has(flag::READONLY) && result.is_ok() {
                scope.state.track_read(id, &scope.keys.iter().collect::<Vec<_>>());
            }
            result
        }
        Err(failure) => {
            if !args.is_empty() {
                reject(scope.state, args, &failure);
            }
            Err(failure)
        }
    };
    let reply = result.unwrap_or_else(Reply::from);
    if let Reply::Error(text) = &reply {
        scope.state.stats.script_error = Some(text.clone());
    }
    reply
}

fn script_checked(
    scope: &mut ScriptScope<'_>,
    args: &[Bytes],
    read_only: bool,
) -> Result<Found, Failure> {
    if args.is_empty() {
        return Err(Failure::fixed(
            "ERR Please specify at least one argument for this redis.call() command",
        ));
    }
    let found = find(args).map_err(|failure| {
        if failure.0.starts_with("ERR unknown ") {
            Failure::fixed("ERR Unknown Redis command called from script")
        } else if failure.0.starts_with("ERR wrong number") {
            Failure::fixed("ERR Wrong number of args calling Redis command from script")
        } else {
            failure
        }
    })?;
    if found.command.has(flag::NOSCRIPT) && !scope.state.scripts_may_all {
        return Err(Failure::fixed("ERR This Redis command is not allowed from script"));
    }
    check_user_aloud(scope.state, scope.session, found, args, "lua").map_err(|failure| {
        Failure::fixed(if failure.0.contains("keys used") {
            "ERR The user executing the script can't access at least one of the keys mentioned in the command arguments"
        } else if failure.0.contains("channels used") {
            "ERR The user executing the script can't publish to the channel mentioned in the command"
        } else {
            "ERR The user executing the script can't run this command or subcommand"
        })
    })?;
    let node = scope.state.sessions.get(&scope.session).map_or(0, |session| session.node);
    if found.command.has(flag::WRITE) && scope.state.is_replica(node) {
        return Err(READ_ONLY);
    }
    if found
        .command
        .keys
        .find(args)
        .iter()
        .filter_map(|at| args.get(*at))
        .any(|key| scope.state.is_foreign(node, key))
    {
        return Err(Failure::fixed(
            "ERR Script attempted to access a non local key in a cluster node",
        ));
    }
    if read_only && found.command.has(flag::WRITE | flag::MAY_REPLICATE) {
        return Err(Failure::fixed("ERR Write commands are not allowed from read-only scripts."));
    }
    if found.command.has(flag::DENYOOM) && scope.out_of_memory && !scope.wrote {
        return Err(OUT_OF_MEMORY);
    }
    if found.command.has(flag::WRITE) {
        if !scope.wrote && scope.state.lacks_replicas() {
            return Err(TOO_FEW_REPLICAS);
        }
        scope.wrote = true;
    }
    if scope.state.strict && !scope.any_keys {
        for at in found.command.keys.find(args) {
            let Some(key) = args.get(at) else { continue };
            if !scope.keys.contains(key) {
                return Err(Failure::new(format!(
                    "ERR strict mode: the script uses the key '{}' that its caller did not declare in KEYS",
                    String::from_utf8_lossy(key)
                )));
            }
        }
    }
    Ok(found)
}
