//! The order SORT leaves equal elements in when it needs only some of them.
//!
//! With BY and LIMIT, Redis runs a quicksort (Bentley and McIlroy, 1993) that passes over the
//! parts nobody asked for. It is not stable, so where elements compare equal the same steps
//! have to be taken to give the same answer.

use std::cmp::Ordering;
use std::ops::Range;

/// Below so many elements they are inserted one by one.
const SMALL: usize = 7;
/// Above so many the middle is chosen among nine.
const LARGE: usize = 40;

/// Sorts so that the positions of `wanted` hold what they would if all were sorted.
pub(super) fn sort<T>(
    items: &mut [T],
    wanted: Range<usize>,
    compare: &impl Fn(&T, &T) -> Ordering,
) {
    let count = items.len();
    if count < SMALL {
        for end in 1..count {
            let mut at = end;
            while at > 0 && compare(&items[at - 1], &items[at]).is_gt() {
                items.swap(at - 1, at);
                at -= 1;
            }
        }
        return;
    }
    items.swap(0, middle(items, compare));
    // Equal ones gather at both ends: up to `left` and from `right` on.
    let (mut left, mut low) = (1, 1);
    let (mut right, mut high) = (count, count);
    loop {
        while low < high {
            match compare(&items[low], &items[0]) {
                Ordering::Greater => break,
                Ordering::Equal => {
                    items.swap(left, low);
                    left += 1;
                }
                Ordering::Less => {}
            }
            low += 1;
        }
        while low < high {
            match compare(&items[high - 1], &items[0]) {
                Ordering::Less => break,
                Ordering::Equal => {
                    right -= 1;
                    items.swap(high - 1, right);
                }
                Ordering::Greater => {}
            }
            high -= 1;
        }
        if low >= high {
            break;
        }
        items.swap(low, high - 1);
        low += 1;
        high -= 1;
    }
    let (smaller, greater) = (low - left, right - high);
    exchange(items, 0, low, left.min(smaller));
    exchange(items, low, count, greater.min(count - right));
    for part in [0..smaller, count - greater..count] {
        let asked = part.start < wanted.end && wanted.start < part.end;
        if part.len() > 1 && asked {
            let own =
                wanted.start.max(part.start) - part.start..wanted.end.min(part.end) - part.start;
            sort(&mut items[part], own, compare);
        }
    }
}

/// Exchanges `count` elements from `start` on with the last ones before `end`.
fn exchange<T>(items: &mut [T], start: usize, end: usize, count: usize) {
    for at in 0..count {
        items.swap(start + at, end - count + at);
    }
}

/// The element to divide by.
fn middle<T>(items: &[T], compare: &impl Fn(&T, &T) -> Ordering) -> usize {
    let count = items.len();
    let median = |a: usize, b: usize, c: usize| {
        let less = |a: usize, b: usize| compare(&items[a], &items[b]).is_lt();
        match less(a, b) {
            true if less(b, c) => b,
            true if less(a, c) => c,
            true => a,
            false if compare(&items[b], &items[c]).is_gt() => b,
            false if less(a, c) => a,
            false => c,
        }
    };
    let (mut low, mut mid, mut high) = (0, count / 2, count - 1);
    if count == SMALL {
        return mid;
    }
    if count > LARGE {
        let step = count / 8;
        low = median(low, low + step, low + 2 * step);
        mid = median(mid - step, mid, mid + step);
        high = median(high - 2 * step, high - step, high);
    }
    median(low, mid, high)
}
