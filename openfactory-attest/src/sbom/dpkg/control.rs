//! Paragraphs of fields, as in deb-control(5).

use super::error::DpkgError;

/// Fields of one paragraph; dpkg writes about 30.
const MAX_FIELDS: usize = 256;

/// A paragraph: fields with the first lines of their values.
#[derive(Debug)]
pub(in crate::sbom) struct Paragraph<'t> {
    /// Where it begins, from 1.
    pub(super) line: usize,
    fields: Vec<(&'t str, &'t str)>,
}

impl<'t> Paragraph<'t> {
    /// The first line of a field's value, without space around it; `None` if there is no such field, or it is empty
    /// in this line.
    pub(in crate::sbom) fn get(&self, name: &str) -> Option<&'t str> {
        let value = self.fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name))?.1;
        Some(value.trim()).filter(|value| !value.is_empty())
    }

    pub(super) fn require(&self, field: &'static str) -> Result<&'t str, DpkgError> {
        self.get(field).ok_or(DpkgError::MissingField { line: self.line, field })
    }

    fn push(&mut self, line: usize, field: &'t str, value: &'t str) -> Result<(), DpkgError> {
        if self.fields.iter().any(|(known, _)| known.eq_ignore_ascii_case(field)) {
            return Err(DpkgError::DuplicateField { line, field: field.to_owned() });
        }
        if self.fields.len() == MAX_FIELDS {
            return Err(DpkgError::TooMany { what: "fields in a paragraph", limit: MAX_FIELDS });
        }
        self.fields.push((field, value));
        Ok(())
    }
}

/// The text of a file, which has to be UTF-8.
pub(super) fn text(bytes: &[u8]) -> Result<&str, DpkgError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        DpkgError::NotUtf8 { line: 1 + before.iter().filter(|&&byte| byte == b'\n').count() }
    })
}

/// Hands one paragraph after the other to `each`.
pub(in crate::sbom) fn paragraphs<'t>(
    text: &'t str,
    each: &mut dyn FnMut(&Paragraph<'t>) -> Result<(), DpkgError>,
) -> Result<(), DpkgError> {
    let mut paragraph: Option<Paragraph<'t>> = None;
    for (index, text) in text.lines().enumerate() {
        let line = index + 1;
        if text.trim_ascii().is_empty() {
            if let Some(whole) = paragraph.take() {
                each(&whole)?;
            }
        } else if text.starts_with([' ', '\t']) {
            // Goes on with a value of which only the first line is of interest here.
            if paragraph.is_none() {
                return Err(DpkgError::NotAField { line });
            }
        } else {
            let (field, value) = text.split_once(':').ok_or(DpkgError::NotAField { line })?;
            if !is_field_name(field) {
                return Err(DpkgError::NotAField { line });
            }
            paragraph
                .get_or_insert_with(|| Paragraph { line, fields: Vec::new() })
                .push(line, field, value)?;
        }
    }
    paragraph.map_or(Ok(()), |whole| each(&whole))
}

/// Printable US-ASCII without space and colon, not beginning with `#` or `-` (Debian Policy 5.1).
fn is_field_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with(['#', '-']) && name.bytes().all(|byte| byte.is_ascii_graphic())
}
