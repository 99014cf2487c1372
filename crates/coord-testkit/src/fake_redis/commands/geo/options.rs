//! Arguments of the searches.

use bytes::Bytes;

use super::{place, unit};
use crate::fake_redis::failure::Failure;
use crate::fake_redis::number::{integer, parse_f64};
use crate::fake_redis::types::SortedSet;
use crate::fake_redis::types::geo::{Place, Shape};

/// Which of the commands reads its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// GEORADIUS.
    Radius,
    /// GEORADIUSBYMEMBER.
    RadiusByMember,
    /// GEOSEARCH.
    Search,
    /// GEOSEARCHSTORE.
    SearchStore,
}

impl Form {
    pub(super) fn is_search(self) -> bool {
        matches!(self, Self::Search | Self::SearchStore)
    }

    /// Index of the first optional argument.
    fn first_option(self) -> usize {
        match self {
            Self::Radius => 6,
            Self::RadiusByMember => 5,
            Self::Search => 2,
            Self::SearchStore => 3,
        }
    }
}

/// What to search and how to answer.
#[derive(Debug, Default)]
pub(super) struct Options {
    /// Where to search; absent only where there is no key.
    pub(super) center: Option<Place>,
    pub(super) shape: Option<Shape>,
    /// Meters of the unit of replies.
    pub(super) unit: f64,
    pub(super) with_distance: bool,
    pub(super) with_hash: bool,
    pub(super) with_place: bool,
    /// Stop at the first that are found.
    pub(super) any: bool,
    /// None keeps the order of the cells.
    pub(super) descending: Option<bool>,
    /// At most so many; 0 for all.
    pub(super) count: usize,
    pub(super) store: Option<Bytes>,
    /// Store distances instead of places.
    pub(super) store_distance: bool,
    has_center: bool,
}

impl Options {
    pub(super) fn parse(
        args: &[Bytes],
        form: Form,
        may_store: bool,
        set: Option<&SortedSet>,
    ) -> Result<Self, Failure> {
        let mut options = Self { unit: 1.0, ..Self::default() };
        match form {
            Form::Radius => {
                options.center = Some(place(&args[2..])?);
                options.radius(&args[4..])?;
            }
            Form::RadiusByMember => {
                if let Some(set) = set {
                    options.member(set, &args[2])?;
                    options.radius(&args[3..])?;
                }
            }
            Form::Search => {}
            Form::SearchStore => options.store = Some(args[1].clone()),
        }
        let mut rest = &args[form.first_option()..];
        while let Some((word, tail)) = rest.split_first() {
            let used = options.option(word, tail, form, may_store, set)?;
            rest = &tail[used..];
        }
        options.check(&args[0], form)?;
        Ok(options)
    }

