//! HyperLogLog: registers, their estimate, and their two forms as strings.

pub(crate) mod edit;

/// Registers of a HyperLogLog.
pub(crate) const REGISTERS: usize = 1 << INDEX_BITS;
/// Bits of a hash that select the register.
const INDEX_BITS: u32 = 14;
/// The other bits, whose trailing zeros are counted.
const COUNT_BITS: u32 = 64 - INDEX_BITS;
/// Marks an estimate that no longer holds.
const STALE: u64 = 1 << 63;
const HEADER: usize = 16;
const DENSE_LEN: usize = HEADER + REGISTERS * 6 / 8;
/// `hll-sparse-max-bytes`, header included.
const MAX_SPARSE_LEN: usize = 3000;
/// The greatest register that the sparse form can hold.
const MAX_SPARSE_VALUE: u8 = 32;

/// A HyperLogLog taken out of its string.
#[derive(Debug, Clone)]
pub(crate) struct HyperLogLog {
    registers: Vec<u8>,
    /// Whether each register has its six bits; it never goes back.
    pub(crate) dense: bool,
    /// The latest estimate, with the top bit set if a register has changed since.
    card: u64,
}

/// Why a string is no HyperLogLog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotOne {
    /// Its header is another.
    Foreign,
    /// Its registers make no sense.
    Corrupted,
}

impl HyperLogLog {
    /// One without elements.
    pub(crate) fn new() -> Self {
        Self { registers: vec![0; REGISTERS], dense: false, card: STALE }
    }

    /// Whether a string begins as one of them; true for the dense form.
    pub(crate) fn check(text: &[u8]) -> Result<bool, NotOne> {
        let fits = text.len() >= HEADER && text.starts_with(b"HYLL");
        match text.get(4) {
            Some(0) if fits && text.len() == DENSE_LEN => Ok(true),
            Some(1) if fits => Ok(false),
            _ => Err(NotOne::Foreign),
        }
    }

    /// Reads the string of either form.
    pub(crate) fn decode(text: &[u8]) -> Result<Self, NotOne> {
        let dense = Self::check(text)?;
        let mut card = [0; 8];
        card.copy_from_slice(&text[8..HEADER]);
        let body = &text[HEADER..];
        let registers = if dense { unpack(body) } else { expand(body).ok_or(NotOne::Corrupted)? };
        Ok(Self { registers, dense, card: u64::from_le_bytes(card) })
    }

    /// The string, in the sparse form if that is allowed and short.
    pub(crate) fn encode(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        if !self.dense {
            let small = self.registers.iter().all(|value| *value <= MAX_SPARSE_VALUE);
            body = if small { compress(&self.registers) } else { Vec::new() };
            self.dense = !small || body.len() + HEADER > MAX_SPARSE_LEN;
        }
        if self.dense {
            body = pack(&self.registers);
        }
        let mut text = b"HYLL".to_vec();
        text.extend([u8::from(!self.dense), 0, 0, 0]);
        text.extend(self.card.to_le_bytes());
        text.extend(body);
        text
    }

    /// Marks the estimate as stale.
    pub(crate) fn forget_estimate(&mut self) {
        self.card |= STALE;
    }

    /// Counts all that the other has counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (own, other) in self.registers.iter_mut().zip(&other.registers) {
            *own = (*own).max(*other);
        }
        self.forget_estimate();
    }

    /// All registers.
    pub(crate) fn registers(&self) -> &[u8] {
        &self.registers
    }

    /// How many different elements were counted, as the estimator of Ertl (2017) tells.
    pub(crate) fn estimate(&self) -> u64 {
        let mut counts = [0_u32; 64];
        for &value in &self.registers {
            counts[usize::from(value & 63)] += 1;
        }
        estimate(&counts)
    }
}

