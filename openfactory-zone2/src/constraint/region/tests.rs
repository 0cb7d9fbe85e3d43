use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Position {
    text.parse().unwrap()
}

fn polygon(corners: &[&str]) -> Result<Region, RegionError> {
    Region::polygon(corners.iter().map(|corner| at(corner)).collect())
}

#[test]
fn positions_are_read_strictly() {
    for text in
        ["", "1", "1,", ",1", "1,2,3", "1;2", "N1,E2", "1e1,2", "1.,2", ".5,2", "--1,2", "1,0x2", "nan,inf"]
    {
        assert_eq!(text.parse::<Position>(), Err(PositionError::Syntax), "{text}");
    }
    for text in ["90.0000001,0", "-91,0", "0,180.0000001", "0,-181"] {
        assert_eq!(text.parse::<Position>(), Err(PositionError::Range), "{text}");
    }
    assert_eq!(at("-0.00000019,+007.5").to_string(), "-0.0000001,7.5000000");
}

#[test]
fn rectangles_have_borders_and_cross_the_antimeridian() {
    let hall = Region::rectangle(at("48.1,11.5"), at("48.2,11.6")).unwrap();
    let fiji = Region::rectangle(at("-20,177"), at("-15,-178")).unwrap();
    let table = [
        (&hall, "48.15,11.55", true),
        (&hall, "48.1,11.5", true),
        (&hall, "48.2,11.6", true),
        (&hall, "48.0999999,11.55", false),
        (&hall, "48.15,11.6000001", false),
        (&fiji, "-18,179", true),
        (&fiji, "-18,180", true),
        (&fiji, "-18,-179", true),
        (&fiji, "-18,-178", true),
        (&fiji, "-18,-177.9999999", false),
        (&fiji, "-18,0", false),
    ];
    for (region, position, expected) in table {
        assert_eq!(region.contains(&at(position)), expected, "{region} {position}");
    }
    assert_eq!(Region::rectangle(at("2,0"), at("1,1")), Err(RegionError::UpsideDown));
}

#[test]
fn polygons_have_borders_and_cross_the_antimeridian() {
    // An L, whose inner corner is at 1,1.
    let l = polygon(&["0,0", "0,2", "1,2", "1,1", "2,1", "2,0"]).unwrap();
    let fiji = polygon(&["-20,177", "-20,-178", "-15,180"]).unwrap();
    let table = [
        (&l, "0.5,1.5", true),
        (&l, "1.5,0.5", true),
        (&l, "1.5,1.5", false),
        (&l, "1,1", true),
        (&l, "1,1.5", true),
        (&l, "0,0", true),
        (&l, "1.0000001,1.5", false),
        (&l, "1,2.0000001", false),
        (&l, "1,-0.0000001", false),
        (&l, "2,0.5", true),
        (&fiji, "-18,180", true),
        (&fiji, "-19,179", true),
        (&fiji, "-19,-179", true),
        (&fiji, "-15,180", true),
        (&fiji, "-19,0", false),
        (&fiji, "-14.9999999,180", false),
    ];
    for (region, position, expected) in table {
        assert_eq!(region.contains(&at(position)), expected, "{region} {position}");
    }
    assert_eq!(polygon(&["0,0", "1,1"]), Err(RegionError::Corners { corners: 2 }));
    assert_eq!(polygon(&["0,0", "0,180", "1,90"]), Err(RegionError::LongEdge));
    assert_eq!(polygon(&["80,0", "80,120", "80,-120"]), Err(RegionError::Pole));
}

/// Distances by another's tables: a degree of the equator, from pole to pole, Paris to Berlin.
#[test]
fn circles_are_measured_along_the_great_circle() {
    let table = [
        ("0,0", "0,1", 111_195.0),
        ("90,0", "-90,77", 20_015_115.0),
        ("48.8566,2.3522", "52.52,13.405", 877_464.0),
    ];
    for (a, b, metres) in table {
        let found = distance(&at(a), &at(b));
        assert!((found - metres).abs() < metres * 1e-4, "{a} {b}: {found}");
    }
    let pole = Region::circle(at("90,0"), 200_000);
    assert!(pole.contains(&at("88.3,-135")) && !pole.contains(&at("88.1,45")));
    let date_line = Region::circle(at("0,179.9999"), 100);
    assert!(date_line.contains(&at("0,-179.9993")) && !date_line.contains(&at("0,-179.999")));
}

