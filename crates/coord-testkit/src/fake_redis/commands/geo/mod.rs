//! Places: GEOADD, GEOSEARCH and their relatives.

mod options;
mod search;

use bytes::Bytes;

use crate::fake_redis::call::Call;
use crate::fake_redis::command::{Command, Family, Keys, flag};
use crate::fake_redis::commands::sorted_sets::zadd_places;
use crate::fake_redis::failure::Failure;
use crate::fake_redis::number::float;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::types::geo::Place;

use flag::{DENYOOM, MOVABLE_KEYS, READONLY, WRITE};

const STORES: u32 = WRITE | DENYOOM;

pub(crate) static FAMILY: Family = Family {
    group: "geo",
    commands: &[
        Command::new("geoadd", -5, STORES, Keys::ONE, geoadd),
        Command::new("geodist", -4, READONLY, Keys::ONE, geodist),
        Command::new("geohash", -2, READONLY, Keys::ONE, geohash),
        Command::new("geopos", -2, READONLY, Keys::ONE, geopos),
        Command::new(
            "georadius",
            -6,
            STORES | MOVABLE_KEYS,
            Keys::Custom(options::radius_keys),
            search::georadius,
        ),
        Command::new("georadius_ro", -6, READONLY, Keys::ONE, search::georadius_ro),
        Command::new(
            "georadiusbymember",
            -5,
            STORES | MOVABLE_KEYS,
            Keys::Custom(options::radius_by_member_keys),
            search::georadiusbymember,
        ),
        Command::new("georadiusbymember_ro", -5, READONLY, Keys::ONE, search::georadiusbymember_ro),
        Command::new("geosearch", -7, READONLY, Keys::ONE, search::geosearch),
        Command::new("geosearchstore", -8, STORES, Keys::TWO, search::geosearchstore),
    ],
};

/// Reads longitude and latitude at the start of `args`.
fn place(args: &[Bytes]) -> Result<Place, Failure> {
    let (longitude, latitude) = (float(&args[0])?, float(&args[1])?);
    Place::new(longitude, latitude).ok_or_else(|| {
        Failure::new(format!("ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}"))
    })
}

/// Meters of a unit.
fn unit(word: &[u8]) -> Result<f64, Failure> {
    match word.to_ascii_lowercase().as_slice() {
        b"m" => Ok(1.0),
        b"km" => Ok(1000.0),
        b"ft" => Ok(0.3048),
        b"mi" => Ok(1609.34),
        _ => Err(Failure::fixed("ERR unsupported unit provided. please use M, KM, FT, MI")),
    }
}

/// A distance with four decimals.
fn distance_reply(meters: f64, unit: f64) -> Reply {
    Reply::bulk(format!("{:.4}", meters / unit))
}

/// Longitude and latitude with at most 17 decimals.
fn place_reply(place: Place) -> Reply {
    let number = |degrees: f64| {
        let text = format!("{degrees:.17}");
        Reply::DoubleText(text.trim_end_matches('0').trim_end_matches('.').to_owned())
    };
    Reply::Array(vec![number(place.longitude), number(place.latitude)])
}

fn geoadd(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let is_option =
        |arg: &&Bytes| ["nx", "xx", "ch"].iter().any(|o| arg.eq_ignore_ascii_case(o.as_bytes()));
    let options = call.args[2..].iter().take_while(is_option).count();
    let (options, places) = call.args[2..].split_at(options);
    let given = |word: &[u8]| options.iter().any(|option| option.eq_ignore_ascii_case(word));
    if !places.len().is_multiple_of(3) || (given(b"nx") && given(b"xx")) {
        return Err(Failure::syntax());
    }
    let scored = places.chunks_exact(3).map(|triple| Ok((place(triple)?.to_score(), &triple[2])));
    let scored = scored.collect::<Result<Vec<_>, Failure>>()?;
    zadd_places(call, options, &scored)
}

fn geodist(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let meters = match call.args.len() {
        4 => 1.0,
        5 => unit(call.arg(4))?,
        _ => return Err(Failure::syntax()),
    };
    let (from, to) = (call.arg(2), call.arg(3));
    let Some(set) = call.sorted_set(call.arg(1))? else { return Ok(Reply::Null) };
    let (Some(from), Some(to)) = (set.score(from), set.score(to)) else { return Ok(Reply::Null) };
    let distance = Place::from_score(from).distance(Place::from_score(to));
    Ok(distance_reply(distance, meters))
}

fn geohash(call: &mut Call<'_>) -> Result<Reply, Failure> {
    each(call, &Reply::Null, |place| Reply::bulk(place.to_geohash()))
}

fn geopos(call: &mut Call<'_>) -> Result<Reply, Failure> {
    each(call, &Reply::NullArray, place_reply)
}

/// One reply per member, `absent` for those that are not there.
fn each(
    call: &mut Call<'_>,
    absent: &Reply,
    show: impl Fn(Place) -> Reply,
) -> Result<Reply, Failure> {
    let members = &call.args[2..];
    let set = call.sorted_set(call.arg(1))?;
    let replies = members.iter().map(|member| {
        let score = set.and_then(|set| set.score(member));
        score.map_or_else(|| absent.clone(), |score| show(Place::from_score(score)))
    });
    Ok(Reply::Array(replies.collect()))
}
