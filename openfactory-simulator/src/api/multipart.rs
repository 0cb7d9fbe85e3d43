//! Forms of several parts (RFC 7578), as far as an upload takes them: fields, then one file.

use axum::http::StatusCode;

use crate::refusal::Refusal;

/// How many parts a form may have.
const PARTS: usize = 32;

/// How long the head of a part may be, in bytes.
const HEAD: usize = 8 * 1024;

/// The parts of an upload.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Upload<'a> {
    /// The fields that stood before the file.
    pub(super) fields: Vec<(String, String)>,
    pub(super) file_name: String,
    pub(super) content_type: String,
    pub(super) bytes: &'a [u8],
}

/// The upload in a body, by its `Content-Type`.
pub(super) fn upload<'a>(content_type: &str, body: &'a [u8]) -> Result<Upload<'a>, Refusal> {
    let boundary = boundary(content_type).ok_or_else(|| {
        Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported media type")
            .detail(content_type.to_owned())
    })?;
    let broken = || Refusal::unreadable("the form's parts can't be read");
    let opening = format!("--{boundary}");
    let mut rest = body.get(find(body, opening.as_bytes()).ok_or_else(broken)?..).ok_or_else(broken)?;
    let mut fields = Vec::new();
    for _ in 0..PARTS {
        let line = rest.get(opening.len()..).ok_or_else(broken)?;
        if line.starts_with(b"--") {
            break;
        }
        let part = line.strip_prefix(b"\r\n").ok_or_else(broken)?;
        let end = find(part, format!("\r\n{opening}").as_bytes()).ok_or_else(broken)?;
        let (part, next) = part.split_at_checked(end).ok_or_else(broken)?;
        rest = next.get(2..).ok_or_else(broken)?;
        let head_end = find(part, b"\r\n\r\n").filter(|end| *end <= HEAD).ok_or_else(broken)?;
        let (head, bytes) = part.split_at_checked(head_end).ok_or_else(broken)?;
        let head = String::from_utf8_lossy(head).into_owned();
        let bytes = bytes.get(4..).ok_or_else(broken)?;
        let disposition = header(&head, "content-disposition").ok_or_else(broken)?;
        match parameter(disposition, "filename") {
            // What comes after the file is not looked at.
            Some(file_name) => {
                let content_type =
                    header(&head, "content-type").unwrap_or("application/octet-stream").to_owned();
                return Ok(Upload { fields, file_name, content_type, bytes });
            }
            None => {
                let name = parameter(disposition, "name").ok_or_else(broken)?;
                fields.push((name, String::from_utf8_lossy(bytes).into_owned()));
            }
        }
    }
    Err(Refusal::missing("the file's part"))
}

fn boundary(content_type: &str) -> Option<String> {
    let (kind, _) = content_type.split_once(';')?;
    let boundary = parameter(content_type, "boundary")?;
    let fits = kind.trim().eq_ignore_ascii_case("multipart/form-data") && (1..=70).contains(&boundary.len());
    fits.then_some(boundary)
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split("\r\n").find_map(|line| {
        let (own, value) = line.split_once(':')?;
        own.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// `name="value"` or `name=value`, behind a semicolon.
fn parameter(text: &str, name: &str) -> Option<String> {
    let mut rest = text;
    while let Some((_, tail)) = rest.split_once(';') {
        let tail = tail.trim_start();
        let (own, after) = tail.split_once('=')?;
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => {
                let end = after.find(';').unwrap_or(after.len());
                let (value, next) = after.split_at(end);
                (value.trim().to_owned(), next)
            }
        };
        if own.trim().eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = next;
    }
    None
}

/// The text up to the closing quote, and what follows.
fn unquoted(quoted: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((value, quoted.get(at + 1..)?)),
            '\\' => match chars.next()? {
                (_, escaped @ ('"' | '\\')) => value.push(escaped),
                // Paths of another system: no escape.
                (_, other) => value.extend(['\\', other]),
            },
            char => value.push(char),
        }
    }
    None
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: &str = "multipart/form-data; boundary=\"x-1\"";

    #[test]
    fn fields_come_before_the_file() {
        let body =
            b"preamble\r\n--x-1\r\nContent-Disposition: form-data; name=\"table_name\"\r\n\r\nincident\r\n\
            --x-1\r\nContent-Disposition: form-data; name=uploadFile; filename=\"a;\\\"b\\\".txt\"\r\n\
            Content-Type: text/plain\r\n\r\nline\r\n--x-\r\n\r\n--x-1--\r\n";
        let read = upload(KIND, body).unwrap();
        assert_eq!(read.fields, [("table_name".to_owned(), "incident".to_owned())]);
        assert_eq!((read.file_name.as_str(), read.content_type.as_str()), ("a;\"b\".txt", "text/plain"));
        assert_eq!(read.bytes, b"line\r\n--x-\r\n");
    }

    #[test]
    fn what_is_no_form_is_refused() {
        for body in [
            "",
            "--x-1",
            "--x-1\r\n",
            "--x-1\r\n\r\nx\r\n--x-1--",
            "--x-1--",
            "--x-1\r\nContent-Disposition: form-data; name=\"a\r\n\r\nx\r\n--x-1--",
        ] {
            assert!(upload(KIND, body.as_bytes()).is_err(), "{body:?}");
        }
        let one = "--x-1\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n";
        let many = format!("{}--x-1--", one.repeat(PARTS + 1));
        assert!(upload(KIND, many.as_bytes()).is_err());
        for kind in ["text/plain", "multipart/form-data", "multipart/form-data; boundary="] {
            assert!(upload(kind, one.as_bytes()).is_err(), "{kind}");
        }
    }
}
