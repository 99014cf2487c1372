//! Sorted sets.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;

use crate::fake_redis::types::range::{LexBound, LexRange, ScoreBound, ScoreRange};
use crate::fake_redis::types::sorted_set::SortedSet;

fn score() -> impl Strategy<Value = f64> {
    let named = vec![0.0, -0.0, 1.0, -1.0, f64::INFINITY, f64::NEG_INFINITY, 1e300, 0.1];
    prop_oneof![3 => prop::sample::select(named), 1 => -5.0..5.0_f64]
}

fn bound() -> impl Strategy<Value = ScoreBound> {
    (score(), any::<bool>()).prop_map(|(value, exclusive)| ScoreBound { value, exclusive })
}

/// Pairs in the order Redis gives them.
fn sorted(model: &BTreeMap<Bytes, f64>) -> Vec<(f64, Bytes)> {
    let mut pairs: Vec<_> = model.iter().map(|(member, score)| (*score, member.clone())).collect();
    pairs.sort_by(|a, b| a.0.partial_cmp(&b.0).unwrap().then_with(|| a.1.cmp(&b.1)));
    pairs
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn sorted_set_matches_a_sorted_vector(
        steps in prop::collection::vec((0_u8..5, "[a-d]{0,3}", score()), 0..400),
        ranges in prop::collection::vec((bound(), bound()), 5),
        window in (0_usize..150, 0_usize..150),
    ) {
        let (mut set, mut model) = (SortedSet::default(), BTreeMap::new());
        for (kind, member, score) in steps {
            let member = Bytes::from(member);
            if kind == 0 {
                prop_assert_eq!(set.remove(&member), model.remove(&member));
            } else {
                let former = model.get(&member).copied();
                prop_assert_eq!(set.insert(member.clone(), score), former);
                if former != Some(score) {
                    // A listpack has no -0, and this set stays one.
                    model.insert(member, if score == 0.0 { 0.0 } else { score });
                }
            }
            prop_assert_eq!(set.len(), model.len());
        }
        let pairs = sorted(&model);
        let walked: Vec<_> = set.iter().map(|(score, member)| (score, member.clone())).collect();
        prop_assert_eq!(&walked, &pairs);
        let signs = |pairs: &[(f64, Bytes)]| -> Vec<_> {
            pairs.iter().map(|pair| pair.0.is_sign_negative()).collect()
        };
        prop_assert_eq!(signs(&walked), signs(&pairs));
        for (rank, (score, member)) in pairs.iter().enumerate() {
            prop_assert_eq!(set.rank(member), Some(rank));
            prop_assert_eq!(set.score(member), Some(*score));
        }
        let (start, count) = (window.0.min(pairs.len()), window.1);
        let up: Vec<_> = set.walk(start, count).map(|(_, member)| member.clone()).collect();
        let want: Vec<_> = pairs.iter().skip(start).take(count).map(|p| p.1.clone()).collect();
        prop_assert_eq!(up, want);
        if start < pairs.len() {
            let down: Vec<_> = set.walk_back(start, count).map(|(_, m)| m.clone()).collect();
            let want = pairs[..=start].iter().rev().take(count).map(|p| p.1.clone());
            prop_assert_eq!(down, want.collect::<Vec<_>>());
        }
        for (min, max) in ranges {
            let inside = |score: f64| {
                (if min.exclusive { score > min.value } else { score >= min.value })
                    && (if max.exclusive { score < max.value } else { score <= max.value })
            };
            let ranks = set.ranks_by_score(&ScoreRange { min, max });
            let want = pairs.iter().filter(|(score, _)| inside(*score)).count();
            prop_assert_eq!(ranks.len(), want);
            prop_assert!(pairs[ranks].iter().all(|(score, _)| inside(*score)));
        }
    }

    #[test]
    fn lex_ranges_select_by_bytes(
        members in prop::collection::btree_set("[a-c]{0,3}", 0..40),
        min in "-|\\+|[\\[(][a-c]{0,3}",
        max in "-|\\+|[\\[(][a-c]{0,3}",
    ) {
        let mut set = SortedSet::default();
        for member in &members {
            set.insert(Bytes::from(member.clone()), 1.0);
        }
        let bound = |text: &str| LexBound::parse(&Bytes::from(text.to_owned())).unwrap();
        let after_min = |member: &str| match (&min[..1], &min[1..]) {
            ("-", _) => true,
            ("+", _) => false,
            ("[", min) => member >= min,
            (_, min) => member > min,
        };
        let before_max = |member: &str| match (&max[..1], &max[1..]) {
            ("-", _) => false,
            ("+", _) => true,
            ("[", max) => member <= max,
            (_, max) => member < max,
        };
        let ranks = set.ranks_by_lex(&LexRange { min: bound(&min), max: bound(&max) });
        let found: Vec<_> = set.walk(ranks.start, ranks.len()).map(|(_, m)| m.clone()).collect();
        let want = members.iter().filter(|member| after_min(member) && before_max(member));
        prop_assert_eq!(found, want.map(|m| Bytes::from(m.clone())).collect::<Vec<_>>());
    }
}

#[test]
fn encoding_grows_at_both_thresholds() {
    let mut set = SortedSet::default();
    for number in 0..128 {
        set.insert(Bytes::from(number.to_string()), 0.0);
    }
    assert_eq!((set.encoding(), set.scan(0, 1).1.len()), ("listpack", 128));
    let mut wide = SortedSet::default();
    wide.insert(Bytes::from(vec![b'x'; 64]), 0.0);
    assert_eq!(wide.encoding(), "listpack");
    wide.insert(Bytes::from(vec![b'y'; 65]), 0.0);
    assert_eq!(wide.encoding(), "skiplist");
    set.insert(Bytes::from_static(b"one more"), 0.0);
    assert_eq!((set.encoding(), set.scan(0, 1).1.len()), ("skiplist", 1));
    for (set, negative) in [(&mut wide, true), (&mut SortedSet::default(), false)] {
        set.insert(Bytes::from_static(b"zero"), -0.0);
        assert_eq!(set.score(b"zero").unwrap().is_sign_negative(), negative);
    }
}

#[test]
fn bounds_are_read_as_c_reads_them() {
    let bound = |text: &str| ScoreBound::parse(text.as_bytes()).map(|b| (b.value, b.exclusive));
    assert_eq!(bound("1.5"), Some((1.5, false)));
    assert_eq!(bound("(1e2"), Some((100.0, true)));
    assert_eq!(bound("-inf"), Some((f64::NEG_INFINITY, false)));
    assert_eq!(bound("(+INFinity"), Some((f64::INFINITY, true)));
    assert_eq!(bound(""), Some((0.0, false)));
    assert_eq!(bound(" 1"), Some((1.0, false)));
    assert_eq!(bound("0x1f"), Some((31.0, false)));
    assert_eq!((bound("nan"), bound("1 "), bound("((1"), bound("x")), (None, None, None, None));
    assert_eq!(LexBound::parse(&Bytes::from_static(b"a")), None);
    assert_eq!(LexBound::parse(&Bytes::from_static(b"-a")), None);
    assert_eq!(LexBound::parse(&Bytes::new()), None);
}
