//! What commands do with each of their keys, as ACL rules ask.

use bytes::Bytes;

use crate::fake_redis::command::flag;
use crate::fake_redis::dispatch::Found;

/// What a command does with a key that a user must be allowed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) reads: bool,
    pub(crate) writes: bool,
}

/// The access of `found` to its key number `nth`.
pub(crate) fn of(found: Found, args: &[Bytes], nth: usize) -> Access {
    let name = found.full_name();
    let letters = match EXCEPTIONS.binary_search_by_key(&name.as_str(), |(name, _)| name) {
        Ok(at) => EXCEPTIONS[at].1,
        // SET reads only what GET asks for.
        Err(_)
            if name == "set"
                && !args.iter().skip(3).any(|arg| arg.eq_ignore_ascii_case(b"GET")) =>
        {
            "w"
        }
        Err(_) if found.command.has(flag::WRITE) => "b",
        Err(_) => "r",
    };
    let letter = letters.as_bytes().get(nth).or(letters.as_bytes().last());
    Access {
        reads: matches!(letter, Some(b'r' | b'b')),
        writes: matches!(letter, Some(b'w' | b'b')),
    }
}

/// One letter for each key, the last one for all that follow: `r`eads, `w`rites, `b`oth, `-`
/// neither (only facts about the key). Others read, or both read and write. Sorted by name.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("append", "w"),
    ("bitop", "wr"),
    ("blmove", "bw"),
    ("brpoplpush", "bw"),
    ("copy", "rw"),
    ("del", "w"),
    ("eval", "b"),
    ("evalsha", "b"),
    ("exists", "-"),
    ("expire", "w"),
    ("expireat", "w"),
    ("fcall", "b"),
    ("geoadd", "w"),
    ("hdel", "w"),
    ("hexists", "-"),
    ("hlen", "-"),
    ("hmset", "w"),
    ("hset", "w"),
    ("hsetnx", "w"),
    ("hstrlen", "-"),
    ("linsert", "w"),
    ("llen", "-"),
    ("lmove", "bw"),
    ("lpush", "w"),
    ("lpushx", "w"),
    ("lrem", "w"),
    ("lset", "w"),
    ("ltrim", "w"),
    ("memory|usage", "-"),
    ("mset", "w"),
    ("msetnx", "w"),
    ("object|encoding", "-"),
    ("object|freq", "-"),
    ("object|idletime", "-"),
    ("object|refcount", "-"),
    ("persist", "w"),
    ("pexpire", "w"),
    ("pexpireat", "w"),
    ("psetex", "w"),
    ("rename", "bw"),
    ("renamenx", "bw"),
    ("restore", "w"),
    ("restore-asking", "w"),
    ("rpoplpush", "bw"),
    ("rpush", "w"),
    ("rpushx", "w"),
    ("sadd", "w"),
    ("scard", "-"),
    ("sdiffstore", "wr"),
    ("setex", "w"),
    ("setnx", "w"),
    ("setrange", "w"),
    ("sinterstore", "wr"),
    ("sismember", "-"),
    ("smove", "bw"),
    ("sort", "rw"),
    ("srem", "w"),
    ("strlen", "-"),
    ("sunionstore", "wr"),
    ("touch", "-"),
    ("type", "-"),
    ("unlink", "w"),
    ("watch", "-"),
    ("xack", "w"),
    ("xadd", "w"),
    ("xautoclaim", "w"),
    ("xclaim", "w"),
    ("xdel", "w"),
    ("xgroup|create", "w"),
    ("xgroup|createconsumer", "w"),
    ("xgroup|delconsumer", "w"),
    ("xgroup|destroy", "w"),
    ("xgroup|setid", "w"),
    ("xlen", "-"),
    ("xreadgroup", "r"),
    ("xsetid", "w"),
    ("xtrim", "w"),
    ("zadd", "w"),
    ("zcard", "-"),
    ("zdiffstore", "wr"),
    ("zinterstore", "wr"),
    ("zrangestore", "wr"),
    ("zrem", "w"),
    ("zremrangebylex", "w"),
    ("zremrangebyrank", "w"),
    ("zremrangebyscore", "w"),
    ("zunionstore", "wr"),
];

#[cfg(test)]
mod tests {
    #[test]
    fn sorted() {
        assert!(super::EXCEPTIONS.is_sorted());
    }
}
