//! The payload of FUNCTION DUMP and FUNCTION RESTORE.

use bytes::{BufMut, Bytes};

use super::failure::Failure;
use super::rdb;

/// Marks a library in a payload.
const LIBRARY: u8 = 0xf5;

/// Writes a payload.
pub(crate) fn dump<'a>(codes: impl Iterator<Item = &'a Bytes>) -> Bytes {
    let mut out = rdb::Writer::default();
    for code in codes {
        out.0.put_u8(LIBRARY);
        out.string(code);
    }
    rdb::seal(out)
}

/// Reads the libraries of a payload.
pub(crate) fn restore(payload: &[u8]) -> Result<Vec<Bytes>, Failure> {
    let mut rest = rdb::unseal(payload)
        .ok_or(Failure::fixed("ERR DUMP payload version or checksum are wrong"))?;
    let mut codes = Vec::new();
    while let Some(kind) = rest.byte() {
        if kind != LIBRARY {
            return Err(Failure::fixed("ERR given type is not a function"));
        }
        codes.push(rest.string().ok_or(Failure::fixed("ERR failed loading library data"))?);
    }
    Ok(codes)
}
