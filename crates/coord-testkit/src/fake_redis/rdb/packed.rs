//! Lists of strings and integers in one piece: listpack, ziplist, intset and zipmap.

use bytes::{BufMut, Bytes, BytesMut};

use super::coding::Reader;

fn decimal(number: i64) -> Bytes {
    Bytes::from(number.to_string())
}

/// The elements of a listpack.
pub(super) fn listpack(blob: &[u8]) -> Option<Vec<Bytes>> {
    let mut reader = Reader(blob);
    let size = reader.little(4)?;
    let count = reader.little(2)?;
    if size != blob.len() as u64 {
        return None;
    }
    let mut elements = Vec::new();
    loop {
        let before = reader.0.len();
        let first = reader.byte()?;
        let text = |reader: &mut Reader<'_>, length: u64| {
            reader.take(usize::try_from(length).ok()?).map(Bytes::copy_from_slice)
        };
        let element = match first {
            0x00..=0x7f => decimal(i64::from(first)),
            0x80..=0xbf => text(&mut reader, u64::from(first & 0x3f))?,
            0xc0..=0xdf => {
                let number = i64::from(first & 0x1f) << 8 | i64::from(reader.byte()?);
                decimal(if number >= 1 << 12 { number - (1 << 13) } else { number })
            }
            0xe0..=0xef => {
                let length = u64::from(first & 0x0f) << 8 | u64::from(reader.byte()?);
                text(&mut reader, length)?
            }
            0xf0 => {
                let length = reader.little(4)?;
                text(&mut reader, length)?
            }
            0xf1 => decimal(reader.signed(2)?),
            0xf2 => decimal(reader.signed(3)?),
            0xf3 => decimal(reader.signed(4)?),
            0xf4 => decimal(reader.signed(8)?),
            0xff => break,
            _ => return None,
        };
        elements.push(element);
        reader.take(back_length(before - reader.0.len()).len())?;
    }
    // More than this is not counted.
    let known = count == u64::from(u16::MAX) || count == elements.len() as u64;
    (known && reader.is_empty()).then_some(elements)
}

/// The length of an element as it stands behind it, to walk backwards.
fn back_length(length: usize) -> Vec<u8> {
    let septets = match length {
        0..=127 => 1,
        128..=16_382 => 2,
        16_383..=2_097_150 => 3,
        2_097_151..=268_435_454 => 4,
        _ => 5,
    };
    let part = |at: usize| (length >> (7 * at)).to_le_bytes()[0] & 0x7f;
    let marked = |at: usize| part(at) | if at + 1 == septets { 0 } else { 0x80 };
    (0..septets).rev().map(marked).collect()
}

/// A listpack being written.
#[derive(Debug, Default)]
pub(super) struct Pack {
    body: BytesMut,
    count: usize,
}

impl Pack {
    pub(super) fn integer(&mut self, number: i64) {
        let start = self.body.len();
        let out = &mut self.body;
        if let Ok(small @ 0..=127) = u8::try_from(number) {
            out.put_u8(small);
        } else if let Ok(number) = i16::try_from(number) {
            out.put_u8(0xf1);
            out.put_i16_le(number);
        } else if let Ok(number) = i32::try_from(number) {
            out.put_u8(0xf3);
            out.put_i32_le(number);
        } else {
            out.put_u8(0xf4);
            out.put_i64_le(number);
        }
        self.close(start);
    }

    pub(super) fn text(&mut self, text: &[u8]) {
        let start = self.body.len();
        self.body.put_u8(0xf0);
        self.body.put_u32_le(u32::try_from(text.len()).unwrap_or(u32::MAX));
        self.body.extend_from_slice(text);
        self.close(start);
    }

    fn close(&mut self, start: usize) {
        let length = back_length(self.body.len() - start);
        self.body.extend_from_slice(&length);
        self.count += 1;
    }

    pub(super) fn finish(self) -> Bytes {
        let mut out = BytesMut::new();
        out.put_u32_le(u32::try_from(self.body.len() + 7).unwrap_or(u32::MAX));
        out.put_u16_le(u16::try_from(self.count).unwrap_or(u16::MAX));
        out.extend_from_slice(&self.body);
        out.put_u8(0xff);
        out.freeze()
    }
}

/// The elements of a ziplist, the form before listpacks.
pub(super) fn ziplist(blob: &[u8]) -> Option<Vec<Bytes>> {
    let mut reader = Reader(blob);
    let size = reader.little(4)?;
    let (_tail, count) = (reader.little(4)?, reader.little(2)?);
    if size != blob.len() as u64 {
        return None;
    }
    let mut elements = Vec::new();
    loop {
        match reader.byte()? {
            0xff => break,
            // The length of the element before, to walk backwards.
            0xfe => drop(reader.take(4)?),
            _ => {}
        }
        let first = reader.byte()?;
        let length = match first {
            0x00..=0x3f => Some(u64::from(first)),
            0x40..=0x7f => Some(u64::from(first & 0x3f) << 8 | u64::from(reader.byte()?)),
            0x80 => Some(reader.big(4)?),
            _ => None,
        };
        elements.push(match (length, first) {
            (Some(length), _) => {
                Bytes::copy_from_slice(reader.take(usize::try_from(length).ok()?)?)
            }
            (None, 0xc0) => decimal(reader.signed(2)?),
            (None, 0xd0) => decimal(reader.signed(4)?),
            (None, 0xe0) => decimal(reader.signed(8)?),
            (None, 0xf0) => decimal(reader.signed(3)?),
            (None, 0xfe) => decimal(reader.signed(1)?),
            (None, 0xf1..=0xfd) => decimal(i64::from(first & 0x0f) - 1),
            _ => return None,
        });
    }
    let known = count == u64::from(u16::MAX) || count == elements.len() as u64;
    (known && reader.is_empty()).then_some(elements)
}

/// The members of an intset.
pub(super) fn intset(blob: &[u8]) -> Option<Vec<Bytes>> {
    let mut reader = Reader(blob);
    let width = usize::try_from(reader.little(4)?).ok()?;
    let count = usize::try_from(reader.little(4)?).ok()?;
    if !matches!(width, 2 | 4 | 8) || reader.0.len() != count.checked_mul(width)? {
        return None;
    }
    (0..count).map(|_| reader.signed(width).map(decimal)).collect()
}

/// Fields and values of a zipmap, the form of small hashes before ziplists.
pub(super) fn zipmap(blob: &[u8]) -> Option<Vec<Bytes>> {
    let mut reader = Reader(blob);
    reader.byte()?;
    let mut elements = Vec::new();
    loop {
        let length = match reader.byte()? {
            0xff => break,
            0xfe => usize::try_from(reader.little(4)?).ok()?,
            short => usize::from(short),
        };
        // A value may be followed by unused bytes.
        let unused = if elements.len() % 2 == 1 { usize::from(reader.byte()?) } else { 0 };
        elements.push(Bytes::copy_from_slice(reader.take(length)?));
        reader.take(unused)?;
    }
    reader.is_empty().then_some(elements)
}
