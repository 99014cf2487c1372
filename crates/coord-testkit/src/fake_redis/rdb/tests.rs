//! Payloads that Redis 7.0.15 wrote, and our own read again.

use bytes::Bytes;

use super::coding::{Reader, unseal};
use super::{dump, value};
use crate::fake_redis::types::Limits;
use crate::fake_redis::types::stream::id::{NewId, StreamId};
use crate::fake_redis::types::{Hash, List, Set, SortedSet, Stream};
use crate::fake_redis::value::Value;

fn read(payload: &[u8]) -> Option<Value> {
    value(&mut unseal(payload)?, Limits::default())
}

#[test]
fn what_is_written_is_read() {
    let text = |text: &'static str| Bytes::from_static(text.as_bytes());
    let mut hash = Hash::default();
    let mut sorted = SortedSet::default();
    for (at, name) in ["one", "two", "-7", ""].into_iter().enumerate() {
        hash.set(text(name), Bytes::from(vec![b'x'; at * 9000]));
        sorted.insert(text(name), [1.5, f64::INFINITY, -0.25, f64::MIN][at]);
    }
    let mut stream = Stream::default();
    for seq in 1..300 {
        let fields = if seq % 3 == 0 { vec![text("a"), text("1")] } else { vec![text("b"); 4] };
        stream.add(NewId::Exact(StreamId::new(5, seq)), 0, fields).expect("in order");
    }
    stream.delete(StreamId::new(5, 17));
    let values = [
        Value::String(vec![0; 70_000]),
        Value::List(List(vec![text("a"), text("12345678901"), Bytes::new()].into())),
        Value::Set(Set::from_members(Limits::default(), [text("1"), text("x")])),
        Value::Hash(hash),
        Value::SortedSet(sorted),
        Value::Stream(Box::new(stream)),
    ];
    for written in values {
        let payload = dump(&written);
        let again = read(&payload).expect("readable");
        assert_eq!(dump(&again), payload, "{written:?}");
        let mut broken = payload.to_vec();
        broken[3] ^= 1;
        assert!(read(&broken).is_none());
    }
}

#[test]
fn nothing_cut_short_is_read() {
    let list = Value::List(List(vec![Bytes::from_static(b"abc"); 20].into()));
    let payload = dump(&list);
    let body = unseal(&payload).expect("whole").0;
    for length in 0..body.len() {
        assert!(value(&mut Reader(&body[..length]), Limits::default()).is_none(), "{length}");
    }
}
