use super::*;

fn refused(text: &str) -> ParseError {
    parse(text.as_bytes(), &Limits::SIGNED).unwrap_err()
}

#[test]
fn rfc_8785_section_3_2_3_orders_names_by_utf_16() {
    let text = r#"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh",
        "1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}"#;
    let value = parse(text.as_bytes(), &Limits::FOREIGN).unwrap();
    let canonical = String::from_utf8(to_vec(&value).unwrap()).unwrap();
    let words = ["Carriage", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew"];
    let places = words.map(|word| canonical.find(word).unwrap());
    assert!(places.is_sorted(), "{canonical}");
}

#[test]
fn rfc_8785_section_3_2_2_example() {
    let text = r#"{"numbers": [333333333.33333329, 1E2, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}"#;
    let value = parse(text.as_bytes(), &Limits::FOREIGN).unwrap();
    let expected = "{\"literals\":[null,true,false],\
        \"numbers\":[333333333.3333333,100,4.5,0.002,1e-27],\
        \"string\":\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}";
    assert_eq!(String::from_utf8(to_vec(&value).unwrap()).unwrap(), expected);
}

#[test]
fn duplicate_names_are_refused_at_every_level() {
    assert_eq!(refused(r#"{"a":1,"a":1}"#), ParseError::DuplicateName { path: "a".into() });
    assert_eq!(
        refused(r#"{"a":[{"b":1},{"b":1,"c":2,"b":3}]}"#),
        ParseError::DuplicateName { path: "a[1].b".into() }
    );
    assert_eq!(refused(r#"{"a":1,"\u0061":2}"#), ParseError::DuplicateName { path: "a".into() });
    assert!(parse(br#"[{"a":1},{"a":1}]"#, &Limits::SIGNED).is_ok());
}

#[test]
fn numbers_other_readers_would_round_are_refused() {
    let largest = MAX_INTEGER.to_string();
    assert!(parse(largest.as_bytes(), &Limits::SIGNED).is_ok());
    assert!(parse(format!("-{largest}").as_bytes(), &Limits::SIGNED).is_ok());
    for text in
        ["9007199254740992", "-9007199254740992", "18446744073709551616", "123456789012345678901234567890"]
    {
        for limits in [Limits::SIGNED, Limits::FOREIGN] {
            let error = parse(format!("[0,{text}]").as_bytes(), &limits).unwrap_err();
            assert_eq!(error, ParseError::IntegerTooLarge { path: "[1]".into() }, "{text}");
        }
    }
}

#[test]
fn floats_are_refused_where_the_limits_say_so() {
    for text in ["1.5", "1.0", "1e2", "-0", "1E-3"] {
        let inside = format!("{{\"a\":{text}}}");
        assert_eq!(refused(&inside), ParseError::Float { path: "a".into() }, "{text}");
        assert!(parse(inside.as_bytes(), &Limits::FOREIGN).is_ok(), "{text}");
    }
}

#[test]
fn depth_and_size_are_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(nested(64).as_bytes(), &Limits::SIGNED).is_ok());
    assert!(matches!(refused(&nested(65)), ParseError::TooDeep { max: 64, .. }));
    assert!(matches!(refused(&"[".repeat(1_000_000)), ParseError::TooDeep { .. }));
    let limits = Limits { max_bytes: 4, ..Limits::SIGNED };
    assert_eq!(parse(b"[1,2]", &limits), Err(ParseError::TooLong { len: 5, max: 4 }));
}

#[test]
fn what_is_no_json_is_refused() {
    for text in ["", "{", "[1,]", "{\"a\":1}x", "nul", "\"\\ud800\"", "NaN", "{'a':1}", "01"] {
        assert!(matches!(refused(text), ParseError::Syntax { .. }), "{text}");
    }
    assert!(matches!(parse(b"\"\xff\"", &Limits::FOREIGN), Err(ParseError::Syntax { .. })));
}

#[test]
fn what_cannot_be_opened_cannot_be_made() {
    assert!(matches!(to_vec_signed(&1.5), Err(CanonicalError::Refused(ParseError::Float { .. }))));
    assert!(matches!(to_vec(&u64::MAX), Err(CanonicalError::Refused(ParseError::IntegerTooLarge { .. }))));
    let keys = std::collections::BTreeMap::from([((1, 2), 3)]);
    assert!(matches!(to_vec(&keys), Err(CanonicalError::NotJson { .. })));
}

proptest::proptest! {
    #[test]
    fn canonical_form_is_a_fixed_point(text in "\\PC{0,40}", number in -9_007_199_254_740_991_i64..=9_007_199_254_740_991) {
        let value = serde_json::json!({"b": text, "a": [number, {"z": text.len()}]});
        let once = to_vec_signed(&value).unwrap();
        let again = to_vec_signed(&parse(&once, &Limits::SIGNED).unwrap()).unwrap();
        proptest::prop_assert_eq!(once, again);
    }

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let _result = parse(&bytes, &Limits::SIGNED);
    }
}
