//! Sentences of NMEA 0183, as satellite receivers write them: where they are, and since when.

use serde::Serialize;
use thiserror::Error;

use crate::constraint::{Position, PositionError};

/// The longest sentence, in bytes. NMEA 0183 has 82; some receivers write more.
const MAX_SENTENCE: usize = 256;

/// What a sentence says of the receiver's position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sentence {
    /// Where it is; none without a fix.
    pub position: Option<Position>,
}

/// Why a line says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Error)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum NmeaError {
    /// It is no sentence: no `$`, no fields, too long, not ASCII.
    #[error("not a sentence of NMEA 0183")]
    Syntax,
    /// Its checksum is absent or another's.
    #[error("the checksum is absent or wrong")]
    Checksum,
    /// It is of a kind that has no position.
    #[error("of a kind without a position; GGA, GLL, GNS and RMC have one")]
    Kind,
    /// A field is not as it must be.
    #[error("a field can't be read")]
    Field,
}

/// Reads a sentence of the kinds GGA, GLL, GNS or RMC, of any talker. The checksum has to be there.
///
/// ```
/// use openfactory_zone2::nmea;
///
/// let sentence = nmea::parse("$GPGLL,4916.45,N,12311.12,W,225444,A,*1D")?;
/// assert_eq!(sentence.position.map(|at| at.to_string()).as_deref(), Some("49.2741666,-123.1853333"));
/// let lost = nmea::parse("$GPRMC,225444,V,,,,,,,191194,,*35")?;
/// assert_eq!(lost.position, None);
/// # Ok::<(), openfactory_zone2::nmea::NmeaError>(())
/// ```
///
/// # Errors
/// [`NmeaError`].
pub fn parse(line: &str) -> Result<Sentence, NmeaError> {
    let line = line.trim_end_matches(['\r', '\n']);
    if line.len() > MAX_SENTENCE || !line.is_ascii() {
        return Err(NmeaError::Syntax);
    }
    let body = line.strip_prefix('$').ok_or(NmeaError::Syntax)?;
    let (body, sum) = body.rsplit_once('*').ok_or(NmeaError::Checksum)?;
    let computed = body.bytes().fold(0, |sum, byte| sum ^ byte);
    let exact = sum.len() == 2 && sum.bytes().all(|digit| digit.is_ascii_hexdigit());
    if !exact || u8::from_str_radix(sum, 16) != Ok(computed) {
        return Err(NmeaError::Checksum);
    }
    let fields: Vec<&str> = body.split(',').collect();
    let name = fields.first().copied().unwrap_or_default();
    if name.len() != 5 {
        return Err(NmeaError::Kind);
    }
    let field = |index: usize| fields.get(index).copied().ok_or(NmeaError::Field);
    // Where latitude begins, and what says that there is a fix.
    let (first, fixed) = match name.get(2..) {
        Some("GGA") => (2, !matches!(field(6)?, "" | "0")),
        Some("GNS") => (2, field(6)?.bytes().any(|mode| mode != b'N')),
        Some("GLL") => (1, field(6)? == "A"),
        Some("RMC") => (3, field(2)? == "A"),
        _ => return Err(NmeaError::Kind),
    };
    if !fixed {
        return Ok(Sentence { position: None });
    }
    let latitude = angle(field(first)?, field(first + 1)?, "N", "S", 2)?;
    let longitude = angle(field(first + 2)?, field(first + 3)?, "E", "W", 3)?;
    let position = Position::from_units(latitude, longitude).map_err(|_: PositionError| NmeaError::Field)?;
    Ok(Sentence { position: Some(position) })
}

/// `DDMM.mmmm` and a hemisphere, in units of 10⁻⁷ degrees.
fn angle(text: &str, hemisphere: &str, plus: &str, minus: &str, digits: usize) -> Result<i64, NmeaError> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let numeric = |part: &str| !part.is_empty() && part.bytes().all(|digit| digit.is_ascii_digit());
    if !numeric(whole) || !numeric(fraction) || whole.len() != digits + 2 || fraction.len() > 12 {
        return Err(NmeaError::Field);
    }
    let number = |part: &str| part.parse::<i64>().map_err(|_| NmeaError::Field);
    let (degrees, minutes) = (number(&whole[..digits])?, number(&whole[digits..])?);
    if minutes >= 60 {
        return Err(NmeaError::Field);
    }
    // Minutes in units of 10⁻⁹: sixty of them are a degree.
    let minutes = minutes * 1_000_000_000 + number(&format!("{fraction:0<9.9}"))?;
    let units = degrees * 10_000_000 + minutes / 6000;
    match hemisphere {
        found if found == plus => Ok(units),
        found if found == minus => Ok(-units),
        _ => Err(NmeaError::Field),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_sum(body: &str) -> String {
        format!("${body}*{:02X}", body.bytes().fold(0, |sum, byte| sum ^ byte))
    }

    #[test]
    fn sentences_row_by_row() {
        let table = [
            ("GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,", Some("48.1173000,11.5166666")),
            (
                "GNGNS,014035.00,4332.69262,S,17235.48549,E,RR,13,0.9,25.63,11.24,,",
                Some("-43.5448770,172.5914248"),
            ),
            (
                "GPRMC,081836,A,3751.65,S,14507.36,E,000.0,360.0,130998,011.3,E",
                Some("-37.8608333,145.1226666"),
            ),
            // A leap second, and the antimeridian, which has one name.
            ("GPRMC,235960,A,0000.00,N,18000.00,E,,,311216,,", Some("0.0000000,-180.0000000")),
            ("GPGGA,123519,9000.000,S,00000.000,W,1,08,0.9,,M,,M,,", Some("-90.0000000,0.0000000")),
            ("GPGGA,123519,,,,,0,00,,,M,,M,,", None),
            ("GPGLL,,,,,225444,V,", None),
        ];
        for (body, position) in table {
            let found = parse(&with_sum(body)).unwrap().position.map(|at| at.to_string());
            assert_eq!(found.as_deref(), position, "{body}");
        }
    }

    #[test]
    fn what_is_no_position_is_refused() {
        let good = "GPGLL,4916.45,N,12311.12,W,225444,A,";
        let table = [
            (with_sum("GPGSV,3,1,11"), NmeaError::Kind),
            (with_sum("PUBX,00"), NmeaError::Kind),
            (with_sum("GPGLL,4916.45,X,12311.12,W,225444,A,"), NmeaError::Field),
            (with_sum("GPGLL,4960.00,N,12311.12,W,225444,A,"), NmeaError::Field),
            (with_sum("GPGLL,9100.00,N,12311.12,W,225444,A,"), NmeaError::Field),
            (with_sum("GPGLL,4916.45,N,18100.00,W,225444,A,"), NmeaError::Field),
            (with_sum("GPGLL,-916.45,N,12311.12,W,225444,A,"), NmeaError::Field),
            (with_sum("GPGLL,4916.45"), NmeaError::Field),
            (format!("${good}*00"), NmeaError::Checksum),
            (format!("${good}*+1"), NmeaError::Checksum),
            (format!("${good}"), NmeaError::Checksum),
            (good.to_owned(), NmeaError::Syntax),
            ("$\u{e9}*00".to_owned(), NmeaError::Syntax),
            (with_sum(&"G".repeat(300)), NmeaError::Syntax),
            ("$*00".to_owned(), NmeaError::Kind),
        ];
        for (line, error) in table {
            assert_eq!(parse(&line), Err(error), "{line}");
        }
    }
}