proptest! {
    /// A rectangle is the polygon of its corners, wherever on earth.
    #[test]
    fn rectangles_are_polygons(
        south in -90_i64..80, height in 1_i64..10, west in -180_i64..180, width in 1_i64..179,
        latitude in -90_i64..=90, longitude in -180_i64..180,
    ) {
        let position = |latitude: i64, longitude: i64| Position {
            latitude: latitude * DEGREE,
            longitude: shorter(0, longitude * DEGREE),
        };
        let (north, east) = (south + height, west + width);
        let rectangle = Region::rectangle(position(south, west), position(north, east)).unwrap();
        let corners =
            vec![position(south, west), position(south, east), position(north, east), position(north, west)];
        let polygon = Region::polygon(corners).unwrap();
        let at = position(latitude, longitude);
        prop_assert_eq!(polygon.contains(&at), rectangle.contains(&at));
    }
}

#[test]
fn degrees_minutes_and_seconds_row_by_row() {
    let table = [
        ("48°08'13.6\"N 11°34'31.4\"E", Ok("48.1371111,11.5753888")),
        ("48 08 13.6 N, 11 34 31.4 E", Ok("48.1371111,11.5753888")),
        ("48°08′13.6″ S 11°34′31.4″ w", Ok("-48.1371111,-11.5753888")),
        ("48.5N 11.5E", Ok("48.5000000,11.5000000")),
        ("48°30'N 11°30.6'E", Ok("48.5000000,11.5100000")),
        ("90°N 0°E", Ok("90.0000000,0.0000000")),
        ("0 0 0 N, 180 0 0 E", Ok("0.0000000,-180.0000000")),
        ("90°00'00.1\"N 0°E", Err(PositionError::Range)),
        ("48°60'N 11°E", Err(PositionError::Range)),
        ("48°00'60\"N 11°E", Err(PositionError::Range)),
        ("0°N 180°00'01\"W", Err(PositionError::Range)),
        ("48°08'13.6\"N", Err(PositionError::Syntax)),
        ("48°08'13.6\"E 11°34'31.4\"N", Err(PositionError::Syntax)),
        ("48 1 2 3 N 11 E", Err(PositionError::Syntax)),
        ("N 11 E", Err(PositionError::Syntax)),
        ("-48 N 11 E", Err(PositionError::Syntax)),
        ("48.1.2 N 11 E", Err(PositionError::Syntax)),
        ("$GPGLL,4916.45,N,12311.12,W,225444,A,*1D", Ok("49.2741666,-123.1853333")),
        ("$GPRMC,225444,V,,,,,,,191194,,*35", Err(PositionError::NoFix)),
    ];
    for (text, expected) in table {
        let found = text.parse::<Position>().map(|position| position.to_string());
        assert_eq!(found.as_deref(), expected.as_ref().map(|text: &&str| *text), "{text}");
    }
}

#[test]
fn holes_and_poles_row_by_row() {
    let ring = |corners: &[&str]| corners.iter().map(|corner| at(corner)).collect::<Vec<_>>();
    // Across the antimeridian, with a hole across it.
    let outer = ring(&["-10,170", "-10,-170", "10,-170", "10,170"]);
    let yard =
        Region::polygon_with_holes(outer.clone(), vec![ring(&["-5,175", "-5,-175", "5,-175", "5,175"])])
            .unwrap();
    let cap = Region::rectangle(at("80,10"), at("90,20")).unwrap();
    let pole = Region::circle(at("90,0"), 1000);
    let table = [
        (&yard, "0,172", true),
        (&yard, "0,180", false),
        (&yard, "0,-176", false),
        (&yard, "0,175", true),
        (&yard, "5,180", true),
        (&yard, "5.0000001,180", true),
        (&yard, "4.9999999,180", false),
        (&yard, "0,160", false),
        // At a pole every longitude is the same place.
        (&cap, "90,-100", true),
        (&cap, "89.9,-100", false),
        (&pole, "89.999,123", true),
        (&pole, "90,-57", true),
        (&pole, "89.9,0", false),
    ];
    for (region, position, expected) in table {
        assert_eq!(region.contains(&at(position)), expected, "{region} {position}");
    }
    let hole = |corners: &[&str]| Region::polygon_with_holes(outer.clone(), vec![ring(corners)]);
    assert_eq!(hole(&["0,175", "1,175"]), Err(RegionError::Corners { corners: 2 }));
    assert_eq!(hole(&["80,0", "80,120", "80,-120"]), Err(RegionError::Pole));
}
