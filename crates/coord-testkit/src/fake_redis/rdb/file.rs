//! A whole data set, as a replica gets it.

use bytes::{BufMut, Bytes};

use super::coding::Writer;
use super::write::plain;
use crate::fake_redis::store::Db;

/// What stands before the parts of a file.
mod mark {
    pub(super) const FUNCTIONS: u8 = 0xf5;
    pub(super) const EXPIRES_AT_MS: u8 = 0xfc;
    pub(super) const DATABASE: u8 = 0xfe;
    pub(super) const END: u8 = 0xff;
}

/// The data of all databases and the code of all libraries, without a checksum (which a reader
/// takes as "not checked").
pub(crate) fn file<'a>(dbs: &[Db], libraries: impl Iterator<Item = &'a Bytes>) -> Bytes {
    let mut out = Writer::default();
    out.0.put_slice(b"REDIS0010");
    for code in libraries {
        out.0.put_u8(mark::FUNCTIONS);
        out.string(code);
    }
    for (number, db) in dbs.iter().enumerate().filter(|(_, db)| db.len() > 0) {
        out.0.put_u8(mark::DATABASE);
        out.length(number);
        for (key, entry) in db.keys().filter_map(|key| Some((key, db.get(key)?))) {
            if let Some(at) = entry.expire_at {
                out.0.put_u8(mark::EXPIRES_AT_MS);
                out.0.put_u64_le(at);
            }
            // The key stands between the type and the value.
            let mut value = Writer::default();
            plain(&entry.value, &mut value);
            out.0.put_u8(value.0[0]);
            out.string(key);
            out.0.put_slice(&value.0[1..]);
        }
    }
    out.0.put_u8(mark::END);
    out.0.put_u64_le(0);
    out.0.freeze()
}
