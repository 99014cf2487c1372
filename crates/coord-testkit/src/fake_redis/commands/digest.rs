//! DEBUG DIGEST: a fingerprint of the data, independent of the order of what has none.

use bytes::Bytes;

use crate::fake_redis::call::Call;
use crate::fake_redis::failure::Failure;
use crate::fake_redis::rdb;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::store::Entry;
use crate::fake_redis::types::stream::id::StreamId;
use crate::fake_redis::value::Value;

type Digest = [u8; 20];

fn sha1(parts: &[&[u8]]) -> Digest {
    let mut hasher = sha1_smol::Sha1::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.digest().bytes()
}

fn mix(into: &mut Digest, other: Digest) {
    for (byte, other) in into.iter_mut().zip(other) {
        *byte ^= other;
    }
}

fn hex(digest: Digest) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn of_entry(entry: &Entry) -> Digest {
    let mut digest = sha1(&[entry.value.type_name().as_bytes()]);
    match &entry.value {
        Value::Set(set) => {
            set.members().iter().for_each(|member| mix(&mut digest, sha1(&[member])))
        }
        Value::Hash(hash) => {
            hash.iter().for_each(|(field, value)| mix(&mut digest, sha1(&[field, value])))
        }
        Value::Stream(stream) => {
            for (id, fields) in stream.range(StreamId::default(), StreamId::MAX) {
                let id = id.to_string();
                let mut parts: Vec<&[u8]> = vec![id.as_bytes()];
                parts.extend(fields.iter().map(|field| &field[..]));
                mix(&mut digest, sha1(&parts));
            }
        }
        other => {
            let mut out = rdb::Writer::default();
            rdb::plain(other, &mut out);
            mix(&mut digest, sha1(&[&out.0]));
        }
    }
    if entry.expire_at.is_some() {
        mix(&mut digest, sha1(&[b"!!expire!!"]));
    }
    digest
}

/// DEBUG DIGEST: of all databases; zeros if there is nothing.
pub(crate) fn of_all(call: &Call<'_>) -> Reply {
    let mut digest = [0; 20];
    for (index, db) in call.state.dbs.iter().enumerate() {
        for (key, entry) in db.entries().iter() {
            let own = of_entry(entry);
            mix(&mut digest, sha1(&[index.to_string().as_bytes(), key, &own]));
        }
    }
    Reply::Simple(hex(digest).into())
}

/// DEBUG DIGEST-VALUE: of each key; zeros if there is none.
pub(crate) fn of_values(call: &mut Call<'_>, keys: &[Bytes]) -> Result<Reply, Failure> {
    let digests = keys.iter().map(|key| {
        let digest = call.lookup(key).map_or([0; 20], of_entry);
        Reply::Simple(hex(digest).into())
    });
    Ok(Reply::Array(digests.collect()))
}
