//! Writing a value.

use bytes::{BufMut, Bytes};

use super::coding::{Writer, seal};
use super::{kind, stream};
use crate::fake_redis::value::Value;

/// The payload of DUMP.
pub(crate) fn value(value: &Value) -> Bytes {
    let mut out = Writer::default();
    plain(value, &mut out);
    seal(out)
}

/// A value with its type, without version and checksum.
pub(crate) fn plain(value: &Value, out: &mut Writer) {
    out.0.put_u8(match value {
        Value::String(_) => kind::STRING,
        Value::List(_) => kind::LIST,
        Value::Set(_) => kind::SET,
        Value::Hash(_) => kind::HASH,
        Value::SortedSet(_) => kind::SORTED_SET,
        Value::Stream(_) => kind::STREAM_2,
    });
    match value {
        Value::String(text) => out.string(text),
        Value::List(list) => {
            out.length(list.len());
            list.0.iter().for_each(|element| out.string(element));
        }
        Value::Set(set) => {
            out.length(set.len());
            set.members().iter().for_each(|member| out.string(member));
        }
        Value::Hash(hash) => {
            out.length(hash.len());
            for (field, value) in hash.iter() {
                out.string(field);
                out.string(value);
            }
        }
        Value::SortedSet(set) => {
            out.length(set.len());
            for (score, member) in set.iter() {
                out.string(member);
                out.0.put_u64_le(score.to_bits());
            }
        }
        Value::Stream(stream) => stream::write(stream, out),
    }
}
