//! Positions on earth (WGS 84) and regions of it.
//!
//! Degrees are kept as whole numbers of 10⁻⁷ degrees, about a centimetre, so that what lies on a border is known.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use thiserror::Error;

use super::sexagesimal;
use crate::nmea::{self, NmeaError};

/// One degree.
const DEGREE: i64 = 10_000_000;

/// All around.
const CIRCLE: i64 = 360 * DEGREE;

/// Mean radius of the earth in metres (IUGG).
const EARTH: f64 = 6_371_008.8;

/// The most corners that a polygon may have.
pub const MAX_CORNERS: usize = 256;

/// A point on earth: `LATITUDE,LONGITUDE` in decimal degrees, north and east positive; or with degrees, minutes and seconds
/// and hemispheres, `48°08'13.6"N 11°34'31.4"E`; or a sentence of NMEA 0183 ([`nmea`](crate::nmea)).
///
/// ```
/// use openfactory_zone2::constraint::Position;
///
/// let hall: Position = "48.1371, 11.5754".parse()?;
/// assert_eq!(hall.to_string(), "48.1371000,11.5754000");
/// assert_eq!("0,180".parse::<Position>()?, "0,-180".parse()?);
/// assert!("91,0".parse::<Position>().is_err());
/// # Ok::<(), openfactory_zone2::constraint::PositionError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    latitude: i64,
    longitude: i64,
}

/// Why a text is no position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Error)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PositionError {
    /// Not two numbers in decimal degrees, nor degrees, minutes and seconds with hemispheres.
    #[error("it is not LATITUDE,LONGITUDE")]
    Syntax,
    /// A sentence of NMEA 0183 that is none, or of a kind without a position.
    #[error("{0}")]
    Sentence(NmeaError),
    /// The receiver says that it doesn't know.
    #[error("the receiver has no fix")]
    NoFix,
    /// A latitude beyond a pole, or a longitude beyond 180°.
    #[error("it is beyond 90 degrees of latitude or 180 of longitude")]
    Range,
}

/// A part of the earth, its border included.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    shape: Shape,
}

#[derive(Clone, Debug, PartialEq)]
enum Shape {
    Circle { centre: Position, metres: u32 },
    Rectangle { south_west: Position, north_east: Position },
    Polygon { corners: Vec<Position>, holes: Vec<Vec<Position>> },
}

/// Whole numbers alone: equal is equal.
impl Eq for Region {}

/// Why a region can't be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RegionError {
    /// The south is north of the north.
    #[error("its south-west corner is north of its north-east corner")]
    UpsideDown,
    /// Fewer than 3 corners, or more than [`MAX_CORNERS`].
    #[error("a polygon has 3 to {MAX_CORNERS} corners, this has {corners}")]
    Corners {
        /// How many there are.
        corners: usize,
    },
    /// An edge goes half around the earth: nobody knows which way.
    #[error("an edge spans 180 degrees of longitude; put a corner between")]
    LongEdge,
    /// It goes around a pole, which a polygon in degrees can't say.
    #[error("it goes around a pole; use a circle")]
    Pole,
}

impl Region {
    /// All within so many metres of a point.
    #[must_use]
    pub const fn circle(centre: Position, metres: u32) -> Self {
        Self { shape: Shape::Circle { centre, metres } }
    }

    /// All between two meridians, going east from the south-west corner, and two parallels. It may cross the
    /// antimeridian.
    ///
    /// # Errors
    /// [`RegionError::UpsideDown`].
    pub fn rectangle(south_west: Position, north_east: Position) -> Result<Self, RegionError> {
        if south_west.latitude > north_east.latitude {
            return Err(RegionError::UpsideDown);
        }
        Ok(Self { shape: Shape::Rectangle { south_west, north_east } })
    }

    /// All inside a line from corner to corner and back to the first. An edge goes the shorter way around, straight in
    /// degrees; it may cross the antimeridian.
    ///
    /// # Errors
    /// [`RegionError`] where there is no such region.
    pub fn polygon(corners: Vec<Position>) -> Result<Self, RegionError> {
        Self::polygon_with_holes(corners, Vec::new())
    }

