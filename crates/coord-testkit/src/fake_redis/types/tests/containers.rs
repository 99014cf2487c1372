//! Table, hash and set.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use proptest::prelude::*;

use crate::fake_redis::types::hash::Hash;
use crate::fake_redis::types::set::Set;
use crate::fake_redis::types::table::{Table, below};

#[derive(Debug, Clone)]
enum Step {
    Insert(u8, u8),
    Remove(u8),
    Sample,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (any::<u8>(), any::<u8>()).prop_map(|(key, value)| Step::Insert(key, value)),
        3 => any::<u8>().prop_map(Step::Remove),
        1 => Just(Step::Sample),
    ];
    prop::collection::vec(step, 0..400)
}

fn random(mut seed: u64) -> impl FnMut() -> u64 {
    seed |= 1;
    move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    }
}

fn key(number: u8) -> Bytes {
    Bytes::from(format!("k{number}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn table_is_a_map_in_insertion_order(steps in steps(), seed in any::<u64>()) {
        let (mut table, mut model) = (Table::default(), Vec::<(Bytes, u8)>::new());
        let mut random = random(seed);
        for step in steps {
            match step {
                Step::Insert(number, value) => {
                    let known = model.iter_mut().find(|(known, _)| *known == key(number));
                    let former = known.map(|(_, old)| std::mem::replace(old, value));
                    prop_assert_eq!(table.insert(key(number), value), former);
                    if former.is_none() {
                        model.push((key(number), value));
                    }
                }
                Step::Remove(number) => {
                    let at = model.iter().position(|(known, _)| *known == key(number));
                    let former = at.map(|at| model.remove(at).1);
                    prop_assert_eq!(table.remove(&key(number)), former);
                }
                Step::Sample => match table.sample(&mut random) {
                    None => prop_assert!(model.is_empty()),
                    Some((key, value)) => prop_assert!(model.contains(&(key.clone(), *value))),
                },
            }
            prop_assert_eq!(table.len(), model.len());
        }
        let entries: Vec<_> = table.iter().map(|(key, value)| (key.clone(), *value)).collect();
        prop_assert_eq!(entries, model);
    }

    #[test]
    fn scan_returns_all_that_stays(
        stay in prop::collection::btree_set(any::<u8>(), 1..60),
        changes in prop::collection::vec(steps(), 1..30),
        count in 1_usize..20,
    ) {
        let mut table = Table::default();
        for &number in &stay {
            table.insert(key(number), 0);
        }
        let (mut cursor, mut seen, mut changes) = (0, BTreeSet::new(), changes.into_iter());
        loop {
            let (next, found) = table.scan(cursor, count);
            prop_assert!(found.len() <= count);
            seen.extend(found.into_iter().map(|(key, _)| key.clone()));
            if next == 0 {
                break;
            }
            cursor = next;
            for step in changes.next().unwrap_or_default() {
                match step {
                    Step::Insert(number, value) => drop(table.insert(key(number), value)),
                    Step::Remove(number) if !stay.contains(&number) => {
                        table.remove(&key(number));
                    }
                    _ => {}
                }
            }
        }
        prop_assert!(stay.iter().all(|number| seen.contains(&key(*number))));
    }

    #[test]
    fn set_keeps_members_and_encoding(
        members in prop::collection::vec((any::<bool>(), "[0-9a]{1,3}|-?[1-9][0-9]{0,18}"), 0..900),
    ) {
        let (mut set, mut model) = (Set::default(), BTreeSet::new());
        let mut ints = true;
        for (add, member) in members {
            let member = Bytes::from(member);
            if add {
                prop_assert_eq!(set.insert(member.clone()), model.insert(member.clone()));
                let text = std::str::from_utf8(&member).unwrap();
                ints &= text.parse::<i64>().is_ok_and(|int| int.to_string() == text);
                ints &= model.len() <= 512;
            } else {
                prop_assert_eq!(set.remove(&member), model.remove(&member));
            }
            prop_assert_eq!(set.len(), model.len());
            prop_assert_eq!(set.contains(&member), model.contains(&member));
            prop_assert_eq!(set.encoding(), if ints { "intset" } else { "hashtable" });
        }
        let mut members = set.members();
        if ints {
            let number = |text: &Bytes| std::str::from_utf8(text).unwrap().parse::<i64>().unwrap();
            prop_assert!(members.windows(2).all(|pair| number(&pair[0]) < number(&pair[1])));
        }
        members.sort();
        prop_assert_eq!(members, model.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn below_stays_below(number in any::<u64>(), len in 1_usize..1000) {
        prop_assert!(below(&mut || number, len) < len);
    }
}

#[test]
fn hash_encoding_grows_at_both_thresholds() {
    let mut hash = Hash::default();
    for number in 0..512 {
        assert!(hash.set(Bytes::from(number.to_string()), Bytes::from_static(b"v")));
    }
    assert_eq!(hash.encoding(), "listpack");
    assert!(!hash.set(Bytes::from_static(b"0"), Bytes::from(vec![b'x'; 64])));
    assert_eq!(hash.encoding(), "listpack");
    assert_eq!(hash.scan(0, 1).1.len(), 512, "a listpack is scanned whole");
    let mut wide = hash.clone();
    wide.set(Bytes::from_static(b"0"), Bytes::from(vec![b'x'; 65]));
    assert_eq!(wide.encoding(), "hashtable");
    hash.set(Bytes::from_static(b"new"), Bytes::new());
    assert_eq!((hash.encoding(), hash.scan(0, 1).1.len()), ("hashtable", 1));
    hash.remove(b"new");
    assert_eq!(hash.encoding(), "hashtable", "it never goes back");
}

#[test]
fn samples_reach_every_entry_about_equally() {
    let mut table = Table::default();
    for number in 0..=200 {
        table.insert(key(number), ());
    }
    for number in 10..=200 {
        table.remove(&key(number));
    }
    let (mut hits, mut random) = (BTreeMap::new(), random(7));
    for _ in 0..10_000 {
        let (key, ()) = table.sample(&mut random).unwrap();
        *hits.entry(key.clone()).or_insert(0) += 1;
    }
    assert_eq!(hits.len(), 10);
    assert!(hits.values().all(|&hits| (800..1200).contains(&hits)), "{hits:?}");
}
