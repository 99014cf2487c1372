//! ACL.

use bytes::Bytes;

use crate::fake_redis::acl::{Refusal, User};
use crate::fake_redis::call::Call;
use crate::fake_redis::command::{Command, Family, Keys, flag};
use crate::fake_redis::dispatch;
use crate::fake_redis::failure::Failure;
use crate::fake_redis::glob;
use crate::fake_redis::reply::Reply;

use super::{CATEGORIES, FAMILIES, categories, help};
use flag::{ADMIN, LOADING, NOSCRIPT, STALE};

pub(crate) static FAMILY: Family =
    Family { group: "", commands: &[Command::container("acl", ACL)] };

const ACL: &[Command] = &[
    Command::new("cat", -2, NOSCRIPT | LOADING | STALE, Keys::None, cat),
    Command::new("deluser", -3, ADMIN | NOSCRIPT | LOADING | STALE, Keys::None, deluser),
    Command::new("dryrun", -4, ADMIN | NOSCRIPT | LOADING | STALE, Keys::None, dryrun),
    Command::new("genpass", -2, NOSCRIPT | LOADING | STALE, Keys::None, genpass),
    Command::new("getuser", 3, ADMIN | NOSCRIPT | LOADING | STALE, Keys::None, getuser),
    Command::new("help", 2, LOADING | STALE, Keys::None, |_| {
        Ok(help(
            "ACL",
            &[
                "CAT [<category>]",
                "DELUSER <username> [<username> ...]",
                "DRYRUN <username> <command> [<arg> ...]",
                "GETUSER <username>",
                "GENPASS [<bits>]",
                "LIST",
                "SETUSER <username> <attribute> [<attribute> ...]",
                "USERS",
                "WHOAMI",
            ],
        ))
    }),
    Command::new("list", 2, ADMIN | NOSCRIPT | LOADING | STALE, Keys::None, list),
    Command::new("load", 2, ADMIN | NOSCRIPT | LOADING | STALE, Keys::None, |_| no_file()),
    Command::new("log", -2, ADMIN | NOSCRIPT | LOADING | STALE, Keys::None, log),
    Command::new("save", 2, ADMIN | NOSCRIPT | LOADING | STALE, Keys::None, |_| no_file()),
    Command::new("setuser", -3, ADMIN | NOSCRIPT | LOADING | STALE, Keys::None, setuser),
    Command::new("users", 2, ADMIN | NOSCRIPT | LOADING | STALE, Keys::None, users),
    Command::new("whoami", 2, NOSCRIPT | LOADING | STALE, Keys::None, whoami),
];

fn no_file() -> Result<Reply, Failure> {
    Err(Failure::fixed(
        "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store users in the Redis configuration.",
    ))
}

fn cat(call: &mut Call<'_>) -> Result<Reply, Failure> {
    if call.args.len() > 3 {
        return Err(Failure::new(format!(
            "ERR unknown subcommand or wrong number of arguments for '{}'. Try ACL HELP.",
            String::from_utf8_lossy(call.arg(1))
        )));
    }
    let Some(class) = call.args.get(2) else {
        return Ok(Reply::bulks(CATEGORIES));
    };
    let name = String::from_utf8_lossy(class).to_ascii_lowercase();
    if !CATEGORIES.contains(&name.as_str()) {
        return Err(Failure::new(format!(
            "ERR Unknown category '{}'",
            String::from_utf8_lossy(class)
        )));
    }
    let mut names = Vec::new();
    for family in FAMILIES {
        for command in family.commands {
            if command.subcommands.is_empty()
                && categories(command, family).contains(&name.as_str())
            {
                names.push(command.name.to_owned());
            }
            let subs = command
                .subcommands
                .iter()
                .filter(|sub| categories(sub, family).contains(&name.as_str()));
            names.extend(subs.map(|sub| format!("{}|{}", command.name, sub.name)));
        }
    }
    Ok(Reply::bulks(names))
}

fn log(call: &mut Call<'_>) -> Result<Reply, Failure> {
    if call.is(2, "RESET") {
        call.state.acl_log.clear();
        return Ok(Reply::OK);
    }
    let most =
        call.args.get(2).map_or(Ok(10), |count| crate::fake_redis::number::integer(count))?;
    let most = usize::try_from(most).unwrap_or(0);
    let now = call.now_us();
    let entries = call.state.acl_log.iter().take(most).map(|entry| {
        let age = std::time::Duration::from_micros(now.saturating_sub(entry.at_us));
        Reply::Map(vec![
            (Reply::bulk("count"), Reply::Integer(entry.count)),
            (Reply::bulk("reason"), Reply::bulk(entry.reason)),
            (Reply::bulk("context"), Reply::bulk(entry.context)),
            (Reply::bulk("object"), Reply::bulk(&entry.object)),
            (Reply::bulk("username"), Reply::bulk(&entry.user)),
            (Reply::bulk("age-seconds"), Reply::Double(age.as_secs_f64())),
            (Reply::bulk("client-info"), Reply::bulk(&entry.client)),
        ])
    });
    Ok(Reply::Array(entries.collect()))
}

/// Cuts the connections of a user that listen to what the user may no longer listen to.
fn cut_listeners(call: &mut Call<'_>, name: &Bytes, user: &User) {
    let own = call.session_id;
    let may = |channel: &Bytes| user.channels.iter().any(|rule| glob::matches(rule, channel));
    let may_pattern =
        |pattern: &Bytes| user.channels.iter().any(|rule| &rule[..] == b"*" || rule == pattern);
    for session in call.state.sessions.values_mut() {
        let mut channels = session.channels.iter().chain(&session.shard_channels);
        let kept = channels.all(may) && session.patterns.iter().all(may_pattern);
        if session.user.as_ref() == Some(name) && !kept {
            // The own reply goes out first.
            session.closing = true;
            session.killed |= session.id != own;
            session.wake.notify_one();
        }
    }
}

