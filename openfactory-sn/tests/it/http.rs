//! The built-in transport against a real HTTP server.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use mockito::{Matcher, Server};
use openfactory_sn::{Auth, Client, ClientBuilder, ErrorKind, Fields, RetryPolicy, Secret};

use crate::support::{ID, id, record_path};

fn builder(address: &str) -> ClientBuilder {
    Client::builder(address)
        .auth(Auth::basic("Aladdin", Secret::new("open sesame")))
        .allow_plain_http()
        .retry(RetryPolicy::never())
}

/// A server that reads one request, writes these bytes and closes.
fn answering(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut buffer = [0; 4096];
        let _ = stream.read(&mut buffer).unwrap();
        stream.write_all(bytes).unwrap();
    });
    address
}

async fn get(client: &Client) -> Result<openfactory_sn::Row, openfactory_sn::Error> {
    client.dynamic_table("incident").get(&id()).await
}

#[tokio::test]
async fn a_call_on_the_wire() {
    let mut server = Server::new_async().await;
    let mock = server
        .mock("GET", record_path().as_str())
        .match_query(Matcher::UrlEncoded("sysparm_display_value".into(), "false".into()))
        .match_header("authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
        .match_header("accept", "application/json")
        .match_header("user-agent", Matcher::Regex("^openfactory-sn/".into()))
        .match_header("cookie", Matcher::Missing)
        .with_header("content-type", "application/json;charset=UTF-8")
        .with_header("set-cookie", "JSESSIONID=abc; Path=/")
        .with_body(format!(r#"{{"result":{{"sys_id":"{ID}","state":"2"}}}}"#))
        .expect(2)
        .create_async()
        .await;
    let client = builder(&server.url()).build().unwrap();
    for _ in 0..2 {
        assert_eq!(get(&client).await.unwrap().text("state"), "2");
    }
    mock.assert_async().await;
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let mut server = Server::new_async().await;
    let elsewhere = server.mock("GET", "/login.do").expect(0).create_async().await;
    server
        .mock("GET", Matcher::Any)
        .with_status(302)
        .with_header("location", &format!("{}/login.do", server.url()))
        .expect(1)
        .create_async()
        .await;
    let error = get(&builder(&server.url()).build().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    elsewhere.assert_async().await;
}

#[tokio::test]
async fn a_page_is_no_answer() {
    let mut server = Server::new_async().await;
    server
        .mock("GET", Matcher::Any)
        .with_header("content-type", "text/html;charset=UTF-8")
        .with_body("<html>Your instance is hibernating</html>")
        .create_async()
        .await;
    let error = get(&builder(&server.url()).build().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("hibernates"));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_taken() {
    let address = answering(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"result\":{\"sys_id\":\"a\"}}",
    );
    let error = get(&builder(&address).build().unwrap()).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unavailable, true));
    let address = answering(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{\"result\":{\"sys",
    );
    let error = get(&builder(&address).build().unwrap()).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Decode, true));
}

#[tokio::test]
async fn a_connection_that_closes_leaves_a_create_undecided() {
    let client = builder(&answering(b"")).build().unwrap();
    let error = client.dynamic_table("incident").create(&Fields::new()).await.unwrap_err();
    assert_eq!((error.kind(), error.may_have_happened()), (ErrorKind::Unavailable, true));
}

#[tokio::test]
async fn nobody_there_is_known_not_to_have_happened() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let client = builder(&format!("http://{free}")).build().unwrap();
    let error = client.dynamic_table("incident").create(&Fields::new()).await.unwrap_err();
    assert_eq!((error.kind(), error.may_have_happened()), (ErrorKind::Connect, false));
}

#[tokio::test]
async fn silence_and_a_slow_body_end_at_the_deadline() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let slow = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = |listener: &TcpListener| format!("http://{}", listener.local_addr().unwrap());
    let addresses = [address(&silent), address(&slow)];
    std::thread::spawn(move || {
        let (mut stream, _) = slow.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]).unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{")
            .unwrap();
        let mut rest = Vec::new();
        // Until the client hangs up.
        let _ = stream.read_to_end(&mut rest);
    });
    for address in addresses {
        let client = builder(&address).total_timeout(Duration::from_millis(300)).build().unwrap();
        let error = client.dynamic_table("incident").create(&Fields::new()).await.unwrap_err();
        assert_eq!((error.kind(), error.may_have_happened()), (ErrorKind::Timeout, true), "{address}");
    }
}

#[tokio::test]
async fn an_answer_has_a_limit_told_or_not() {
    let declared =
        answering(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 65\r\n\r\n{}");
    let chunked = answering(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n\
          20\r\n{                               \r\n21\r\n                                 \r\n0\r\n\r\n",
    );
    for address in [declared, chunked] {
        let client = builder(&address).max_response_bytes(64).build().unwrap();
        let error = get(&client).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{error:?}");
        assert!(error.to_string().contains("larger"));
    }
}

#[tokio::test]
async fn a_token_is_fetched_and_used() {
    let mut server = Server::new_async().await;
    let token = server
        .mock("POST", "/oauth_token.do")
        .match_header("content-type", "application/x-www-form-urlencoded")
        .match_body(Matcher::AllOf(vec![
            Matcher::UrlEncoded("grant_type".into(), "client_credentials".into()),
            Matcher::UrlEncoded("client_id".into(), "a b".into()),
            Matcher::UrlEncoded("client_secret".into(), "s&=é".into()),
        ]))
        .with_header("content-type", "application/json")
        .with_body(r#"{"access_token":"t0k","scope":"useraccount","token_type":"Bearer","expires_in":1799}"#)
        .expect(1)
        .create_async()
        .await;
    let created = server
        .mock("POST", "/api/now/table/incident")
        .match_query(Matcher::Any)
        .match_header("authorization", "Bearer t0k")
        .match_body(r#"{"short_description":"ünï"}"#)
        .with_status(201)
        .with_header("content-type", "application/json")
        .with_body(format!(r#"{{"result":{{"sys_id":"{ID}"}}}}"#))
        .expect(2)
        .create_async()
        .await;
    let client =
        builder(&server.url()).auth(Auth::client_credentials("a b", Secret::new("s&=é"))).build().unwrap();
    let fields = Fields::new().with("short_description", "ünï");
    for _ in 0..2 {
        client.dynamic_table("incident").create(&fields).await.unwrap();
    }
    token.assert_async().await;
    created.assert_async().await;
}

#[test]
fn plain_http_needs_leave_and_this_machine() {
    let build = |address: &str, leave: bool| {
        let builder = Client::builder(address).auth(Auth::basic("a", Secret::new("b")));
        (if leave { builder.allow_plain_http() } else { builder })
            .build()
            .map(|_| ())
            .map_err(|error| error.kind())
    };
    assert_eq!(build("http://127.0.0.1:1", false), Err(ErrorKind::Local));
    assert_eq!(build("http://10.0.0.1:1", true), Err(ErrorKind::Local));
    assert_eq!(build("http://127.0.0.1:1", true), Ok(()));
}
