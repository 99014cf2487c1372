//! CLIENT TRACKING and its relatives.

use bytes::Bytes;

use crate::fake_redis::call::Call;
use crate::fake_redis::failure::Failure;
use crate::fake_redis::number::integer;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::session::SessionId;
use crate::fake_redis::tracking::{Caching, Tracking};

pub(crate) fn tracking(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let mut wanted = Tracking::default();
    let mut at = 3;
    while at < call.args.len() {
        let next = at + 1 < call.args.len();
        if call.is(at, "REDIRECT") && next {
            let id = integer(call.arg(at + 1))?;
            let id = SessionId::try_from(id).unwrap_or(0);
            if !call.state.sessions.contains_key(&id) {
                return Err(Failure::fixed(
                    "ERR The client ID you want redirect to does not exist",
                ));
            }
            wanted.redirect = id;
            at += 1;
        } else if call.is(at, "BCAST") {
            wanted.broadcast = true;
        } else if call.is(at, "OPTIN") {
            wanted.opt_in = true;
        } else if call.is(at, "OPTOUT") {
            wanted.opt_out = true;
        } else if call.is(at, "NOLOOP") {
            wanted.no_loop = true;
        } else if call.is(at, "PREFIX") && next {
            wanted.prefixes.push(call.arg(at + 1).clone());
            at += 1;
        } else {
            return Err(Failure::syntax());
        }
        at += 1;
    }
    if call.is(2, "OFF") {
        call.session_mut().tracking = None;
        return Ok(Reply::OK);
    }
    if !call.is(2, "ON") {
        return Err(Failure::syntax());
    }
    check(call, &wanted)?;
    let old = call.session_mut().tracking.take();
    if let Some(old) = old.filter(|old| old.broadcast && wanted.broadcast) {
        wanted.prefixes.extend(old.prefixes);
    }
    call.session_mut().tracking = Some(wanted);
    Ok(Reply::OK)
}

fn check(call: &Call<'_>, wanted: &Tracking) -> Result<(), Failure> {
    if !wanted.prefixes.is_empty() && !wanted.broadcast {
        return Err(Failure::fixed("ERR PREFIX option requires BCAST mode to be enabled"));
    }
    if let Some(old) = &call.session().tracking {
        if old.broadcast != wanted.broadcast {
            return Err(Failure::fixed(
                "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode.",
            ));
        }
        if (old.opt_in && wanted.opt_out) || (old.opt_out && wanted.opt_in) {
            return Err(Failure::fixed(
                "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode.",
            ));
        }
    }
    if wanted.broadcast && (wanted.opt_in || wanted.opt_out) {
        return Err(Failure::fixed("ERR OPTIN and OPTOUT are not compatible with BCAST"));
    }
    if wanted.opt_in && wanted.opt_out {
        return Err(Failure::fixed("ERR You can't specify both OPTIN mode and OPTOUT mode"));
    }
    let old = call.session().tracking.as_ref().map_or(&[][..], |old| &old.prefixes);
    let all: Vec<&Bytes> = old.iter().chain(&wanted.prefixes).collect();
    for (at, one) in all.iter().enumerate().skip(old.len()) {
        let clash = all.iter().enumerate().find(|(other, prefix)| {
            *other != at
                && (prefix.starts_with(one) || one.starts_with(prefix))
                && (*other < old.len() || *other > at)
        });
        if let Some((_, other)) = clash {
            let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
            return Err(Failure::new(format!(
                "ERR Prefix '{}' overlaps with {} '{}'. Prefixes for a single client must not overlap.",
                text(one),
                if old.iter().any(|own| own == *other) {
                    "an existing prefix"
                } else {
                    "another provided prefix"
                },
                text(other)
            )));
        }
    }
    Ok(())
}

pub(crate) fn caching(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let (yes, no) = (call.is(2, "YES"), call.is(2, "NO"));
    let Some(tracking) = &mut call.session_mut().tracking else {
        return Err(Failure::fixed(
            "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
        ));
    };
    if yes {
        if !tracking.opt_in {
            return Err(Failure::fixed(
                "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
            ));
        }
        tracking.caching = Caching::Asked;
    } else if no {
        if !tracking.opt_out {
            return Err(Failure::fixed(
                "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
            ));
        }
        tracking.caching = Caching::Asked;
    } else {
        return Err(Failure::syntax());
    }
    Ok(Reply::OK)
}

pub(crate) fn getredir(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let redirect = call.session().tracking.as_ref().map(|tracking| tracking.redirect);
    Ok(Reply::Integer(redirect.map_or(-1, |id| i64::try_from(id).unwrap_or(0))))
}

pub(crate) fn info(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let mut flags = Vec::new();
    let mut redirect = -1;
    let mut prefixes = Vec::new();
    match &call.session().tracking {
        None => flags.push("off"),
        Some(tracking) => {
            flags.push("on");
            redirect = i64::try_from(tracking.redirect).unwrap_or(0);
            prefixes.clone_from(&tracking.prefixes);
            if tracking.broadcast && prefixes.is_empty() {
                // Everything begins with the empty prefix.
                prefixes.push(Bytes::new());
            }
            for (name, on) in [
                ("bcast", tracking.broadcast),
                ("optin", tracking.opt_in),
                ("caching-yes", tracking.opt_in && tracking.caching != Caching::Unasked),
                ("optout", tracking.opt_out),
                ("caching-no", tracking.opt_out && tracking.caching != Caching::Unasked),
                ("noloop", tracking.no_loop),
            ] {
                if on {
                    flags.push(name);
                }
            }
            if redirect != 0 && !call.state.sessions.contains_key(&tracking.redirect) {
                flags.push("broken_redirect");
            }
        }
    }
    Ok(Reply::Map(vec![
        (Reply::bulk("flags"), Reply::Set(flags.iter().map(Reply::bulk).collect())),
        (Reply::bulk("redirect"), Reply::Integer(redirect)),
        (Reply::bulk("prefixes"), Reply::bulks(prefixes)),
    ]))
}
