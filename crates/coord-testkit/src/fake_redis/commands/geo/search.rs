//! GEOSEARCH, GEOSEARCHSTORE and the GEORADIUS commands before them.

use bytes::Bytes;

use super::options::{Form, Options};
use super::{distance_reply, place_reply};
use crate::fake_redis::call::Call;
use crate::fake_redis::failure::Failure;
use crate::fake_redis::notify;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::types::SortedSet;
use crate::fake_redis::types::geo::Place;
use crate::fake_redis::types::range::{ScoreBound, ScoreRange};
use crate::fake_redis::value::Value;

/// A member inside the shape.
#[derive(Debug)]
struct Found {
    member: Bytes,
    score: f64,
    place: Place,
    /// From the center, in meters.
    distance: f64,
}

pub(super) fn georadius(call: &mut Call<'_>) -> Result<Reply, Failure> {
    search(call, Form::Radius, true)
}

pub(super) fn georadius_ro(call: &mut Call<'_>) -> Result<Reply, Failure> {
    search(call, Form::Radius, false)
}

pub(super) fn georadiusbymember(call: &mut Call<'_>) -> Result<Reply, Failure> {
    search(call, Form::RadiusByMember, true)
}

pub(super) fn georadiusbymember_ro(call: &mut Call<'_>) -> Result<Reply, Failure> {
    search(call, Form::RadiusByMember, false)
}

pub(super) fn geosearch(call: &mut Call<'_>) -> Result<Reply, Failure> {
    search(call, Form::Search, false)
}

pub(super) fn geosearchstore(call: &mut Call<'_>) -> Result<Reply, Failure> {
    search(call, Form::SearchStore, true)
}

fn search(call: &mut Call<'_>, form: Form, may_store: bool) -> Result<Reply, Failure> {
    let source = call.arg(if form == Form::SearchStore { 2 } else { 1 });
    let args = call.args;
    let set = call.sorted_set(source)?;
    let options = Options::parse(args, form, may_store, set)?;
    let found = set.map(|set| find(set, &options)).unwrap_or_default();
    let Some(target) = &options.store else {
        return Ok(Reply::Array(found.iter().map(|hit| options.show(hit)).collect()));
    };
    let mut result = SortedSet::large();
    for hit in found {
        let distance = hit.distance / options.unit;
        result.insert(hit.member, if options.store_distance { distance } else { hit.score });
    }
    let len = result.len();
    let event = if form.is_search() { "geosearchstore" } else { "georadiusstore" };
    let value = Value::SortedSet(result.fitted(call.state.config.limits));
    call.store_result(target, value, notify::SORTED_SET, event);
    Ok(Reply::len(len))
}

/// Members inside the shape, ordered and limited.
fn find(set: &SortedSet, options: &Options) -> Vec<Found> {
    let (Some(center), Some(shape)) = (options.center, options.shape) else { return Vec::new() };
    let most = if options.any { options.count } else { usize::MAX };
    let in_cell = |(min, max)| {
        let min = ScoreBound { value: min, exclusive: false };
        let max = ScoreBound { value: max, exclusive: true };
        let ranks = set.ranks_by_score(&ScoreRange { min, max });
        set.walk(ranks.start, ranks.len())
    };
    let members = shape.score_ranges(center).into_iter().flat_map(in_cell);
    let hits = members.filter_map(|(score, member)| {
        let place = Place::from_score(score);
        let distance = shape.reach(center, place)?;
        Some(Found { member: member.clone(), score, place, distance })
    });
    let mut found: Vec<Found> = hits.take(most).collect();
    // The nearest few can only be told by sorting.
    let nearest = (options.count > 0 && !options.any).then_some(false);
    match options.descending.or(nearest) {
        Some(false) => found.sort_by(|a, b| a.distance.total_cmp(&b.distance)),
        Some(true) => found.sort_by(|a, b| b.distance.total_cmp(&a.distance)),
        None => {}
    }
    if options.count > 0 {
        found.truncate(options.count);
    }
    found
}

impl Options {
    fn show(&self, hit: &Found) -> Reply {
        let member = Reply::Bulk(hit.member.clone());
        if !self.with_distance && !self.with_hash && !self.with_place {
            return member;
        }
        let mut items = vec![member];
        if self.with_distance {
            items.push(distance_reply(hit.distance, self.unit));
        }
        if self.with_hash {
            #[expect(clippy::cast_possible_truncation, reason = "a place has 52 bits")]
            items.push(Reply::Integer(hit.score as i64));
        }
        if self.with_place {
            items.push(place_reply(hit.place));
        }
        Reply::Array(items)
    }
}
