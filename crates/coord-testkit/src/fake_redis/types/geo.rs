//! Places on the globe as 52-bit cells, and distances between them.

/// Greatest latitude of the projection, in degrees.
const MAX_LATITUDE: f64 = 85.051_128_78;
const MAX_LONGITUDE: f64 = 180.0;
/// In radians.
const DEGREE: f64 = std::f64::consts::PI / 180.0;
/// In meters.
const EARTH_RADIUS: f64 = 6_372_797.560_856;
/// Half the way around the projection, in meters.
const HALF_MERCATOR: f64 = 20_037_726.37;
/// Bits per coordinate of a score.
const STEPS: u32 = 26;
const EVEN: u64 = 0x5555_5555_5555_5555;

/// A place, in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Place {
    pub(crate) longitude: f64,
    pub(crate) latitude: f64,
}

/// What is searched around a place; all lengths in meters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Shape {
    Circle { radius: f64 },
    Box { width: f64, height: f64 },
}

/// A cell: the lowest `2 * steps` bits interleave latitude (even) and longitude (odd).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cell {
    bits: u64,
    steps: u32,
}

/// The borders of a cell.
#[derive(Debug, Clone, Copy)]
struct Borders {
    west: f64,
    east: f64,
    south: f64,
    north: f64,
}

impl Place {
    /// `None` outside of the projection.
    pub(crate) fn new(longitude: f64, latitude: f64) -> Option<Self> {
        let inside = longitude.abs() <= MAX_LONGITUDE && latitude.abs() <= MAX_LATITUDE;
        inside.then_some(Self { longitude, latitude })
    }

    /// The middle of the cell that a score stands for.
    pub(crate) fn from_score(score: f64) -> Self {
        let borders = Cell { bits: to_bits(score), steps: STEPS }.borders();
        let middle = |from: f64, to: f64| (from + to) / 2.0;
        Self {
            longitude: middle(borders.west, borders.east).clamp(-MAX_LONGITUDE, MAX_LONGITUDE),
            latitude: middle(borders.south, borders.north).clamp(-MAX_LATITUDE, MAX_LATITUDE),
        }
    }

    /// The 52 bits of its cell, which a float holds exactly.
    pub(crate) fn to_score(self) -> f64 {
        Cell::at(self, STEPS, MAX_LATITUDE).bits as f64
    }

    /// The usual text of 11 letters, of which the last says nothing.
    pub(crate) fn to_geohash(self) -> String {
        const LETTERS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
        let bits = Cell::at(self, STEPS, 90.0).bits;
        let letter = |at: u32| {
            let index = if at == 10 { 0 } else { bits >> (52 - (at + 1) * 5) & 31 };
            char::from(LETTERS[usize::try_from(index).unwrap_or(0)])
        };
        (0..11).map(letter).collect()
    }

    /// Meters to another place along the surface.
    pub(crate) fn distance(self, other: Self) -> f64 {
        let v = ((other.longitude.to_radians() - self.longitude.to_radians()) / 2.0).sin();
        if v == 0.0 {
            return north_south(self.latitude, other.latitude);
        }
        let (from, to) = (self.latitude.to_radians(), other.latitude.to_radians());
        let u = ((to - from) / 2.0).sin();
        2.0 * EARTH_RADIUS * (u * u + from.cos() * to.cos() * v * v).sqrt().asin()
    }
}

impl Shape {
    /// Meters from the center to a place inside; `None` outside.
    pub(crate) fn reach(self, center: Place, place: Place) -> Option<f64> {
        match self {
            Self::Circle { radius } => {
                let distance = center.distance(place);
                (distance <= radius).then_some(distance)
            }
            Self::Box { width, height } => {
                if north_south(place.latitude, center.latitude) > height / 2.0 {
                    return None;
                }
                let across = Place { longitude: center.longitude, ..place };
                (place.distance(across) <= width / 2.0).then(|| center.distance(place))
            }
        }
    }

