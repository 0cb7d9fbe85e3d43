//! A request, read whole within its bounds.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use futures_util::StreamExt as _;

use super::{App, Bound, xml};
use crate::access::Caller;
use crate::layout;
use crate::refusal::Refusal;
use crate::render::{Display, View};
use crate::store::{Session, StoreError};
use crate::switches::Switches;
use crate::write::input::Input;

/// The form of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    Xml,
}

#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) path_and_query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: Bytes,
    /// Scheme and authority by which the client reached the instance.
    pub(crate) base_url: String,
    pub(crate) switches: Switches,
}

impl Call {
    pub(crate) async fn read(request: Request, bound: Bound, app: &App) -> Result<Self, Refusal> {
        let switches = app.store.switches;
        let (parts, body) = request.into_parts();
        let announced = parts
            .headers
            .get(header::CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| text.parse::<u64>().ok());
        if let Some(length) =
            announced.filter(|length| usize::try_from(*length).map_or(true, |length| length > bound.bytes))
        {
            return Err(bound.exceeded(length, &switches));
        }
        let body = tokio::time::timeout(app.patience, collect(body, bound, &switches))
            .await
            .map_err(|_| Refusal::new(StatusCode::REQUEST_TIMEOUT, "Request timeout"))??;
        Ok(Self {
            base_url: own_url(&parts.headers, &app.base_url),
            query: pairs(parts.uri.query().unwrap_or_default()),
            path: parts.uri.path().to_owned(),
            path_and_query: parts.uri.path_and_query().map_or("", |whole| whole.as_str()).to_owned(),
            method: super::route::method(&parts.method, &parts.headers),
            headers: parts.headers,
            body,
            switches,
        })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The value of a query parameter; of several the first.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.param(name) == Some("true")
    }

    /// A number that is not negative.
    pub(crate) fn number(&self, name: &str, default: usize) -> Result<usize, Refusal> {
        match self.param(name) {
            None | Some("") => Ok(default),
            Some(text) => text.parse().map_err(|_| {
                Refusal::new(StatusCode::BAD_REQUEST, "Invalid parameter").detail(format!("{name}={text}"))
            }),
        }
    }

    /// How the answer's rows of a table are to be shown to a caller.
    pub(crate) fn view(
        &self,
        session: &Session<'_>,
        caller: &Caller,
        table: &str,
    ) -> Result<View, StoreError> {
        let display = match self.param("sysparm_display_value") {
            Some("true") => Display::True,
            Some("all") => Display::All,
            _ => Display::False,
        };
        let fields = self.param("sysparm_fields").filter(|text| !text.is_empty()).map(|text| {
            text.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
        });
        // Fields that are asked for by name go before those of a view.
        let fields = match (fields, self.param("sysparm_view")) {
            (None, Some(view)) => layout::fields(session, table, view)?,
            (fields, _) => fields,
        };
        Ok(View {
            display,
            exclude_links: self.flag("sysparm_exclude_reference_link"),
            fields,
            base_url: self.base_url.clone(),
            locale: caller.locale.clone(),
        })
    }

    /// The form in which the client takes rows; none if it takes none that there is.
    pub(crate) fn form(&self) -> Option<Form> {
        let Some(accept) = self.header("accept") else { return Some(Form::Json) };
        let takes = |kinds: &[&str]| kinds.iter().any(|kind| accept.contains(kind));
        if takes(&["application/json", "application/*", "*/*"]) {
            Some(Form::Json)
        } else {
            takes(&["application/xml", "text/xml"]).then_some(Form::Xml)
        }
    }

    /// Refuses a client that takes neither JSON nor XML.
    pub(crate) fn wants_rows(&self) -> Result<(), Refusal> {
        self.says_what_it_accepts()?;
        match self.form() {
            Some(_) => Ok(()),
            None => Err(Refusal::new(StatusCode::NOT_ACCEPTABLE, "Requested format not supported")
                .detail("application/json and application/xml are")),
        }
    }

