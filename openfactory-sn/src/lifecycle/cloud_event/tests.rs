use std::time::Duration;

use openfactory_attest::key::Ed25519Key;
use serde_json::json;

use super::*;
use crate::id::SysId;
use crate::lifecycle::event::record::RecordChanged;
use crate::lifecycle::event::{EventBody, PAYLOAD_TYPE};
use crate::lifecycle::id::EventId;

fn event() -> Event {
    let body = RecordChanged::new("change_request", SysId::new("0123456789abcdef0123456789abcdef").unwrap());
    let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_790_000_000_125);
    Event::new(EventId::new("hint-1").unwrap(), "/webhook/é", time, EventBody::RecordChanged(Box::new(body)))
}

fn cloud() -> CloudEvent {
    let key = Ed25519Key::generate().unwrap();
    let event = Event { source: "/webhook".to_owned(), ..event() };
    CloudEvent::of(&event, Envelope::sign(PAYLOAD_TYPE, &event.to_payload().unwrap(), &key).unwrap())
}

fn value() -> Value {
    cloud().to_value()
}

#[test]
fn structured_batch_and_binary_read_back() {
    let cloud = cloud();
    assert_eq!(parse(&cloud.to_json()).unwrap(), cloud);
    assert_eq!(
        parse_batch(&batch_to_json(&[cloud.clone(), cloud.clone()])).unwrap(),
        [cloud.clone(), cloud.clone()]
    );
    let headers = headers(&cloud);
    let pairs = headers.iter().map(|(name, value)| (*name, value.as_str()));
    assert_eq!(parse_binary(pairs, &cloud.data.to_json()).unwrap(), cloud);
}

#[test]
fn the_signed_event_inside_is_read_and_agrees() {
    let cloud = parse(&cloud().to_json()).unwrap();
    let event = Event::parse(cloud.data.payload_unverified()).unwrap();
    cloud.check(&event).unwrap();
}

#[test]
fn attributes_that_differ_from_the_signed_event_are_named() {
    let cloud = cloud();
    let event = Event::parse(cloud.data.payload_unverified()).unwrap();
    let other = |change: fn(&mut CloudEvent)| {
        let mut cloud = cloud.clone();
        change(&mut cloud);
        match cloud.check(&event) {
            Err(CloudEventError::Disagreement { name }) => name,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(other(|cloud| cloud.id.push('x')), "id");
    assert_eq!(other(|cloud| cloud.source.push('x')), "source");
    assert_eq!(other(|cloud| cloud.type_name.push('x')), "type");
    assert_eq!(other(|cloud| cloud.time = Some(SystemTime::UNIX_EPOCH)), "time");
    CloudEvent { time: None, ..cloud }.check(&event).unwrap();
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    let broken = |change: &dyn Fn(&mut Map<String, Value>)| {
        let Value::Object(mut object) = value() else { panic!() };
        change(&mut object);
        parse(Value::Object(object).to_string().as_bytes()).unwrap_err().to_string()
    };
    for name in ["specversion", "id", "source", "type", "data"] {
        let message = broken(&|object| {
            object.remove(name);
        });
        assert_eq!(message, format!("the CloudEvent lacks {name}"));
    }
    let with = |name: &str, value: Value| {
        broken(&|object| {
            object.insert(name.to_owned(), value.clone());
        })
    };
    assert!(with("specversion", json!("0.3")).contains("only 1.0"));
    assert!(with("id", json!(7)).contains("not a string"));
    assert!(with("id", json!("")).contains("empty"));
    assert!(with("source", json!("a\nb")).contains("control"));
    assert!(with("type", json!("x".repeat(300))).contains("too long"));
    assert!(with("time", json!("yesterday")).contains("time"));
    assert!(with("datacontenttype", json!("text/xml")).contains("JSON"));
    assert!(with("data_base64", json!("")).contains("travels in data"));
    assert!(with("data", json!({"payload": 1})).contains("DSSE"));
}

#[test]
fn batches_are_bounded_and_whole() {
    let of = |value: &Value| parse_batch(value.to_string().as_bytes()).unwrap_err();
    assert!(matches!(of(&json!([])), CloudEventError::BatchSize { length: 0 }));
    assert!(matches!(of(&json!(vec![1; MAX_BATCH + 1])), CloudEventError::BatchSize { .. }));
    assert!(matches!(of(&json!([value(), 1])), CloudEventError::Shape));
    assert!(matches!(of(&value()), CloudEventError::Shape));
    assert!(matches!(parse(b"[]").unwrap_err(), CloudEventError::Shape));
    assert!(matches!(parse(b"{").unwrap_err(), CloudEventError::Json { .. }));
    assert!(matches!(parse(&vec![b' '; MAX_BYTES + 1]).unwrap_err(), CloudEventError::TooLarge { .. }));
}

#[test]
fn binary_headers_are_percent_coded_and_unique() {
    let cloud = CloudEvent { source: "/webhook/é \"%\"".to_owned(), ..cloud() };
    let body = cloud.data.to_json();
    let mut coded = headers(&cloud);
    assert!(coded.contains(&("ce-source", "/webhook/%C3%A9%20%22%25%22".to_owned())));
    let read = |headers: &[(&'static str, String)]| {
        parse_binary(headers.iter().map(|(name, value)| (*name, value.as_str())), &body)
    };
    assert_eq!(read(&coded).unwrap(), cloud);
    coded.push(("CE-Id", "again".to_owned()));
    assert!(read(&coded).unwrap_err().to_string().contains("twice"));
    for bad in ["%", "%4", "%zz", "%FF"] {
        let headers = [("ce-specversion", "1.0".to_owned()), ("ce-id", bad.to_owned())];
        assert!(read(&headers).unwrap_err().to_string().contains("well encoded"), "{bad}");
    }
}