    /// Reads one option; returns how many arguments follow its name.
    fn option(
        &mut self,
        word: &Bytes,
        tail: &[Bytes],
        form: Form,
        may_store: bool,
        set: Option<&SortedSet>,
    ) -> Result<usize, Failure> {
        let search = form.is_search();
        let in_box = matches!(self.shape, Some(Shape::Box { .. }));
        let in_circle = search && matches!(self.shape, Some(Shape::Circle { .. }));
        match word.to_ascii_lowercase().as_slice() {
            b"withdist" => self.with_distance = true,
            b"withhash" => self.with_hash = true,
            b"withcoord" => self.with_place = true,
            b"any" => self.any = true,
            b"asc" => self.descending = Some(false),
            b"desc" => self.descending = Some(true),
            b"count" if !tail.is_empty() => {
                let count = integer(&tail[0])?;
                self.count = usize::try_from(count).unwrap_or(0);
                if count <= 0 {
                    return Err(Failure::fixed("ERR COUNT must be > 0"));
                }
                return Ok(1);
            }
            b"store" | b"storedist" if !tail.is_empty() && may_store && !search => {
                self.store = Some(tail[0].clone());
                self.store_distance = word.len() > 5;
                return Ok(1);
            }
            b"storedist" if form == Form::SearchStore => self.store_distance = true,
            b"frommember" if !tail.is_empty() && search && !self.is_at_place() => {
                self.has_center = true;
                if let Some(set) = set {
                    self.member(set, &tail[0])?;
                }
                return Ok(1);
            }
            b"fromlonlat" if tail.len() >= 2 && search && !self.is_at_member() => {
                self.center = Some(place(tail)?);
                return Ok(2);
            }
            b"byradius" if tail.len() >= 2 && search && !in_box => {
                self.radius(tail)?;
                return Ok(2);
            }
            b"bybox" if tail.len() >= 3 && search && !in_circle => {
                let number = |at: usize, error| parse_f64(&tail[at]).ok_or(Failure::fixed(error));
                let width = number(0, "ERR need numeric width")?;
                let height = number(1, "ERR need numeric height")?;
                if width < 0.0 || height < 0.0 {
                    return Err(Failure::fixed("ERR height or width cannot be negative"));
                }
                self.unit = unit(&tail[2])?;
                let (width, height) = (width * self.unit, height * self.unit);
                self.shape = Some(Shape::Box { width, height });
                return Ok(3);
            }
            _ => return Err(Failure::syntax()),
        }
        Ok(0)
    }

    fn is_at_member(&self) -> bool {
        self.has_center
    }

    fn is_at_place(&self) -> bool {
        self.center.is_some() && !self.has_center
    }

    fn radius(&mut self, args: &[Bytes]) -> Result<(), Failure> {
        let radius = parse_f64(&args[0]).ok_or(Failure::fixed("ERR need numeric radius"))?;
        if radius < 0.0 {
            return Err(Failure::fixed("ERR radius cannot be negative"));
        }
        self.unit = unit(&args[1])?;
        self.shape = Some(Shape::Circle { radius: radius * self.unit });
        Ok(())
    }

    fn member(&mut self, set: &SortedSet, member: &[u8]) -> Result<(), Failure> {
        let unknown = Failure::fixed("ERR could not decode requested zset member");
        self.center = Some(Place::from_score(set.score(member).ok_or(unknown)?));
        Ok(())
    }

    fn check(&self, name: &Bytes, form: Form) -> Result<(), Failure> {
        let name = String::from_utf8_lossy(name);
        let shows = self.with_distance || self.with_hash || self.with_place;
        if self.store.is_some() && shows {
            let what =
                if form.is_search() { "GEOSEARCHSTORE" } else { "STORE option in GEORADIUS" };
            return Err(Failure::new(format!(
                "ERR {what} is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
            )));
        }
        if form.is_search() && !self.has_center && self.center.is_none() {
            return Err(Failure::new(format!(
                "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for {name}"
            )));
        }
        if form.is_search() && self.shape.is_none() {
            return Err(Failure::new(format!(
                "ERR exactly one of BYRADIUS and BYBOX can be specified for {name}"
            )));
        }
        if self.any && self.count == 0 {
            return Err(Failure::fixed("ERR the ANY argument requires COUNT argument"));
        }
        Ok(())
    }
}

/// Keys of GEORADIUS: the source and the last STORE or STOREDIST.
pub(super) fn radius_keys(args: &[Bytes]) -> Vec<usize> {
    stored_keys(args, Form::Radius.first_option())
}

/// Keys of GEORADIUSBYMEMBER.
pub(super) fn radius_by_member_keys(args: &[Bytes]) -> Vec<usize> {
    stored_keys(args, Form::RadiusByMember.first_option())
}

fn stored_keys(args: &[Bytes], from: usize) -> Vec<usize> {
    let is_store = |at: &usize| {
        args[*at].eq_ignore_ascii_case(b"store") || args[*at].eq_ignore_ascii_case(b"storedist")
    };
    let target = (from..args.len().saturating_sub(1)).rfind(is_store).map(|at| at + 1);
    std::iter::once(1).chain(target).collect()
}
