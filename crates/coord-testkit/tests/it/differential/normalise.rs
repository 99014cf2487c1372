//! What may differ between two correct servers, and nothing else.

use coord_testkit::server::Frame;

/// Milliseconds (and for `TTL` seconds) by which expiry times may differ.
const SLACK_MS: i64 = 30_000;
const SLACK_S: i64 = 30;

const NO_NUMBERS: &str = "ERR One or more scores can't be converted into double";

/// Whether two replies to the same command mean the same.
pub(crate) fn same(args: &[Vec<u8>], fake: &Frame, real: &Frame) -> bool {
    let args = effective(args);
    let slack = match name(args).as_str() {
        "PTTL" | "PEXPIRETIME" => SLACK_MS,
        "TTL" | "EXPIRETIME" => SLACK_S,
        _ => 0,
    };
    if let (Frame::Integer(fake), Frame::Integer(real)) = (fake, real)
        && slack > 0
        && *fake > 0
        && *real > 0
    {
        return fake.abs_diff(*real) <= slack.unsigned_abs();
    }
    fake == real
        || is_stale_refusal(args, fake, real)
        || normalise(args, fake.clone()) == normalise(args, real.clone())
}

/// SORT of Redis 7.0 takes for its own the `errno` that reading a score such as `5e-324` has left,
/// and refuses to sort what are numbers.
fn is_stale_refusal(args: &[Vec<u8>], fake: &Frame, real: &Frame) -> bool {
    let is_number = |item: &Frame| match item {
        Frame::Bulk(text) => str::from_utf8(text).is_ok_and(|text| text.parse::<f64>().is_ok()),
        _ => false,
    };
    let text = |text: &str| Frame::Bulk(text.as_bytes().to_vec());
    matches!(name(args).as_str(), "SORT" | "SORT_RO")
        && match (fake, real) {
            (Frame::Array(items), Frame::Error(refusal)) => {
                refusal == NO_NUMBERS && items.iter().all(is_number)
            }
            // What a script of ours says of the reply.
            (Frame::Array(fake), Frame::Array(real)) => {
                fake.first() == Some(&text("table")) && *real == [text("err"), text(NO_NUMBERS)]
            }
            _ => false,
        }
}

/// The command inside a script of ours that only hands it on.
fn effective(args: &[Vec<u8>]) -> &[Vec<u8>] {
    if name(args) == "EVAL"
        && let Some(keys) = args.get(2).and_then(|count| std::str::from_utf8(count).ok())
        && let Ok(keys) = keys.parse::<usize>()
        && args.len() > 3 + keys
    {
        return &args[3 + keys..];
    }
    args
}

pub(crate) fn name(args: &[Vec<u8>]) -> String {
    String::from_utf8_lossy(&args[0]).to_uppercase()
}

fn normalise(args: &[Vec<u8>], frame: Frame) -> Frame {
    let second = args.get(1).map(|arg| String::from_utf8_lossy(arg).to_uppercase());
    match (name(args).as_str(), second.as_deref()) {
        // Sets and the keyspace have no order.
        ("SMEMBERS" | "SINTER" | "SUNION" | "SDIFF" | "KEYS" | "HKEYS" | "HVALS", _) => {
            sorted(frame)
        }
        ("HGETALL", _) => sorted_pairs(frame),
        ("SCAN" | "SSCAN", _) => in_scan(frame, sorted),
        ("HSCAN" | "ZSCAN", _) => in_scan(frame, sorted_pairs),
        // Random by definition.
        ("SRANDMEMBER" | "HRANDFIELD" | "ZRANDMEMBER" | "RANDOMKEY" | "SPOP" | "TIME", _) => {
            shape(frame)
        }
        // Times of delivery depend on when the case ran.
        ("XPENDING", _) => idle_times(frame),
        ("XINFO", Some("STREAM")) => stream_times(frame),
        ("XINFO", Some("CONSUMERS")) => consumer_times(frame),
        _ => frame,
    }
}

fn sorted(frame: Frame) -> Frame {
    match frame {
        Frame::Array(mut items) => {
            items.sort();
            Frame::Array(items)
        }
        Frame::Set(mut items) => {
            items.sort();
            Frame::Set(items)
        }
        other => other,
    }
}

/// Pairs in a map or in a flat array.
fn sorted_pairs(frame: Frame) -> Frame {
    match frame {
        Frame::Map(mut pairs) => {
            pairs.sort();
            Frame::Map(pairs)
        }
        Frame::Array(items) => {
            let mut pairs: Vec<_> = items.chunks(2).map(<[Frame]>::to_vec).collect();
            pairs.sort();
            Frame::Array(pairs.concat())
        }
        other => other,
    }
}

fn in_scan(frame: Frame, order: fn(Frame) -> Frame) -> Frame {
    match frame {
        Frame::Array(mut parts) if parts.len() == 2 => {
            let items = parts.remove(1);
            Frame::Array(vec![parts.remove(0), order(items)])
        }
        other => other,
    }
}

fn shape(frame: Frame) -> Frame {
    match frame {
        Frame::Array(items) => Frame::Array(items.into_iter().map(shape).collect()),
        Frame::Set(items) => Frame::Set(items.into_iter().map(shape).collect()),
        Frame::Bulk(_) => Frame::Bulk(Vec::new()),
        Frame::Double(_) => Frame::Double(String::new()),
        other => other,
    }
}

/// `[[id, consumer, idle, count], ..]`: idle times are far apart or close to 0.
fn idle_times(frame: Frame) -> Frame {
    let Frame::Array(rows) = frame else { return frame };
    let rows = rows.into_iter().map(|row| match row {
        Frame::Array(mut cells) if cells.len() == 4 => {
            if let Frame::Integer(idle) = &mut cells[2] {
                *idle /= 100_000;
            }
            Frame::Array(cells)
        }
        other => other,
    });
    Frame::Array(rows.collect())
}

/// Times since 1970 in milliseconds become 0; so does the size of the internal tree.
fn stream_times(frame: Frame) -> Frame {
    const YEAR_2001: i64 = 1_000_000_000_000;
    match frame {
        Frame::Integer(time) if time > YEAR_2001 && time < i64::MAX / 2 => Frame::Integer(0),
        Frame::Array(items) => {
            let mut items: Vec<_> = items.into_iter().map(stream_times).collect();
            for at in 1..items.len() {
                if is_tree_size(&items[at - 1]) {
                    items[at] = Frame::Null;
                }
            }
            Frame::Array(items)
        }
        Frame::Map(pairs) => Frame::Map(
            pairs
                .into_iter()
                .map(|(key, value)| {
                    let value = if is_tree_size(&key) { Frame::Null } else { stream_times(value) };
                    (key, value)
                })
                .collect(),
        ),
        other => other,
    }
}

fn is_tree_size(frame: &Frame) -> bool {
    matches!(frame, Frame::Bulk(text) if text == b"radix-tree-nodes")
}

/// The last field of each consumer is the time since it was seen.
fn consumer_times(frame: Frame) -> Frame {
    let Frame::Array(consumers) = frame else { return frame };
    let consumers = consumers.into_iter().map(|consumer| match consumer {
        Frame::Map(mut pairs) => {
            pairs.pop();
            Frame::Map(pairs)
        }
        Frame::Array(mut items) => {
            items.pop();
            Frame::Array(items)
        }
        other => other,
    });
    Frame::Array(consumers.collect())
}
