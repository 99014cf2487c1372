//! SLOWLOG and LATENCY.

use crate::fake_redis::call::Call;
use crate::fake_redis::command::{Command, Keys, flag};
use crate::fake_redis::failure::Failure;
use crate::fake_redis::number::integer;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::slow::Histogram;

use super::help;
use flag::{ADMIN, LOADING, NOSCRIPT, STALE};

pub(crate) const SLOWLOG: &[Command] = &[
    Command::new("get", -2, ADMIN | LOADING | STALE, Keys::None, get),
    Command::new("help", 2, LOADING | STALE, Keys::None, |_| {
        Ok(help("SLOWLOG", &["GET [<count>]", "LEN", "RESET"]))
    }),
    Command::new("len", 2, ADMIN | LOADING | STALE, Keys::None, |call| {
        Ok(Reply::len(call.state.slow.log.len()))
    }),
    Command::new("reset", 2, ADMIN | LOADING | STALE, Keys::None, |call| {
        call.state.slow.log.clear();
        Ok(Reply::OK)
    }),
];

const WATCHES: u32 = ADMIN | NOSCRIPT | LOADING | STALE;

pub(crate) const LATENCY: &[Command] = &[
    Command::new("doctor", 2, WATCHES, Keys::None, |_| {
        Ok(Reply::Verbatim("txt", "The fake server gives no advice on latency.".into()))
    }),
    Command::new("graph", 3, WATCHES, Keys::None, graph),
    Command::new("help", 2, LOADING | STALE, Keys::None, |_| {
        Ok(help(
            "LATENCY",
            &[
                "DOCTOR",
                "HISTOGRAM [<command> ...]",
                "HISTORY <event>",
                "LATEST",
                "RESET [<event> ...]",
            ],
        ))
    }),
    Command::new("histogram", -2, WATCHES, Keys::None, histogram),
    Command::new("history", 3, WATCHES, Keys::None, history),
    Command::new("latest", 2, WATCHES, Keys::None, latest),
    Command::new("reset", -2, WATCHES, Keys::None, reset),
];

fn number(number: u64) -> Reply {
    Reply::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

fn get(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let most = match call.args.len() {
        2 => 10,
        3 => integer(call.arg(2))?,
        _ => return Err(Failure::syntax()),
    };
    if most < -1 {
        return Err(Failure::fixed("ERR count should be greater than or equal to -1"));
    }
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let entries = call.state.slow.log.iter().take(most).map(|entry| {
        let took = u64::try_from(entry.took.as_micros()).unwrap_or(u64::MAX);
        Reply::Array(vec![
            Reply::Integer(entry.id),
            number(entry.at),
            number(took),
            Reply::bulks(&entry.args),
            Reply::bulk(&entry.peer),
            Reply::bulk(&entry.name),
        ])
    });
    Ok(Reply::Array(entries.collect()))
}

fn histogram(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let wanted: Vec<String> =
        call.args[2..].iter().map(|name| String::from_utf8_lossy(name).to_lowercase()).collect();
    let mut rows = Vec::new();
    let mut add = |name: &str, times: &Histogram| {
        let buckets = times.buckets().map(|(us, count)| (number(us), number(count)));
        let fields = vec![
            (Reply::bulk("calls"), number(times.calls)),
            (Reply::bulk("histogram_usec"), Reply::Map(buckets.collect())),
        ];
        rows.push((Reply::bulk(name), Reply::Map(fields)));
    };
    let times = call.state.stats.times.iter().map(|((parent, command), times)| {
        let name =
            parent.map_or_else(|| (*command).to_owned(), |parent| format!("{parent}|{command}"));
        (name, *parent, times)
    });
    let all: Vec<_> = times.collect();
    if wanted.is_empty() {
        all.iter().for_each(|(name, _, times)| add(name, times));
    }
    for word in &wanted {
        // A container stands for its subcommands.
        let hits = all.iter().filter(|(name, parent, _)| name == word || *parent == Some(word));
        hits.for_each(|(name, _, times)| add(name, times));
    }
    Ok(Reply::Map(rows))
}

fn history(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let name = String::from_utf8_lossy(call.arg(2)).into_owned();
    let event = call.state.slow.events.get(name.as_str());
    let samples = event.into_iter().flat_map(|event| &event.samples);
    let pairs = samples.map(|(at, ms)| Reply::Array(vec![number(*at), number(*ms)]));
    Ok(Reply::Array(pairs.collect()))
}

/// The head of a graph, and each sample in a line of its own in the place of one.
fn graph(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let name = String::from_utf8_lossy(call.arg(2)).into_owned();
    let event = call.state.slow.events.get(name.as_str());
    let samples = event.map_or_else(Vec::new, |event| event.samples.iter().copied().collect());
    let times = samples.iter().map(|(_, ms)| *ms);
    let (Some(event), Some(high), Some(low)) = (event, times.clone().max(), times.min()) else {
        return Err(Failure::new(format!("ERR No samples available for event '{name}'")));
    };
    let all = event.longest_ms;
    let mut text = format!("{name} - high {high} ms, low {low} ms (all time high {all} ms)\n");
    text.push_str(&"-".repeat(80));
    text.push('\n');
    for (at, ms) in samples {
        text.push_str(&format!("{at} {ms} ms\n"));
    }
    Ok(Reply::Verbatim("txt", text.into()))
}

fn latest(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let events = call.state.slow.events.iter().filter_map(|(name, event)| {
        let (at, ms) = event.samples.back()?;
        let fields = [*at, *ms, event.longest_ms].map(number);
        Some(Reply::Array([Reply::bulk(name)].into_iter().chain(fields).collect()))
    });
    Ok(Reply::Array(events.collect()))
}

fn reset(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let (args, events) = (call.args, &mut call.state.slow.events);
    let before = events.len();
    if args.len() == 2 {
        events.clear();
    }
    events.retain(|name, _| !args[2..].iter().any(|arg| &arg[..] == name.as_bytes()));
    Ok(Reply::len(before - events.len()))
}
