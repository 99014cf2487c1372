//! The payloads of DUMP and RESTORE, as Redis 7.0 writes and reads them.
//!
//! Written plainly, without compression and packing; a real server takes them and packs itself.
//! Read in every form that a server up to 7.0 writes, except modules.

mod coding;
mod file;
mod packed;
mod read;
mod stream;
mod write;

pub(crate) use coding::{Writer, seal, unseal};
pub(crate) use file::file;

pub(crate) use read::value;
pub(crate) use write::{plain, value as dump};

/// Type bytes in front of a value.
mod kind {
    pub(super) const STRING: u8 = 0;
    pub(super) const LIST: u8 = 1;
    pub(super) const SET: u8 = 2;
    pub(super) const SORTED_SET_TEXT: u8 = 3;
    pub(super) const HASH: u8 = 4;
    pub(super) const SORTED_SET: u8 = 5;
    pub(super) const HASH_ZIPMAP: u8 = 9;
    pub(super) const LIST_ZIPLIST: u8 = 10;
    pub(super) const SET_INTSET: u8 = 11;
    pub(super) const SORTED_SET_ZIPLIST: u8 = 12;
    pub(super) const HASH_ZIPLIST: u8 = 13;
    pub(super) const LIST_QUICKLIST: u8 = 14;
    pub(super) const STREAM: u8 = 15;
    pub(super) const HASH_LISTPACK: u8 = 16;
    pub(super) const SORTED_SET_LISTPACK: u8 = 17;
    pub(super) const LIST_QUICKLIST_2: u8 = 18;
    pub(super) const STREAM_2: u8 = 19;
}

#[cfg(test)]
mod tests;
