use super::group::{Claim, Claimed};
use super::trim::{Keep, Trim};
use super::*;

fn fields(pairs: &[&'static str]) -> Fields {
    pairs.iter().map(|text| Bytes::from_static(text.as_bytes())).collect()
}

fn stream(count: u64) -> Stream {
    let mut stream = Stream::default();
    for n in 1..=count {
        stream.add(NewId::Exact(StreamId::new(n, 0)), 0, fields(&["f", "v"])).unwrap();
    }
    stream
}

fn ids(stream: &Stream) -> Vec<u64> {
    stream.range(StreamId::MIN, StreamId::MAX).map(|(id, _)| id.ms).collect()
}

fn name(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

#[test]
fn identifiers_are_read_as_the_server_reads_them() {
    let parse = |text: &str| StreamId::parse(text.as_bytes(), 7);
    assert_eq!(parse("5-3"), Ok(StreamId::new(5, 3)));
    assert_eq!(parse("5"), Ok(StreamId::new(5, 7)));
    assert_eq!(parse("007-+3"), Ok(StreamId::new(7, 3)));
    assert_eq!(parse("18446744073709551615"), Ok(StreamId::new(u64::MAX, 7)));
    for bad in ["", "-", "+", "-1", "5-", "5-x", "1-2-3", "18446744073709551616", "5-*", "++5"] {
        assert_eq!(parse(bad), Err(id::InvalidId), "{bad}");
    }
    assert_eq!(StreamId::parse_bound(b"-", 0), Ok(StreamId::MIN));
    assert_eq!(StreamId::parse_bound(b"+", 0), Ok(StreamId::MAX));
    assert_eq!(NewId::parse(b"*"), Ok(NewId::Auto));
    assert_eq!(NewId::parse(b"9-*"), Ok(NewId::Sequence(9)));
    assert_eq!(NewId::parse(b"9"), Ok(NewId::Exact(StreamId::new(9, 0))));
}

#[test]
fn neighbours_of_identifiers_carry_over() {
    assert_eq!(StreamId::new(1, u64::MAX).next(), Some(StreamId::new(2, 0)));
    assert_eq!(StreamId::MAX.next(), None);
    assert_eq!(StreamId::new(2, 0).previous(), Some(StreamId::new(1, u64::MAX)));
    assert_eq!(StreamId::MIN.previous(), None);
}

#[test]
fn generated_identifiers_follow_clock_and_last_entry() {
    let mut stream = Stream::default();
    let mut add = |id, now| stream.add(id, now, fields(&["f", "v"]));
    assert_eq!(add(NewId::Sequence(0), 0), Ok(StreamId::new(0, 1)));
    assert_eq!(add(NewId::Auto, 5), Ok(StreamId::new(5, 0)));
    assert_eq!(add(NewId::Auto, 4), Ok(StreamId::new(5, 1)));
    assert_eq!(add(NewId::Sequence(5), 0), Ok(StreamId::new(5, 2)));
    assert_eq!(add(NewId::Sequence(4), 0), Err(AddError::NotGreater));
    assert_eq!(add(NewId::Exact(StreamId::new(5, 2)), 0), Err(AddError::NotGreater));
    assert_eq!(add(NewId::Exact(StreamId::new(5, u64::MAX)), 0).map(|id| id.ms), Ok(5));
    assert_eq!(add(NewId::Sequence(5), 0), Err(AddError::NotGreater));
    assert_eq!(add(NewId::Exact(StreamId::MAX), 0), Ok(StreamId::MAX));
    assert_eq!(add(NewId::Auto, 9), Err(AddError::Exhausted));
}

#[test]
fn approximate_trimming_removes_whole_nodes_only() {
    let about = |keep, limit| Trim { keep, approximate: true, limit };
    let mut stream = stream(250);
    assert_eq!(stream.node_count(), 3);
    assert_eq!(stream.trim(about(Keep::MaxLen(151), 0)), 0);
    assert_eq!(stream.trim(about(Keep::MaxLen(150), 99)), 0);
    assert_eq!(stream.trim(about(Keep::MaxLen(150), 100)), 100);
    assert_eq!(stream.trim(about(Keep::MinId(StreamId::new(200, 0)), 0)), 0);
    assert_eq!(stream.trim(about(Keep::MinId(StreamId::new(201, 0)), 0)), 100);
    assert_eq!((stream.len(), stream.node_count()), (50, 1));
    assert_eq!(stream.max_deleted_id(), StreamId::MIN);
}

#[test]
fn exact_trimming_stops_where_asked() {
    let exact = |keep| Trim { keep, approximate: false, limit: 0 };
    let mut stream = stream(230);
    assert_eq!(stream.trim(exact(Keep::MaxLen(5))), 225);
    assert_eq!(stream.trim(exact(Keep::MinId(StreamId::new(229, 0)))), 3);
    assert_eq!(ids(&stream), [229, 230]);
    assert_eq!(stream.trim(exact(Keep::MaxLen(0))), 2);
    assert_eq!((stream.node_count(), stream.first_id()), (0, StreamId::MIN));
}

#[test]
fn large_entries_fill_a_node_by_bytes() {
    let mut stream = Stream::default();
    let big = Bytes::from(vec![b'x'; 1000]);
    for _ in 0..10 {
        stream.add(NewId::Auto, 1, vec![name("f"), big.clone()]).unwrap();
    }
    assert_eq!(stream.node_count(), 3);
}

#[test]
fn lag_is_known_until_a_deletion_ahead() {
    let mut stream = stream(5);
    let group = Group::new(StreamId::MIN, None);
    stream.groups_mut().insert(name("g"), group);
    let lag = |stream: &Stream| stream.lag(&stream.groups()[b"g".as_slice()]);
    assert_eq!(lag(&stream), Some(5));
    stream.groups_mut().get_mut(b"g".as_slice()).unwrap().create_consumer(&name("c"), 0);
    assert_eq!(stream.deliver(b"g", &name("c"), 2, false, 9).len(), 2);
    assert_eq!(lag(&stream), Some(3));
    assert!(stream.delete(StreamId::new(4, 0)));
    assert_eq!(lag(&stream), None);
    stream.deliver(b"g", &name("c"), 0, true, 9);
    assert_eq!(lag(&stream), Some(0));
    assert_eq!(stream.groups()[b"g".as_slice()].pending().len(), 2);
}

#[test]
fn history_shows_deleted_entries_and_counts_deliveries() {
    let mut stream = stream(2);
    stream.groups_mut().insert(name("g"), Group::new(StreamId::MIN, None));
    stream.groups_mut().get_mut(b"g".as_slice()).unwrap().create_consumer(&name("c"), 0);
    stream.deliver(b"g", &name("c"), 0, false, 1);
    stream.delete(StreamId::new(1, 0));
    let history = stream.redeliver(b"g", b"c", StreamId::MIN, 0, 7);
    let gone: Vec<_> = history.iter().map(|(id, fields)| (id.ms, fields.is_none())).collect();
    assert_eq!(gone, [(1, true), (2, false)]);
    let pending = stream.groups()[b"g".as_slice()].pending();
    let counts: Vec<_> = pending.values().map(|p| (p.deliveries, p.delivered_at)).collect();
    assert_eq!(counts, [(1, 1), (2, 7)]);
}

#[test]
fn claims_respect_idle_time_and_move_ownership() {
    let mut stream = stream(3);
    stream.groups_mut().insert(name("g"), Group::new(StreamId::MIN, None));
    stream.groups_mut().get_mut(b"g".as_slice()).unwrap().create_consumer(&name("a"), 0);
    stream.deliver(b"g", &name("a"), 2, false, 100);
    let group = stream.groups_mut().get_mut(b"g".as_slice()).unwrap();
    group.see_consumer(&name("b"), 150);
    let claim = Claim {
        min_idle: 60,
        now: 150,
        delivered_at: 150,
        deliveries: None,
        just_id: false,
        force: false,
    };
    let (one, two, three) = (StreamId::new(1, 0), StreamId::new(2, 0), StreamId::new(3, 0));
    assert_eq!(group.claim(one, true, &name("b"), claim), Claimed::No);
    let later = Claim { now: 160, ..claim };
    assert_eq!(group.claim(one, true, &name("b"), later), Claimed::Yes);
    assert_eq!(group.pending()[&one].deliveries, 2);
    assert_eq!(group.claim(two, false, &name("b"), later), Claimed::Deleted);
    assert_eq!(group.claim(three, true, &name("b"), later), Claimed::No);
    let forced = Claim { force: true, just_id: true, ..later };
    assert_eq!(group.claim(three, true, &name("b"), forced), Claimed::Yes);
    assert!(group.consumers()[b"a".as_slice()].pending().is_empty());
    assert_eq!(group.consumers()[b"b".as_slice()].pending().len(), 2);
    assert_eq!(group.delete_consumer(b"b"), Some(2));
    assert!(group.pending().is_empty());
}
