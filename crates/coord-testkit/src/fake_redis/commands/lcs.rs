//! LCS: the longest common subsequence of two strings.

use crate::fake_redis::call::Call;
use crate::fake_redis::failure::Failure;
use crate::fake_redis::number::integer;
use crate::fake_redis::reply::Reply;

/// Most cells of the table, as a bound for memory: 4 bytes each.
const MAX_CELLS: usize = 256 * 1024 * 1024;

pub(crate) fn lcs(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let not_strings = Failure::fixed("ERR The specified keys must contain string values");
    let a = call.string(call.arg(1)).map_err(|_| not_strings.clone())?.cloned().unwrap_or_default();
    let b = call.string(call.arg(2)).map_err(|_| not_strings)?.cloned().unwrap_or_default();
    let (mut only_len, mut index, mut with_len, mut min_len) = (false, false, false, 0);
    let mut at = 3;
    while at < call.args.len() {
        if call.is(at, "IDX") {
            index = true;
        } else if call.is(at, "LEN") {
            only_len = true;
        } else if call.is(at, "WITHMATCHLEN") {
            with_len = true;
        } else if call.is(at, "MINMATCHLEN") && at + 1 < call.args.len() {
            min_len = usize::try_from(integer(call.arg(at + 1))?.max(0)).unwrap_or(0);
            at += 1;
        } else {
            return Err(Failure::syntax());
        }
        at += 1;
    }
    if only_len && index {
        return Err(Failure::fixed(
            "ERR If you want both the length and indexes, please just use IDX.",
        ));
    }
    if (a.len() + 1).saturating_mul(b.len() + 1) > MAX_CELLS {
        return Err(Failure::fixed(
            "ERR Insufficient memory, failed allocating transient memory for LCS",
        ));
    }
    let found = Lcs::of(&a, &b);
    if only_len {
        return Ok(Reply::len(found.text.len()));
    }
    if !index {
        return Ok(Reply::bulk(found.text));
    }
    let pair = |range: (usize, usize)| Reply::Array(vec![Reply::len(range.0), Reply::len(range.1)]);
    let matches = found.matches.iter().filter(|(a, _)| a.1 + 1 - a.0 >= min_len).map(|(a, b)| {
        let mut item = vec![pair(*a), pair(*b)];
        if with_len {
            item.push(Reply::len(a.1 + 1 - a.0));
        }
        Reply::Array(item)
    });
    Ok(Reply::Map(vec![
        (Reply::bulk("matches"), Reply::Array(matches.collect())),
        (Reply::bulk("len"), Reply::len(found.text.len())),
    ]))
}

struct Lcs {
    text: Vec<u8>,
    /// Ranges in both strings, the last ones first, both ends included.
    matches: Vec<((usize, usize), (usize, usize))>,
}

impl Lcs {
    fn of(a: &[u8], b: &[u8]) -> Self {
        let width = b.len() + 1;
        let mut table = vec![0_u32; (a.len() + 1) * width];
        for i in 1..=a.len() {
            for j in 1..=b.len() {
                table[i * width + j] = if a[i - 1] == b[j - 1] {
                    table[(i - 1) * width + j - 1] + 1
                } else {
                    table[(i - 1) * width + j].max(table[i * width + j - 1])
                };
            }
        }
        let (mut i, mut j) = (a.len(), b.len());
        let mut text = Vec::new();
        let mut matches: Vec<((usize, usize), (usize, usize))> = Vec::new();
        let mut open = false;
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                text.push(a[i - 1]);
                match matches.last_mut().filter(|_| open) {
                    Some((in_a, in_b)) => {
                        in_a.0 = i - 1;
                        in_b.0 = j - 1;
                    }
                    None => matches.push(((i - 1, i - 1), (j - 1, j - 1))),
                }
                open = true;
                i -= 1;
                j -= 1;
            } else {
                open = false;
                if table[(i - 1) * width + j] > table[i * width + j - 1] {
                    i -= 1;
                } else {
                    j -= 1;
                }
            }
        }
        text.reverse();
        Self { text, matches }
    }
}