    /// The same, but for what is inside one of the holes. A hole's border still belongs to the region.
    ///
    /// ```
    /// use openfactory_zone2::constraint::{Position, Region};
    ///
    /// let ring = |points: &[&str]| points.iter().map(|point| point.parse()).collect::<Result<Vec<Position>, _>>();
    /// let yard = Region::polygon_with_holes(ring(&["0,0", "0,9", "9,9", "9,0"])?, vec![ring(&["3,3", "3,6", "6,6", "6,3"])?])?;
    /// assert!(yard.contains(&"1,1".parse()?) && !yard.contains(&"5,5".parse()?));
    /// assert!(yard.contains(&"3,4".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`RegionError`] where there is no such region; corners are counted with those of all holes.
    pub fn polygon_with_holes(
        corners: Vec<Position>,
        holes: Vec<Vec<Position>>,
    ) -> Result<Self, RegionError> {
        let all = holes.iter().map(Vec::len).sum::<usize>() + corners.len();
        if all > MAX_CORNERS {
            return Err(RegionError::Corners { corners: all });
        }
        std::iter::once(&corners).chain(&holes).try_for_each(|line| closed(line))?;
        Ok(Self { shape: Shape::Polygon { corners, holes } })
    }

    /// Whether a point is inside or on the border.
    #[must_use]
    pub fn contains(&self, at: &Position) -> bool {
        match &self.shape {
            Shape::Circle { centre, metres } => distance(centre, at) <= f64::from(*metres),
            Shape::Rectangle { south_west, north_east } => {
                let width = (north_east.longitude - south_west.longitude).rem_euclid(CIRCLE);
                let east = (at.longitude - south_west.longitude).rem_euclid(CIRCLE);
                // At a pole all meridians meet.
                let pole = at.latitude.abs() == 90 * DEGREE;
                (south_west.latitude..=north_east.latitude).contains(&at.latitude) && (pole || east <= width)
            }
            Shape::Polygon { corners, holes } => {
                side(corners, at) != Side::Outside && holes.iter().all(|hole| side(hole, at) != Side::Inside)
            }
        }
    }
}

fn edges(corners: &[Position]) -> impl Iterator<Item = (&Position, &Position)> {
    corners.iter().zip(corners.iter().cycle().skip(1))
}

/// How far east it is the shorter way: -180° to less than 180°.
fn shorter(from: i64, to: i64) -> i64 {
    (to - from + CIRCLE / 2).rem_euclid(CIRCLE) - CIRCLE / 2
}

/// The corners with longitudes that don't jump, relative to a meridian.
fn unrolled(corners: &[Position], meridian: i64) -> Vec<(i64, i64)> {
    let mut line: Vec<(i64, i64)> = Vec::with_capacity(corners.len());
    for corner in corners {
        let x = match line.last() {
            None => shorter(meridian, corner.longitude),
            Some((x, _)) => x + shorter(meridian + x, corner.longitude),
        };
        line.push((x, corner.latitude));
    }
    line
}

/// Where a point is to a closed line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Inside,
    Border,
    Outside,
}

fn side(corners: &[Position], at: &Position) -> Side {
    let line = unrolled(corners, at.longitude);
    let sides = [-CIRCLE, 0, CIRCLE].map(|x| encloses(&line, x, at.latitude));
    if sides.contains(&Side::Border) {
        Side::Border
    } else if sides.contains(&Side::Inside) {
        Side::Inside
    } else {
        Side::Outside
    }
}

/// Whether corners are those of a line around something.
fn closed(corners: &[Position]) -> Result<(), RegionError> {
    if !(3..=MAX_CORNERS).contains(&corners.len()) {
        return Err(RegionError::Corners { corners: corners.len() });
    }
    let mut around = 0;
    for (from, to) in edges(corners) {
        let east = shorter(from.longitude, to.longitude);
        if east == -CIRCLE / 2 {
            return Err(RegionError::LongEdge);
        }
        around += east;
    }
    if around == 0 { Ok(()) } else { Err(RegionError::Pole) }
}