fn setuser(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let name = call.arg(2);
    if name.iter().any(|byte| byte.is_ascii_whitespace() || *byte == 0) {
        return Err(Failure::fixed("ERR Usernames can't contain spaces or null characters"));
    }
    let open = call.state.config.text("acl-pubsub-default") == "allchannels";
    let mut user = call.state.users.get(name).cloned().unwrap_or_else(|| {
        let mut user = User::powerless();
        if open {
            user.channels.push(Bytes::from_static(b"*"));
        }
        user
    });
    for rule in &call.args[3..] {
        user.apply(rule).map_err(|reason| {
            Failure::new(format!(
                "ERR Error in ACL SETUSER modifier '{}': {reason}",
                String::from_utf8_lossy(rule)
            ))
        })?;
        if open && rule.eq_ignore_ascii_case(b"reset") {
            user.channels.push(Bytes::from_static(b"*"));
        }
    }
    cut_listeners(call, name, &user);
    call.state.users.0.insert(name.clone(), user);
    Ok(Reply::OK)
}

fn getuser(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let Some(user) = call.state.users.get(call.arg(2)) else {
        return Ok(Reply::Null);
    };
    let mut flags = vec![if user.on { "on" } else { "off" }];
    if user.nopass {
        flags.push("nopass");
    }
    Ok(Reply::Map(vec![
        (Reply::bulk("flags"), Reply::Set(flags.iter().map(Reply::bulk).collect())),
        (Reply::bulk("passwords"), Reply::bulks(&user.passwords)),
        (Reply::bulk("commands"), Reply::bulk(user.commands_text())),
        (Reply::bulk("keys"), Reply::bulk(user.keys_text())),
        (Reply::bulk("channels"), Reply::bulk(user.channels_text())),
        (Reply::bulk("selectors"), Reply::Array(Vec::new())),
    ]))
}

fn list(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let lines = call.state.users.0.iter().map(|(name, user)| {
        let mut parts = vec![format!("user {}", String::from_utf8_lossy(name))];
        parts.push(if user.on { "on".into() } else { "off".into() });
        if user.nopass {
            parts.push("nopass".into());
        }
        parts.extend(user.passwords.iter().map(|digest| format!("#{digest}")));
        if !user.keys.is_empty() {
            parts.push(user.keys_text());
        }
        match user.channels.iter().any(|channel| &channel[..] == b"*") {
            true => parts.push("&*".into()),
            false => {
                parts.push(format!("resetchannels {}", user.channels_text()).trim_end().to_owned())
            }
        }
        parts.push(user.commands_text());
        parts.join(" ")
    });
    Ok(Reply::bulks(lines))
}

fn users(call: &mut Call<'_>) -> Result<Reply, Failure> {
    Ok(Reply::bulks(call.state.users.0.keys()))
}

fn whoami(call: &mut Call<'_>) -> Result<Reply, Failure> {
    Ok(Reply::bulk_or_null(call.session().user.as_ref()))
}

fn deluser(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let names = &call.args[2..];
    if names.iter().any(|name| &name[..] == b"default") {
        return Err(Failure::fixed("ERR The 'default' user cannot be removed"));
    }
    let mut count = 0;
    for name in names {
        if call.state.users.0.remove(name).is_none() {
            continue;
        }
        count += 1;
        // The connections of a user who is gone are cut.
        for session in
            call.state.sessions.values_mut().filter(|session| session.user.as_ref() == Some(name))
        {
            session.closing = true;
            session.wake.notify_one();
        }
    }
    Ok(Reply::Integer(count))
}

fn dryrun(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let name = String::from_utf8_lossy(call.arg(2)).into_owned();
    let user = call
        .state
        .users
        .get(call.arg(2))
        .ok_or(Failure::new(format!("ERR User '{name}' not found")))?;
    let args: &[Bytes] = &call.args[3..];
    if super::lookup(&args[0]).is_none() {
        return Err(Failure::new(format!(
            "ERR Command '{}' not found",
            String::from_utf8_lossy(&args[0])
        )));
    }
    let found = dispatch::find(args)?;
    let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
    Ok(match user.check(found, args) {
        Ok(()) => Reply::OK,
        Err(Refusal::Command(name)) => {
            Reply::bulk(format!("This user has no permissions to run the '{name}' command"))
        }
        Err(Refusal::Key(key)) => {
            Reply::bulk(format!("This user has no permissions to access the '{}' key", text(&key)))
        }
        Err(Refusal::Channel(channel)) => Reply::bulk(format!(
            "This user has no permissions to access the '{}' channel",
            text(&channel)
        )),
    })
}

fn genpass(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let bits = call.args.get(2).map_or(Ok(256), |bits| crate::fake_redis::number::integer(bits))?;
    if !(1..=4096).contains(&bits) {
        return Err(Failure::fixed(
            "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096",
        ));
    }
    let digits = usize::try_from(bits + 3).unwrap_or(256) / 4;
    let mut text = String::new();
    while text.len() < digits {
        text.push_str(&format!("{:016x}", call.state.next_random()));
    }
    text.truncate(digits);
    Ok(Reply::bulk(text))
}