/// The estimate from how many registers hold which value.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the estimate is positive and far below 2^64"
)]
fn estimate(counts: &[u32; 64]) -> u64 {
    let histogram = counts.map(f64::from);
    let registers = REGISTERS as f64;
    let top = COUNT_BITS as usize;
    let mut sum = registers * tau((registers - histogram[top + 1]) / registers);
    for count in histogram[1..=top].iter().rev() {
        sum = (sum + count) * 0.5;
    }
    sum += registers * sigma(histogram[0] / registers);
    (0.721_347_520_444_481_7 * registers * registers / sum).round() as u64
}

/// The register of an element, and what it is to hold at least.
fn position(element: &[u8]) -> (usize, u8) {
    let hash = murmur(element);
    let register = usize::try_from(hash & (REGISTERS as u64 - 1)).unwrap_or(0);
    let zeros = (hash >> INDEX_BITS | 1 << COUNT_BITS).trailing_zeros();
    (register, u8::try_from(zeros + 1).unwrap_or(u8::MAX))
}

fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if before == z {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x).powi(2) * y;
        if before == z {
            return z / 3.0;
        }
    }
}

/// MurmurHash64A with the seed of Redis.
fn murmur(text: &[u8]) -> u64 {
    const MIX: u64 = 0xc6a4_a793_5bd1_e995;
    let mut hash = 0xadc8_3b19 ^ (text.len() as u64).wrapping_mul(MIX);
    let mut chunks = text.chunks_exact(8);
    for chunk in &mut chunks {
        let mut word = chunk.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        word = word.wrapping_mul(MIX);
        word ^= word >> 47;
        hash = (hash ^ word.wrapping_mul(MIX)).wrapping_mul(MIX);
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        hash ^= rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        hash = hash.wrapping_mul(MIX);
    }
    hash ^= hash >> 47;
    hash = hash.wrapping_mul(MIX);
    hash ^ hash >> 47
}

/// Six bits per register, from the lowest.
fn pack(registers: &[u8]) -> Vec<u8> {
    let mut body = vec![0; DENSE_LEN - HEADER];
    for (at, &value) in registers.iter().enumerate() {
        let (byte, shift) = (at * 6 / 8, at * 6 % 8);
        let [low, high] = (u16::from(value) << shift).to_le_bytes();
        body[byte] |= low;
        if shift > 2 {
            body[byte + 1] |= high;
        }
    }
    body
}

fn unpack(body: &[u8]) -> Vec<u8> {
    let register = |at: usize| {
        let (byte, shift) = (at * 6 / 8, at * 6 % 8);
        let word = u16::from_le_bytes([body[byte], body.get(byte + 1).copied().unwrap_or(0)]);
        (word >> shift).to_le_bytes()[0] & 63
    };
    (0..REGISTERS).map(register).collect()
}

/// Runs of equal registers: `00` up to 64 zeros, `01` up to 16384 zeros in two bytes, `1` up to
/// four registers of one value.
fn compress(registers: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for run in registers.chunk_by(|a, b| a == b) {
        let value = run[0];
        let most = if value == 0 { REGISTERS } else { 4 };
        for part in run.chunks(most) {
            let [low, high] = u16::try_from(part.len() - 1).unwrap_or(0).to_le_bytes();
            match value {
                0 if part.len() <= 64 => body.push(low),
                0 => body.extend([0x40 | high, low]),
                _ => body.push(0x80 | (value - 1) << 2 | low),
            }
        }
    }
    body
}

fn expand(body: &[u8]) -> Option<Vec<u8>> {
    let mut registers = Vec::with_capacity(REGISTERS);
    let mut bytes = body.iter();
    while let Some(&byte) = bytes.next() {
        let (value, len) = match byte >> 6 {
            0 => (0, usize::from(byte) + 1),
            1 => (0, usize::from(u16::from_be_bytes([byte & 0x3f, *bytes.next()?])) + 1),
            _ => ((byte >> 2 & 31) + 1, usize::from(byte & 3) + 1),
        };
        registers.resize(registers.len() + len, value);
        if registers.len() > REGISTERS {
            return None;
        }
    }
    (registers.len() == REGISTERS).then_some(registers)
}
