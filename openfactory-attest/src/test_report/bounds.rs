//! What an XML document may ask of its parser, found out without parsing it.
//!
//! The parser compares each attribute of an element with all the others, and copies the namespaces in scope to each element
//! that declares one. Neither is bounded by the number of nodes.

/// Attributes of an element at most.
const MAX_ATTRIBUTES: usize = 256;

/// Attributes of a document at most.
const MAX_ALL_ATTRIBUTES: usize = 2_000_000;

/// Namespaces in scope at most.
const MAX_NAMESPACES: usize = 256;

/// Namespaces that are copied to elements at most.
const MAX_COPIES: usize = 16_000_000;

const UNENDED: &str = "a tag or a comment in it does not end";

/// Refuses what would cost the parser much more than its length. What else is not well-formed is for the parser to refuse.
pub(super) fn check(text: &str) -> Result<(), String> {
    let (mut attributes, mut copies, mut scope) = (0, 0, 0);
    let mut open: Vec<usize> = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('<') {
        let skipped = if let Some(comment) = after.strip_prefix("!--") {
            comment.split_once("-->")
        } else if let Some(data) = after.strip_prefix("![CDATA[") {
            data.split_once("]]>")
        } else if let Some(instruction) = after.strip_prefix('?') {
            instruction.split_once("?>")
        } else if after.starts_with('!') {
            return Err("it has a document type".to_owned());
        } else if let Some(end) = after.strip_prefix('/') {
            scope -= open.pop().unwrap_or_default();
            end.split_once('>')
        } else {
            let Some((tag, after)) = Tag::read(after) else { return Err(UNENDED.to_owned()) };
            attributes += tag.attributes;
            if tag.attributes > MAX_ATTRIBUTES {
                return Err(format!("an element has more than {MAX_ATTRIBUTES} attributes"));
            }
            let declared = tag.namespaces;
            if declared > 0 {
                copies += scope + declared;
            }
            if scope + declared > MAX_NAMESPACES {
                return Err(format!("more than {MAX_NAMESPACES} namespaces are in scope"));
            }
            if attributes > MAX_ALL_ATTRIBUTES || copies > MAX_COPIES {
                return Err("it has too many attributes or namespaces".to_owned());
            }
            if !tag.is_closed {
                open.push(declared);
                scope += declared;
            }
            Some(("", after))
        };
        let Some((_, after)) = skipped else { return Err(UNENDED.to_owned()) };
        rest = after;
    }
    Ok(())
}

struct Tag {
    attributes: usize,
    namespaces: usize,
    is_closed: bool,
}

impl Tag {
    /// A start tag, and what follows; `None` where it does not end.
    fn read(text: &str) -> Option<(Self, &str)> {
        let mut tag = Self { attributes: 0, namespaces: 0, is_closed: false };
        let mut rest = text;
        loop {
            let (between, mark) = rest.split_at(rest.find(['>', '"', '\''])?);
            let mut after = mark.chars();
            let mark = after.next()?;
            tag.namespaces += between.matches("xmlns").count();
            if mark == '>' {
                tag.is_closed = between.ends_with('/');
                return Some((tag, after.as_str()));
            }
            tag.attributes += 1;
            rest = after.as_str().split_once(mark)?.1;
        }
    }
}
