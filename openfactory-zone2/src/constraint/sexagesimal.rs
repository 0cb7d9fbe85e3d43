//! Angles in degrees, minutes and seconds.

use super::region::PositionError;

/// One degree in the units of positions.
const DEGREE: i128 = 10_000_000;

/// `48°08'13.6"N` with `11°34'31.4"E`, or `48 08 13.6 N, 11 34 31.4 E`: latitude, then longitude.
pub(super) fn parse(text: &str) -> Result<(i64, i64), PositionError> {
    let text = text.trim();
    // The hemisphere ends an angle.
    let end = text.find(['N', 'S', 'n', 's']).ok_or(PositionError::Syntax)?;
    let (latitude, longitude) = text.split_at_checked(end + 1).ok_or(PositionError::Syntax)?;
    let longitude = longitude.trim_start().trim_start_matches(',').trim();
    Ok((angle(latitude, 'N', 'S')?, angle(longitude, 'E', 'W')?))
}

fn angle(text: &str, plus: char, minus: char) -> Result<i64, PositionError> {
    let hemisphere = text.chars().last().ok_or(PositionError::Syntax)?.to_ascii_uppercase();
    let numbers = text.get(..text.len() - 1).ok_or(PositionError::Syntax)?;
    let marks = ['\u{b0}', '\'', '"', '\u{2032}', '\u{2033}', ' '];
    let parts: Vec<&str> = numbers.split(marks).filter(|part| !part.is_empty()).collect();
    let [whole @ .., last] = parts.as_slice() else { return Err(PositionError::Syntax) };
    if whole.len() > 2 {
        return Err(PositionError::Syntax);
    }
    let mut units: i128 = 0;
    let mut size = DEGREE * 3600;
    for (index, part) in whole.iter().enumerate() {
        let number = digits(part, 3)?;
        within(index, number)?;
        units += number * size;
        size /= 60;
    }
    let (number, fraction) = last.split_once('.').unwrap_or((last, "0"));
    let number = digits(number, 3)?;
    within(whole.len(), number)?;
    let fraction = digits(&format!("{fraction:0<9.9}"), 9)?;
    units += number * size + fraction * size / 1_000_000_000;
    let units = i64::try_from(units / 3600).map_err(|_| PositionError::Range)?;
    match hemisphere {
        found if found == plus => Ok(units),
        found if found == minus => Ok(-units),
        _ => Err(PositionError::Syntax),
    }
}

/// Minutes and seconds are less than sixty.
fn within(index: usize, number: i128) -> Result<(), PositionError> {
    if index > 0 && number >= 60 { Err(PositionError::Range) } else { Ok(()) }
}

fn digits(text: &str, most: usize) -> Result<i128, PositionError> {
    let numeric = (1..=most).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_digit());
    if numeric { text.parse().map_err(|_| PositionError::Syntax) } else { Err(PositionError::Syntax) }
}
