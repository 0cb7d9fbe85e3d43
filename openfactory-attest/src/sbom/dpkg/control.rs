//! Paragraphs of fields, as in deb-control(5).

use super::error::DpkgError;

/// Fields of one paragraph; dpkg writes about 30.
const MAX_FIELDS: usize = 256;

/// A paragraph: fields with their values.
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
        Some(self.value(name)?.lines().next()?.trim()).filter(|value| !value.is_empty())
    }

    /// The further lines of a field's value, without space around them.
    pub(super) fn further(&self, name: &str) -> impl Iterator<Item = &'t str> {
        self.value(name).unwrap_or_default().lines().skip(1).map(str::trim)
    }

    fn value(&self, name: &str) -> Option<&'t str> {
        Some(self.fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name))?.1)
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

    /// The last field goes on.
    fn extend(&mut self, whole: &'t str) {
        if let Some((_field, value)) = self.fields.last_mut() {
            *value = whole;
        }
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
    let (mut begin, mut end) = (0, 0);
    for (index, piece) in text.split_inclusive('\n').enumerate() {
        let line = index + 1;
        let start = end;
        end += piece.len();
        if piece.trim_ascii().is_empty() {
            if let Some(whole) = paragraph.take() {
                each(&whole)?;
            }
        } else if piece.starts_with([' ', '\t']) {
            let value = text.get(begin..end).unwrap_or_default();
            paragraph.as_mut().ok_or(DpkgError::NotAField { line })?.extend(value);
        } else {
            let (field, value) = piece.split_once(':').ok_or(DpkgError::NotAField { line })?;
            if !is_field_name(field) {
                return Err(DpkgError::NotAField { line });
            }
            begin = start + field.len() + 1;
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
