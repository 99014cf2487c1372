//! Counting one element in the string itself, touching no more than Redis does.
//!
//! The sparse form is changed run by run: what stands behind the run of the register is not
//! looked at, so bytes that were appended do no harm.

use super::{DENSE_LEN, HEADER, HyperLogLog, MAX_SPARSE_VALUE, NotOne, REGISTERS, position};

/// Most zeros of a run in one byte.
const MAX_SHORT_RUN: usize = 64;
/// Most registers of one value in a run.
const MAX_VALUE_RUN: usize = 4;
/// Runs that are looked at after a change to join equal neighbours.
const JOINED: usize = 5;

/// A run of equal registers in the sparse form.
#[derive(Debug, Clone, Copy)]
struct Run {
    value: u8,
    len: usize,
    /// Whether it takes two bytes.
    wide: bool,
}

impl Run {
    fn read(bytes: &[u8]) -> Option<Self> {
        let first = *bytes.first()?;
        Some(match first >> 6 {
            0 => Self { value: 0, len: usize::from(first) + 1, wide: false },
            1 => {
                // A cut run reads a zero behind the end, as C does.
                let low = bytes.get(1).copied().unwrap_or(0);
                let len = usize::from(first & 0x3f) << 8 | usize::from(low);
                Self { value: 0, len: len + 1, wide: true }
            }
            _ => {
                Self { value: (first >> 2 & 31) + 1, len: usize::from(first & 3) + 1, wide: false }
            }
        })
    }

    const fn size(self) -> usize {
        if self.wide { 2 } else { 1 }
    }

    /// Writes `len` registers of the value, none for 0.
    fn write(out: &mut Vec<u8>, value: u8, len: usize) {
        let Some(rest) = len.checked_sub(1) else { return };
        let [low, high] = u16::try_from(rest).unwrap_or(0).to_le_bytes();
        match value {
            0 if len <= MAX_SHORT_RUN => out.push(low),
            0 => out.extend([0x40 | high, low]),
            _ => out.push(0x80 | (value - 1) << 2 | low),
        }
    }
}

/// Counts an element in a string whose header was checked; true if a register has grown.
/// `most` is the length beyond which the string becomes dense.
pub(crate) fn add(text: &mut Vec<u8>, element: &[u8], most: usize) -> Result<bool, NotOne> {
    let (register, count) = position(element);
    let grown = match text.get(4) {
        Some(0) => set_dense(text, register, count),
        _ => set_sparse(text, register, count, most)?,
    };
    if grown {
        // The estimate holds no longer.
        text[HEADER - 1] |= 0x80;
    }
    Ok(grown)
}

/// The estimate that a string holds, if it still does.
pub(crate) fn cached(text: &[u8]) -> Option<u64> {
    let mut card = [0; 8];
    card.copy_from_slice(text.get(8..HEADER)?);
    Some(u64::from_le_bytes(card)).filter(|card| card >> 63 == 0)
}

/// Estimates from the string, whose header was checked, and notes the estimate there.
pub(crate) fn count(text: &mut [u8]) -> Result<u64, NotOne> {
    let mut counts = [0_u32; 64];
    if text[4] == 0 {
        for value in super::unpack(&text[HEADER..]) {
            counts[usize::from(value)] += 1;
        }
    } else {
        let (mut at, mut registers) = (HEADER, 0);
        while at < text.len() {
            let run = Run::read(&text[at..]).ok_or(NotOne::Corrupted)?;
            registers += run.len;
            counts[usize::from(run.value)] += u32::try_from(run.len).unwrap_or(0);
            at += run.size();
        }
        if registers != REGISTERS {
            return Err(NotOne::Corrupted);
        }
    }
    let estimate = super::estimate(&counts);
    text[8..HEADER].copy_from_slice(&estimate.to_le_bytes());
    Ok(estimate)
}

fn set_dense(text: &mut [u8], register: usize, count: u8) -> bool {
    let (byte, shift) = (HEADER + register * 6 / 8, register * 6 % 8);
    let high = if byte + 1 < DENSE_LEN { text[byte + 1] } else { 0 };
    let word = u16::from_le_bytes([text[byte], high]);
    let old = (word >> shift).to_le_bytes()[0] & 63;
    if old >= count {
        return false;
    }
    let [low, high] = ((word & !(63 << shift)) | u16::from(count) << shift).to_le_bytes();
    text[byte] = low;
    if byte + 1 < DENSE_LEN {
        text[byte + 1] = high;
    }
    true
}

fn set_sparse(text: &mut Vec<u8>, register: usize, count: u8, most: usize) -> Result<bool, NotOne> {
    if count > MAX_SPARSE_VALUE {
        return promote(text, register, count);
    }
    let (mut at, mut first, mut before) = (HEADER, 0, HEADER);
    // The loop that matters: written out, as it is slow otherwise where nothing is optimised.
    while let Some(&byte) = text.get(at) {
        let (len, size) = match byte {
            0x80.. => ((byte & 3) as usize + 1, 1),
            0x40.. => (Run::read(&text[at..]).map_or(0, |run| run.len), 2),
            _ => (byte as usize + 1, 1),
        };
        if register < first + len {
            break;
        }
        first += len;
        before = at;
        at += size;
    }
    let run = text.get(at..).and_then(Run::read).ok_or(NotOne::Corrupted)?;
    if run.value >= count {
        return Ok(false);
    }
    let mut parts = Vec::with_capacity(5);
    Run::write(&mut parts, run.value, register - first);
    Run::write(&mut parts, count, 1);
    Run::write(&mut parts, run.value, first + run.len - register - 1);
    let end = text.len().min(at + run.size());
    if parts.len() > end - at && text.len() + parts.len() - (end - at) > most {
        return promote(text, register, count);
    }
    text.splice(at..end, parts);
    join(text, before);
    Ok(true)
}

/// Joins neighbours of the same value.
fn join(text: &mut Vec<u8>, mut at: usize) {
    for _ in 0..JOINED {
        let Some(run) = text.get(at..).and_then(Run::read) else { return };
        let next = Run::read(&text[at + 1..]).filter(|next| {
            next.value == run.value && run.value > 0 && run.len + next.len <= MAX_VALUE_RUN
        });
        match next {
            Some(next) => {
                let mut joined = Vec::with_capacity(1);
                Run::write(&mut joined, run.value, run.len + next.len);
                text.splice(at..at + 2, joined);
            }
            None => at += run.size(),
        }
    }
}

/// Makes the string dense and sets the register there.
fn promote(text: &mut Vec<u8>, register: usize, count: u8) -> Result<bool, NotOne> {
    let mut log = HyperLogLog::decode(text)?;
    log.dense = true;
    *text = log.encode();
    Ok(set_dense(text, register, count))
}
