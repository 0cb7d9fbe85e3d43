//! The regions of a position constraint.

use super::{MAX_WORD_BYTES, Problem};
use crate::constraint::{MAX_CORNERS, MAX_REGIONS, Position, PositionRule, Region};
use crate::json::{Node, Object};
use crate::policy_error::PolicyError;

/// The largest circle, in metres: half of the earth's circumference.
const MAX_METRES: u64 = 20_100_000;

pub(super) fn parse(object: &Object<'_>) -> Result<PositionRule, PolicyError> {
    let list = object.required("regions")?;
    let regions = list.array(MAX_REGIONS)?.iter().map(region).collect::<Result<Vec<_>, _>>()?;
    PositionRule::new(regions).ok_or_else(|| list.error(Problem::Empty))
}

/// A circle has a centre, a rectangle two corners, a polygon three or more.
fn region(node: &Node<'_>) -> Result<Region, PolicyError> {
    let problem = |error| node.error(Problem::Region(error));
    if node.peek("centre").is_ok() {
        let object = node.object(&["centre", "metres"])?;
        let radius = object.required("metres")?;
        let number = radius.integer(MAX_METRES)?;
        let metres = u32::try_from(number)
            .map_err(|_| radius.error(Problem::OutOfRange { number, max: MAX_METRES }))?;
        return Ok(Region::circle(position(object.required("centre")?)?, metres));
    }
    if node.peek("corners").is_ok() {
        let object = node.object(&["corners", "holes"])?;
        let line =
            |node: &Node<'_>| node.array(MAX_CORNERS)?.iter().map(position).collect::<Result<Vec<_>, _>>();
        let corners = line(object.required("corners")?)?;
        let holes = object.optional("holes").map_or(Ok(Vec::new()), |node| node.array(MAX_CORNERS))?;
        let holes = holes.iter().map(line).collect::<Result<Vec<_>, _>>()?;
        return Region::polygon_with_holes(corners, holes).map_err(problem);
    }
    let object = node.object(&["south_west", "north_east"])?;
    let (south_west, north_east) = (object.required("south_west")?, object.required("north_east")?);
    Region::rectangle(position(south_west)?, position(north_east)?).map_err(problem)
}

fn position(node: &Node<'_>) -> Result<Position, PolicyError> {
    node.string(MAX_WORD_BYTES)?.parse().map_err(|error| node.error(Problem::Position(error)))
}
