//! License expressions: names, `AND`, `OR`, `WITH`, parentheses.

use super::ids;

/// Parentheses within parentheses.
const MAX_DEPTH: usize = 16;

/// An expression. `WITH` stands only between a name and an exception that SPDX lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expression {
    Name(String),
    Exception(String, &'static str),
    All(Vec<Self>),
    Any(Vec<Self>),
}

impl Expression {
    /// Reads an expression; `rename` gives the name that SPDX has for a licence. `None` if the text is no expression.
    pub(super) fn parse(text: &str, rename: &dyn Fn(&str) -> String) -> Option<Self> {
        let spaced = text.replace('(', " ( ").replace(')', " ) ");
        let words: Vec<&str> = spaced.split_whitespace().collect();
        let mut reader = Reader { words: &words, rename };
        let expression = reader.any(0)?;
        reader.words.is_empty().then_some(expression)
    }

    /// The two joined, without needless parentheses and repetitions.
    pub(super) fn and(self, other: Self) -> Self {
        join(vec![self, other], Self::All)
    }
}

struct Reader<'w> {
    words: &'w [&'w str],
    rename: &'w dyn Fn(&str) -> String,
}

impl<'w> Reader<'w> {
    /// `OR` binds least.
    fn any(&mut self, depth: usize) -> Option<Expression> {
        let mut parts = vec![self.all(depth)?];
        while self.take("or") {
            parts.push(self.all(depth)?);
        }
        Some(join(parts, Expression::Any))
    }

    fn all(&mut self, depth: usize) -> Option<Expression> {
        let mut parts = vec![self.one(depth)?];
        while self.take("and") {
            parts.push(self.one(depth)?);
        }
        Some(join(parts, Expression::All))
    }

    fn one(&mut self, depth: usize) -> Option<Expression> {
        if self.take("(") {
            let inner = if depth < MAX_DEPTH { self.any(depth + 1)? } else { return None };
            return self.take(")").then_some(inner);
        }
        let name = (self.rename)(self.word()?);
        let name = ids::license(&name).unwrap_or(name);
        if !self.take("with") {
            return Some(Expression::Name(name));
        }
        Some(Expression::Exception(name, ids::exception(self.word()?)?))
    }

    /// A word that is none of the grammar's own.
    fn word(&mut self) -> Option<&'w str> {
        let (word, rest) = self.words.split_first()?;
        let is_own = ["and", "or", "with", "(", ")"].iter().any(|own| word.eq_ignore_ascii_case(own));
        self.words = rest;
        (!is_own).then_some(*word)
    }

    fn take(&mut self, word: &str) -> bool {
        match self.words.split_first() {
            Some((first, rest)) if first.eq_ignore_ascii_case(word) => {
                self.words = rest;
                true
            }
            _ => false,
        }
    }
}

/// Parts of the same kind in one list, each once; one part alone is itself.
fn join(parts: Vec<Expression>, kind: fn(Vec<Expression>) -> Expression) -> Expression {
    let mut joined: Vec<Expression> = Vec::with_capacity(parts.len());
    let is_any = matches!(kind(Vec::new()), Expression::Any(_));
    for part in parts {
        let inner = match part {
            Expression::Any(inner) if is_any => inner,
            Expression::All(inner) if !is_any => inner,
            other => vec![other],
        };
        for part in inner {
            if !joined.contains(&part) {
                joined.push(part);
            }
        }
    }
    match joined.pop() {
        Some(only) if joined.is_empty() => only,
        last => {
            joined.extend(last);
            kind(joined)
        }
    }
}