    /// Ranges of scores (the end excluded) that cover the shape, in the order Redis visits them.
    pub(crate) fn score_ranges(self, center: Place) -> Vec<(f64, f64)> {
        let (half_width, half_height, radius) = match self {
            Self::Circle { radius } => (radius, radius, radius),
            Self::Box { width, height } => {
                (width / 2.0, height / 2.0, (width / 2.0).hypot(height / 2.0))
            }
        };
        let up = half_height / EARTH_RADIUS / DEGREE;
        let widest =
            if center.latitude < 0.0 { center.latitude - up } else { center.latitude + up };
        let aside = half_width / EARTH_RADIUS / widest.to_radians().cos() / DEGREE;
        let bounds = Borders {
            west: center.longitude - aside,
            east: center.longitude + aside,
            south: center.latitude - up,
            north: center.latitude + up,
        };
        let mut steps = steps_for(radius, center.latitude);
        let near = |steps| Cell::at(center, steps, MAX_LATITUDE);
        let cell = near(steps);
        let too_small = cell.moved(0, 1).borders().north < bounds.north
            || cell.moved(0, -1).borders().south > bounds.south
            || cell.moved(1, 0).borders().east < bounds.east
            || cell.moved(-1, 0).borders().west > bounds.west;
        if steps > 1 && too_small {
            steps -= 1;
        }
        let cell = near(steps);
        let own = cell.borders();
        let useless = |east: i32, north: i32| {
            steps >= 2
                && ((north < 0 && own.south < bounds.south)
                    || (north > 0 && own.north > bounds.north)
                    || (east < 0 && own.west < bounds.west)
                    || (east > 0 && own.east > bounds.east))
        };
        let around = [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];
        let mut cells: Vec<Cell> = Vec::new();
        for (east, north) in around {
            let next = cell.moved(east, north);
            // At the coarsest steps neighbours may be one and the same.
            if !useless(east, north) && cells.last() != Some(&next) {
                cells.push(next);
            }
        }
        let shift = 52 - 2 * steps;
        let range = |cell: &Cell| ((cell.bits << shift) as f64, ((cell.bits + 1) << shift) as f64);
        cells.iter().map(range).collect()
    }
}

impl Cell {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the share is between 0 and 1, hence the product below 2^27"
    )]
    fn at(place: Place, steps: u32, max_latitude: f64) -> Self {
        let share = |value: f64, max: f64| {
            let share = (value + max) / (max + max);
            (share * (1_u64 << steps) as f64) as u32
        };
        let latitude = spread(share(place.latitude, max_latitude));
        let longitude = spread(share(place.longitude, MAX_LONGITUDE));
        Self { bits: latitude | longitude << 1, steps }
    }

    fn borders(self) -> Borders {
        let cells = (1_u64 << self.steps) as f64;
        let border = |index: u32, more: f64, max: f64| {
            -max + (f64::from(index) + more) / cells * (max + max)
        };
        let (latitude, longitude) = (gather(self.bits), gather(self.bits >> 1));
        Borders {
            west: border(longitude, 0.0, MAX_LONGITUDE),
            east: border(longitude, 1.0, MAX_LONGITUDE),
            south: border(latitude, 0.0, MAX_LATITUDE),
            north: border(latitude, 1.0, MAX_LATITUDE),
        }
    }

    /// The cell that lies so many cells to the east and north, around the globe.
    fn moved(self, east: i32, north: i32) -> Self {
        let mask = (1_u32 << self.steps) - 1;
        let step = |bits: u64, by: i32| spread(gather(bits).wrapping_add_signed(by) & mask);
        Self { bits: step(self.bits, north) | step(self.bits >> 1, east) << 1, ..self }
    }
}

/// Meters between two latitudes.
fn north_south(from: f64, to: f64) -> f64 {
    EARTH_RADIUS * (to.to_radians() - from.to_radians()).abs()
}

/// Bits per coordinate at which nine cells cover the radius.
fn steps_for(mut radius: f64, latitude: f64) -> u32 {
    if radius == 0.0 {
        return STEPS;
    }
    let mut steps: u32 = 1;
    while radius < HALF_MERCATOR {
        radius *= 2.0;
        steps += 1;
    }
    // Towards the poles cells grow narrow.
    let fewer = 2 + u32::from(latitude.abs() > 66.0) + u32::from(latitude.abs() > 80.0);
    steps.saturating_sub(fewer).clamp(1, STEPS)
}

/// The bits of a number at even places.
fn spread(number: u32) -> u64 {
    (0..32).fold(0, |bits, at| bits | u64::from(number >> at & 1) << (2 * at))
}

/// The number at the even places.
fn gather(bits: u64) -> u32 {
    let bits = bits & EVEN;
    (0..32).fold(0, |number, at| number | u32::from(bits >> (2 * at) & 1 == 1) << at)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "as in Redis any score counts as bits; the cast saturates"
)]
fn to_bits(score: f64) -> u64 {
    score as u64
}
