//! Scores, ranks, counts, random members and scans.

use super::score_or_null;
use crate::fake_redis::call::Call;
use crate::fake_redis::commands::arguments::{
    ScanOptions, cursor, pairs, pick, random, random_count, scan_reply,
};
use crate::fake_redis::failure::Failure;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::types::range::{LexRange, ScoreRange};

pub(super) fn zcard(call: &mut Call<'_>) -> Result<Reply, Failure> {
    Ok(Reply::len(call.sorted_set(call.arg(1))?.map_or(0, |set| set.len())))
}

pub(super) fn zscore(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let member = call.arg(2);
    Ok(score_or_null(call.sorted_set(call.arg(1))?.and_then(|set| set.score(member))))
}

pub(super) fn zmscore(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let members = &call.args[2..];
    let set = call.sorted_set(call.arg(1))?;
    let scores = members.iter().map(|member| set.and_then(|set| set.score(member)));
    Ok(Reply::Array(scores.map(score_or_null).collect()))
}

pub(super) fn zrank(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let member = call.arg(2);
    let rank = call.sorted_set(call.arg(1))?.and_then(|set| set.rank(member));
    Ok(rank.map_or(Reply::Null, Reply::len))
}

pub(super) fn zrevrank(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let member = call.arg(2);
    let set = call.sorted_set(call.arg(1))?;
    let rank = set.and_then(|set| Some(set.len() - 1 - set.rank(member)?));
    Ok(rank.map_or(Reply::Null, Reply::len))
}

pub(super) fn zcount(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let range = ScoreRange::parse(call.arg(2), call.arg(3)).ok_or(Failure::not_score_range())?;
    let set = call.sorted_set(call.arg(1))?;
    Ok(Reply::len(set.map_or(0, |set| set.ranks_by_score(&range).len())))
}

pub(super) fn zlexcount(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let range = LexRange::parse(call.arg(2), call.arg(3)).ok_or(Failure::not_lex_range())?;
    let set = call.sorted_set(call.arg(1))?;
    Ok(Reply::len(set.map_or(0, |set| set.ranks_by_lex(&range).len())))
}

pub(super) fn zrandmember(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let key = call.arg(1);
    let mut random = random(call);
    if call.args.len() == 2 {
        let found = call.sorted_set(key)?.and_then(|set| set.sample(&mut random));
        return Ok(found.map_or(Reply::Null, |(_, member)| Reply::Bulk(member.clone())));
    }
    let (count, with_scores) = random_count(call.args, b"withscores")?;
    let resp3 = call.resp3;
    let Some(set) = call.sorted_set(key)? else { return Ok(Reply::Array(Vec::new())) };
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let picked = if count < 0 {
        std::iter::from_fn(|| set.sample(&mut random)).take(wanted).collect()
    } else if wanted >= set.len() {
        set.iter().collect()
    } else {
        pick(set.iter().collect(), wanted, &mut random)
    };
    let picked = picked.into_iter().map(|(score, member)| (Reply::Bulk(member.clone()), score));
    if with_scores {
        return Ok(pairs(resp3, picked.map(|(member, score)| (member, Reply::Double(score)))));
    }
    Ok(Reply::Array(picked.map(|(member, _)| member).collect()))
}

pub(super) fn zscan(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let cursor = cursor(call.arg(2))?;
    let args = call.args;
    let Some(set) = call.sorted_set(call.arg(1))? else { return Ok(scan_reply(0, Vec::new())) };
    let options = ScanOptions::parse(&args[3..])?;
    let (next, found) = set.scan(cursor, options.count);
    let found = found.into_iter().filter(|(member, _)| options.wants(member));
    let items = found.flat_map(|(member, score)| {
        // Scores are texts here, in both versions of the protocol.
        [Reply::Bulk(member.clone()), Reply::bulk(set.scan_text(score))]
    });
    Ok(scan_reply(next, items.collect()))
}
