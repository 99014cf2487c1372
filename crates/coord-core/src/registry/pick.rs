//! The one agent for a job, of all that could do it.

use crate::agent::AgentId;
use crate::capability::CapabilityMatch;

/// How to choose among agents that fit. Exhaustive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PickStrategy<'a> {
    /// The least loaded one; of several, the best match.
    LeastLoaded,
    /// The less loaded one of two drawn by this random number: spreads the work of many choosers
    /// that all see the same loads.
    PowerOfTwo(u64),
    /// Always the same one for a key, as long as it is there; few keys move when agents come and
    /// go (rendezvous hashing).
    Sticky(&'a str),
}

/// Chooses one of `matches`, which are best first; `left_out` tells whom not to take, for
/// instance because a circuit is open. Equal ones are decided by their names.
pub fn pick<'a>(
    matches: &'a [CapabilityMatch],
    strategy: PickStrategy<'_>,
    left_out: impl Fn(&AgentId) -> bool,
) -> Option<&'a CapabilityMatch> {
    let mut candidates: Vec<&CapabilityMatch> = Vec::with_capacity(matches.len());
    for found in matches.iter().filter(|found| !left_out(&found.agent_id)) {
        // The best match of an agent comes first.
        if !candidates.iter().any(|other| other.agent_id == found.agent_id) {
            candidates.push(found);
        }
    }
    candidates.sort_by_cached_key(|found| found.agent_id.mailbox_key());
    let lighter = |a: &&CapabilityMatch, b: &&CapabilityMatch| {
        let by_load = a.agent_load_factor.total_cmp(&b.agent_load_factor);
        by_load.then(b.match_score.total_cmp(&a.match_score))
    };
    match strategy {
        PickStrategy::LeastLoaded => candidates.into_iter().min_by(lighter),
        PickStrategy::PowerOfTwo(random) => {
            let count = candidates.len() as u64;
            let first = usize::try_from(random.checked_rem(count)?).ok()?;
            // A second one that is not the first, as long as there are two.
            let step = 1 + (random / count).checked_rem(count - 1).unwrap_or(0);
            let second = usize::try_from((first as u64 + step) % count).ok()?;
            [candidates[first], candidates[second]].into_iter().min_by(lighter)
        }
        PickStrategy::Sticky(key) => {
            candidates.into_iter().max_by_key(|found| weight(key, &found.agent_id.mailbox_key()))
        }
    }
}

/// A well-mixed number of key and name: FNV-1a, then the finaliser of splitmix64.
fn weight(key: &str, name: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in key.bytes().chain([0xff]).chain(name.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
