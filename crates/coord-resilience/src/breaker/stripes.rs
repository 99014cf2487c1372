//! Counters that threads bump without sharing a cache line.

use std::cell::Cell;
use std::sync::atomic::AtomicUsize;

use crate::sync::{AtomicU64, Ordering};

/// Counters of one thread group, alone on their cache lines (two, for the prefetcher).
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Stripe {
    /// Fast successes of calls admitted in CLOSED.
    pub(crate) ok: AtomicU64,
    /// Rejections in OPEN.
    pub(crate) rejected: AtomicU64,
    /// When the latest success was recorded: nanoseconds plus one, 0 for never.
    pub(crate) ok_at: AtomicU64,
}

/// One stripe per thread group.
#[derive(Debug, Default)]
pub(crate) struct Stripes([Stripe; STRIPES]);

impl Stripes {
    /// The calling thread's stripe.
    #[inline]
    pub(crate) fn mine(&self) -> &Stripe {
        &self.0[MINE.with(index) % STRIPES]
    }

    pub(crate) fn ok(&self) -> u64 {
        self.0.iter().map(|s| s.ok.load(Ordering::Relaxed)).sum()
    }

    pub(crate) fn rejected(&self) -> u64 {
        self.0.iter().map(|s| s.rejected.load(Ordering::Relaxed)).sum()
    }

    pub(crate) fn ok_at(&self) -> u64 {
        self.0.iter().map(|s| s.ok_at.load(Ordering::Relaxed)).max().unwrap_or(0)
    }
}

#[inline]
fn index(mine: &Cell<usize>) -> usize {
    if mine.get() == UNSET {
        mine.set(NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES);
    }
    mine.get()
}

static NEXT: AtomicUsize = AtomicUsize::new(0);
const STRIPES: usize = 8;
const UNSET: usize = usize::MAX;

thread_local! {
    static MINE: Cell<usize> = const { Cell::new(UNSET) };
}