/// Whether a closed line goes around a point or through it: a ray to the east crosses it an odd number of times.
fn encloses(line: &[(i64, i64)], x: i64, y: i64) -> Side {
    let mut inside = false;
    for (&(x1, y1), &(x2, y2)) in line.iter().zip(line.iter().cycle().skip(1)) {
        let cross = i128::from(x - x1) * i128::from(y2 - y1) - i128::from(y - y1) * i128::from(x2 - x1);
        let beside = (x1.min(x2)..=x1.max(x2)).contains(&x) && (y1.min(y2)..=y1.max(y2)).contains(&y);
        if cross == 0 && beside {
            return Side::Border;
        }
        if (y1 > y) != (y2 > y) && (cross < 0) == (y2 > y1) {
            inside = !inside;
        }
    }
    if inside { Side::Inside } else { Side::Outside }
}

/// Metres along the great circle (haversine).
fn distance(a: &Position, b: &Position) -> f64 {
    let radians = |angle: i64| (angle as f64 / DEGREE as f64).to_radians();
    let (lat_a, lat_b) = (radians(a.latitude), radians(b.latitude));
    let north = ((lat_b - lat_a) / 2.0).sin().powi(2);
    let east = (radians(b.longitude - a.longitude) / 2.0).sin().powi(2);
    2.0 * EARTH * (north + lat_a.cos() * lat_b.cos() * east).sqrt().min(1.0).asin()
}

impl FromStr for Position {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        if text.starts_with('$') {
            let sentence = nmea::parse(text).map_err(PositionError::Sentence)?;
            return sentence.position.ok_or(PositionError::NoFix);
        }
        if text.contains(['N', 'S', 'n', 's']) {
            let (latitude, longitude) = sexagesimal::parse(text)?;
            return Self::from_units(latitude, longitude);
        }
        let (latitude, longitude) = text.split_once(',').ok_or(PositionError::Syntax)?;
        Self::from_units(degrees(latitude)?, degrees(longitude)?)
    }
}

impl Position {
    /// So many 10⁻⁷ degrees north and east.
    pub(crate) fn from_units(latitude: i64, longitude: i64) -> Result<Self, PositionError> {
        if latitude.abs() > 90 * DEGREE || longitude.abs() > 180 * DEGREE {
            return Err(PositionError::Range);
        }
        // The antimeridian has one name.
        Ok(Self { latitude, longitude: if longitude == 180 * DEGREE { -longitude } else { longitude } })
    }
}

/// Decimal degrees; digits after the seventh are cut off.
fn degrees(text: &str) -> Result<i64, PositionError> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let numeric = |part: &str| !part.is_empty() && part.bytes().all(|digit| digit.is_ascii_digit());
    if !numeric(whole) || !numeric(fraction) || whole.len() > 3 || fraction.len() > 20 {
        return Err(PositionError::Syntax);
    }
    let whole: i64 = whole.parse().map_err(|_| PositionError::Syntax)?;
    let fraction: i64 = format!("{fraction:0<7.7}").parse().map_err(|_| PositionError::Syntax)?;
    let value = whole * DEGREE + fraction;
    Ok(if negative { -value } else { value })
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |angle: i64| {
            let sign = if angle < 0 { "-" } else { "" };
            format!("{sign}{}.{:07}", angle.abs() / DEGREE, angle.abs() % DEGREE)
        };
        write!(f, "{},{}", part(self.latitude), part(self.longitude))
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.shape {
            Shape::Circle { centre, metres } => write!(f, "within {metres} m of {centre}"),
            Shape::Rectangle { south_west, north_east } => write!(f, "between {south_west} and {north_east}"),
            Shape::Polygon { corners, holes } => {
                write!(f, "inside a polygon of {} corners", corners.len())?;
                match holes.len() {
                    0 => Ok(()),
                    1 => f.write_str(" with a hole"),
                    holes => write!(f, " with {holes} holes"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
