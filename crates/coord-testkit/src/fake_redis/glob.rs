//! Patterns as KEYS, SCAN, PSUBSCRIBE and ACL rules match them.

/// True if `text` matches `pattern` (`*`, `?`, `[a-z]`, `[^x]`, `\` quotes).
pub(crate) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    matches_with(pattern, text, false)
}

/// [`matches`], ignoring ASCII case where `fold` says so.
pub(crate) fn matches_with(pattern: &[u8], text: &[u8], fold: bool) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where to go on after the latest star: one backtracking point is enough.
    let mut star: Option<(usize, usize)> = None;
    let mut groups = 0;
    while t < text.len() {
        let step = match pattern.get(p) {
            Some(b'*') => {
                let is_first = p == 0 || pattern[p - 1] != b'*';
                groups += usize::from(is_first && p + 1 < pattern.len());
                if groups > MAX_GROUPS {
                    return false;
                }
                star = Some((p + 1, t));
                p += 1;
                continue;
            }
            Some(_) => one(&pattern[p..], text[t], fold),
            None => None,
        };
        match (step, star) {
            (Some(used), _) => {
                p += used;
                t += 1;
            }
            (None, Some((after, from))) => {
                p = after;
                t = from + 1;
                star = Some((after, from + 1));
            }
            (None, None) => return false,
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

/// Stars, or runs of stars, after which Redis takes nothing to match.
const MAX_GROUPS: usize = 1000;

/// How many pattern bytes match the one byte of text, or none.
fn one(pattern: &[u8], byte: u8, fold: bool) -> Option<usize> {
    let low = |b: u8| if fold { b.to_ascii_lowercase() } else { b };
    match pattern[0] {
        b'?' => Some(1),
        b'[' => {
            let (negated, mut at) = match pattern.get(1) {
                Some(b'^') => (true, 2),
                _ => (false, 1),
            };
            let mut hit = false;
            loop {
                match (pattern.get(at), pattern.get(at + 1), pattern.get(at + 2)) {
                    (None, ..) => break,
                    (Some(b']'), ..) => {
                        at += 1;
                        break;
                    }
                    (Some(b'\\'), Some(quoted), _) => {
                        hit |= low(*quoted) == low(byte);
                        at += 2;
                    }
                    (Some(from), Some(b'-'), Some(to)) => {
                        let (from, to) = (low(*from).min(low(*to)), low(*from).max(low(*to)));
                        hit |= (from..=to).contains(&low(byte));
                        at += 3;
                    }
                    (Some(plain), ..) => {
                        hit |= low(*plain) == low(byte);
                        at += 1;
                    }
                }
            }
            (hit != negated).then_some(at)
        }
        b'\\' if pattern.len() > 1 => (low(pattern[1]) == low(byte)).then_some(2),
        plain => (low(plain) == low(byte)).then_some(1),
    }
}
