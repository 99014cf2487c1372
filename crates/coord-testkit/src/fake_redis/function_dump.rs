//! The payload of FUNCTION DUMP and FUNCTION RESTORE.
//!
//! Libraries are written uncompressed; payloads of a real server, which
//! compresses, are read too.

use bytes::{BufMut, Bytes, BytesMut};

use super::failure::Failure;

/// Marks a library in a payload.
const LIBRARY: u8 = 0xf5;
/// The version a payload ends with; newer ones are refused.
const VERSION: u16 = 10;
/// Bytes of version and checksum.
const FOOTER: usize = 10;
/// Largest library accepted, bytes.
const MAX_CODE: usize = 512 * 1024 * 1024;

/// Writes a payload.
pub(crate) fn dump<'a>(codes: impl Iterator<Item = &'a Bytes>) -> Bytes {
    let mut out = BytesMut::new();
    for code in codes {
        out.put_u8(LIBRARY);
        put_length(&mut out, code.len());
        out.extend_from_slice(code);
    }
    out.put_u16_le(VERSION);
    let sum = checksum(&out);
    out.put_u64_le(sum);
    out.freeze()
}

/// Reads the libraries of a payload.
pub(crate) fn restore(payload: &[u8]) -> Result<Vec<Bytes>, Failure> {
    let wrong = Failure::fixed("ERR DUMP payload version or checksum are wrong");
    let Some(end) = payload.len().checked_sub(FOOTER) else { return Err(wrong) };
    let (body, footer) = payload.split_at(end);
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0_u64, |n, b| (n << 8) | u64::from(*b));
    if number(&footer[..2]) > u64::from(VERSION)
        || number(&footer[2..]) != checksum(&payload[..end + 2])
    {
        return Err(wrong);
    }
    let mut rest = body;
    let mut codes = Vec::new();
    while let Some((kind, after)) = rest.split_first() {
        if *kind != LIBRARY {
            return Err(Failure::fixed("ERR given type is not a function"));
        }
        rest = after;
        codes.push(string(&mut rest).ok_or(Failure::fixed("ERR failed loading library data"))?);
    }
    Ok(codes)
}

fn put_length(out: &mut BytesMut, length: usize) {
    match u32::try_from(length) {
        Ok(short @ 0..=63) => out.put_u8(short.to_le_bytes()[0]),
        Ok(middle @ 64..=0x3fff) => out.put_u16(0x4000 | u16::try_from(middle).unwrap_or(0)),
        Ok(long) => {
            out.put_u8(0x80);
            out.put_u32(long);
        }
        Err(_) => {
            out.put_u8(0x81);
            out.put_u64(length as u64);
        }
    }
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(count)?;
    *rest = after;
    Some(taken)
}

fn big_endian(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| (number << 8) | usize::from(*byte))
}

/// A length that is not one of the special encodings.
fn length(rest: &mut &[u8]) -> Option<usize> {
    let first = take(rest, 1)?[0];
    match first {
        0..=0x3f => Some(usize::from(first)),
        0x40..=0x7f => Some((usize::from(first & 0x3f) << 8) | usize::from(take(rest, 1)?[0])),
        0x80 => take(rest, 4).map(big_endian),
        0x81 => take(rest, 8).map(big_endian),
        _ => None,
    }
}

fn string(rest: &mut &[u8]) -> Option<Bytes> {
    if rest.first() != Some(&0xc3) {
        let count = length(rest)?;
        return take(rest, count).map(Bytes::copy_from_slice);
    }
    take(rest, 1)?;
    let packed = length(rest)?;
    let size = length(rest).filter(|size| *size <= MAX_CODE)?;
    unpack(take(rest, packed)?, size)
}

/// Undoes LZF compression.
fn unpack(mut input: &[u8], size: usize) -> Option<Bytes> {
    let mut out: Vec<u8> = Vec::new();
    while let Some((control, after)) = input.split_first() {
        input = after;
        let control = usize::from(*control);
        if control < 32 {
            out.extend_from_slice(take(&mut input, control + 1)?);
        } else {
            let mut count = control >> 5;
            if count == 7 {
                count += usize::from(take(&mut input, 1)?[0]);
            }
            let back = ((control & 31) << 8) + usize::from(take(&mut input, 1)?[0]) + 1;
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

/// CRC-64 with the Jones polynomial, bits reflected, no inversion.
fn checksum(bytes: &[u8]) -> u64 {
    const REFLECTED: u64 = 0x95ac_9329_ac4b_c9b5;
    bytes.iter().fold(0, |sum, byte| {
        (0..8).fold(sum ^ u64::from(*byte), |sum, _| (sum >> 1) ^ ((sum & 1) * REFLECTED))
    })
}
