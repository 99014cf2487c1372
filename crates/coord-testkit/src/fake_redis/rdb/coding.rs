//! Lengths, strings, and the version and checksum at the end.

use bytes::{BufMut, Bytes, BytesMut};

/// The version a payload ends with; newer ones are refused.
const VERSION: u16 = 10;
/// Bytes of version and checksum.
const FOOTER: usize = 10;
/// Longest string, in bytes.
const MAX_STRING: usize = 512 * 1024 * 1024;

/// What is left of a payload. Everything answers `None` where the bytes make no sense.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    /// An unsigned number of `count` (at most 8) bytes, the lowest first.
    pub(crate) fn little(&mut self, count: usize) -> Option<u64> {
        let bytes = self.take(count)?;
        Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// A number of `count` (1 to 8) bytes with a sign, the lowest first.
    pub(crate) fn signed(&mut self, count: usize) -> Option<i64> {
        let unused = 64 - 8 * u32::try_from(count).ok()?;
        Some((self.little(count)? << unused).cast_signed() >> unused)
    }

    /// An unsigned number of `count` (at most 8) bytes, the highest first.
    pub(crate) fn big(&mut self, count: usize) -> Option<u64> {
        Some(self.take(count)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// A length or another number that is not negative.
    pub(crate) fn number(&mut self) -> Option<u64> {
        let first = self.byte()?;
        match first {
            0..=0x3f => Some(u64::from(first)),
            0x40..=0x7f => Some(u64::from(first & 0x3f) << 8 | u64::from(self.byte()?)),
            0x80 => self.big(4),
            0x81 => self.big(8),
            _ => None,
        }
    }

    pub(crate) fn length(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }

    /// A string, however it is packed.
    pub(crate) fn string(&mut self) -> Option<Bytes> {
        let integer = |number: i64| Bytes::from(number.to_string());
        match self.0.first()? {
            0xc0 => self.skip_one().signed(1).map(integer),
            0xc1 => self.skip_one().signed(2).map(integer),
            0xc2 => self.skip_one().signed(4).map(integer),
            0xc3 => {
                let packed = self.skip_one().length()?;
                let size = self.length().filter(|size| *size <= MAX_STRING)?;
                Self(self.take(packed)?).expanded(size)
            }
            _ => {
                let count = self.length()?;
                self.take(count).map(Bytes::copy_from_slice)
            }
        }
    }

    fn skip_one(&mut self) -> &mut Self {
        self.0 = &self.0[1..];
        self
    }

    /// Undoes LZF compression.
    fn expanded(mut self, size: usize) -> Option<Bytes> {
        let mut out: Vec<u8> = Vec::new();
        while let Some(control) = self.byte() {
            let control = usize::from(control);
            if control < 32 {
                out.extend_from_slice(self.take(control + 1)?);
            } else {
                let mut count = control >> 5;
                if count == 7 {
                    count += usize::from(self.byte()?);
                }
                let back = ((control & 31) << 8) + usize::from(self.byte()?) + 1;
                let start = out.len().checked_sub(back)?;
                for at in start..start + count + 2 {
                    out.push(*out.get(at)?);
                }
            }
            if out.len() > size {
                return None;
            }
        }
        (out.len() == size).then(|| out.into())
    }
}

/// A payload being written.
#[derive(Debug, Default)]
pub(crate) struct Writer(pub(crate) BytesMut);

impl Writer {
    pub(crate) fn number(&mut self, number: u64) {
        let out = &mut self.0;
        match u32::try_from(number) {
            Ok(short @ 0..=0x3f) => out.put_u8(short.to_le_bytes()[0]),
            Ok(middle @ 0x40..=0x3fff) => out.put_u16(0x4000 | u16::try_from(middle).unwrap_or(0)),
            Ok(long) => {
                out.put_u8(0x80);
                out.put_u32(long);
            }
            Err(_) => {
                out.put_u8(0x81);
                out.put_u64(number);
            }
        }
    }

    pub(crate) fn length(&mut self, length: usize) {
        self.number(length as u64);
    }

    pub(crate) fn string(&mut self, text: &[u8]) {
        self.length(text.len());
        self.0.extend_from_slice(text);
    }
}

/// Adds version and checksum.
pub(crate) fn seal(mut payload: Writer) -> Bytes {
    payload.0.put_u16_le(VERSION);
    let sum = checksum(&payload.0);
    payload.0.put_u64_le(sum);
    payload.0.freeze()
}

/// Checks version and checksum and takes them off.
pub(crate) fn unseal(payload: &[u8]) -> Option<Reader<'_>> {
    let (body, footer) = payload.split_at_checked(payload.len().checked_sub(FOOTER)?)?;
    let mut footer = Reader(footer);
    let version = footer.little(2)?;
    let sum = footer.little(8)?;
    let fits = version <= u64::from(VERSION) && sum == checksum(&payload[..body.len() + 2]);
    fits.then_some(Reader(body))
}

/// CRC-64 with the Jones polynomial, bits reflected, no inversion.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |sum, byte| TABLE[usize::from(sum.to_le_bytes()[0] ^ byte)] ^ (sum >> 8))
}

static TABLE: [u64; 256] = table();

const fn table() -> [u64; 256] {
    const REFLECTED: u64 = 0x95ac_9329_ac4b_c9b5;
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut sum = byte as u64;
        let mut bit = 0;
        while bit < 8 {
            sum = (sum >> 1) ^ ((sum & 1) * REFLECTED);
            bit += 1;
        }
        table[byte] = sum;
        byte += 1;
    }
    table
}