    /// The row that the body gives, in JSON or XML.
    pub(crate) fn row(&self) -> Result<Input, Refusal> {
        self.wants_rows()?;
        let kind = self.header("content-type").map(|kind| kind.trim_start().to_ascii_lowercase());
        match kind.as_deref() {
            None => Err(Refusal::unreadable("Content-Type is missing")),
            Some(kind) if kind.starts_with("application/json") => Input::from_json(&self.body),
            Some(kind) if ["application/xml", "text/xml"].iter().any(|xml| kind.starts_with(xml)) => {
                Ok(Input::values(xml::values(&self.body)?))
            }
            Some(kind) => Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported media type")
                .detail(kind.to_owned())),
        }
    }

    fn says_what_it_accepts(&self) -> Result<(), Refusal> {
        let missing = self.switches.accept_required && self.header("accept").is_none();
        if missing { Err(Refusal::unreadable("Accept is missing")) } else { Ok(()) }
    }

    /// Refuses a body that is not JSON, and a client that takes no JSON.
    pub(crate) fn wants_json(&self) -> Result<(), Refusal> {
        self.says_what_it_accepts()?;
        let accepted = self.header("accept").is_none_or(|accept| {
            ["application/json", "application/*", "*/*"].iter().any(|kind| accept.contains(kind))
        });
        if !accepted {
            return Err(Refusal::new(StatusCode::NOT_ACCEPTABLE, "Requested format not supported")
                .detail("application/json is"));
        }
        Ok(())
    }

    pub(crate) fn sends_json(&self) -> Result<(), Refusal> {
        self.wants_json()?;
        match self.header("content-type") {
            None => Err(Refusal::unreadable("Content-Type is missing")),
            Some(kind) if kind.trim_start().to_ascii_lowercase().starts_with("application/json") => Ok(()),
            Some(kind) => Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported media type")
                .detail(kind.to_owned())),
        }
    }
}

async fn collect(body: Body, bound: Bound, switches: &Switches) -> Result<Bytes, Refusal> {
    let mut stream = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| Refusal::unreadable(error.to_string()))?;
        if bytes.len() + chunk.len() > bound.bytes {
            return Err(bound.exceeded((bytes.len() + chunk.len()) as u64, switches));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.into())
}

/// The URL under which the client knows the instance, by its `Host` header.
fn own_url(headers: &HeaderMap, base_url: &str) -> String {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let fits = (1..=255).contains(&host.len())
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:-[]_".contains(&byte));
    match base_url.split_once("://") {
        Some((scheme, _)) if fits => format!("{scheme}://{host}"),
        _ => base_url.to_owned(),
    }
}

/// The names and values of a query or form.
pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    let decoded = |part: &str| {
        let mut bytes = Vec::with_capacity(part.len());
        let mut rest = part.as_bytes();
        while let Some((&byte, tail)) = rest.split_first() {
            rest = tail;
            let escaped =
                (byte == b'%').then(|| tail.get(..2).and_then(|digits| hex::decode(digits).ok())).flatten();
            match (byte, escaped) {
                (_, Some(value)) => {
                    bytes.extend(value);
                    rest = tail.get(2..).unwrap_or_default();
                }
                (b'+', None) => bytes.push(b' '),
                (byte, None) => bytes.push(byte),
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    };
    text.split('&')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (decoded(name), decoded(value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_forms() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            pairs("a=1%5E2&b=x+y&c&d=%zz&e=%C3%A9%"),
            [pair("a", "1^2"), pair("b", "x y"), pair("c", ""), pair("d", "%zz"), pair("e", "é%")]
        );
        assert!(pairs("").is_empty());
    }

    #[test]
    fn links_follow_the_host_header_if_it_can_be_one() {
        let url = |host: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            own_url(&headers, "https://127.0.0.1:1")
        };
        assert_eq!(url("localhost:8443"), "https://localhost:8443");
        assert_eq!(url("evil/../x"), "https://127.0.0.1:1");
    }
}
