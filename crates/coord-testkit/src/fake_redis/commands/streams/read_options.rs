//! The options of XREAD and XREADGROUP.

use bytes::Bytes;

use crate::fake_redis::call::{Call, Origin};
use crate::fake_redis::failure::Failure;
use crate::fake_redis::number::{integer, parse_i64};

/// Everything before the keys.
pub(super) struct Options {
    /// Milliseconds, 0 for ever.
    pub(super) block: Option<i64>,
    /// 0 for all.
    pub(super) count: usize,
    pub(super) group: Option<Member>,
    pub(super) no_ack: bool,
    /// Index of the first key.
    pub(super) streams: usize,
}

#[derive(Clone)]
pub(super) struct Member {
    pub(super) group: Bytes,
    pub(super) consumer: Bytes,
}

impl Options {
    pub(super) fn parse(call: &Call<'_>, grouped: bool) -> Result<Self, Failure> {
        let args = call.args;
        let mut options = Self { block: None, count: 0, group: None, no_ack: false, streams: 0 };
        let only_group = |option: &str| {
            Failure::new(format!(
                "ERR The {option} option is only supported by XREADGROUP. You called XREAD instead."
            ))
        };
        let mut at = 1;
        while at < args.len() {
            let more = args.len() - 1 - at;
            if call.is(at, "block") && more > 0 {
                if call.origin == Origin::Script {
                    return Err(Failure::new(format!(
                        "ERR {} command is not allowed with BLOCK option from scripts",
                        String::from_utf8_lossy(call.arg(0))
                    )));
                }
                at += 1;
                options.block = Some(parse_block(call, at)?);
            } else if call.is(at, "count") && more > 0 {
                at += 1;
                options.count = usize::try_from(integer(&args[at])?).unwrap_or(0);
            } else if call.is(at, "streams") && more > 0 {
                if !more.is_multiple_of(2) {
                    return Err(Failure::fixed(
                        "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.",
                    ));
                }
                options.streams = at + 1;
                break;
            } else if call.is(at, "group") && more >= 2 {
                if !grouped {
                    return Err(only_group("GROUP"));
                }
                let (group, consumer) = (args[at + 1].clone(), args[at + 2].clone());
                options.group = Some(Member { group, consumer });
                at += 2;
            } else if call.is(at, "noack") {
                if !grouped {
                    return Err(only_group("NOACK"));
                }
                options.no_ack = true;
            } else {
                return Err(Failure::syntax());
            }
            at += 1;
        }
        if options.streams == 0 {
            return Err(Failure::syntax());
        }
        if grouped && options.group.is_none() {
            return Err(Failure::fixed("ERR Missing GROUP option for XREADGROUP"));
        }
        Ok(options)
    }
}

fn parse_block(call: &Call<'_>, at: usize) -> Result<i64, Failure> {
    let block = parse_i64(call.arg(at))
        .ok_or(Failure::fixed("ERR timeout is not an integer or out of range"))?;
    if call.origin != Origin::Again {
        // A negative or too late end is refused before anything is read.
        call.deadline_from_ms(block)?;
    }
    Ok(block)
}
