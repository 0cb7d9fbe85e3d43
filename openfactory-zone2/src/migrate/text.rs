//! Lines `NAME=value`, of which those that nobody asks for stay as they are.

/// A file of lines.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    lines: Vec<Line>,
    /// Whether the last line ends.
    ended: bool,
}

#[derive(Clone, Debug)]
enum Line {
    Other(String),
    Value {
        before: String,
        name: String,
        value: String,
    },
    /// Where a value was: the next that belongs there takes its place.
    Gone {
        name: String,
    },
}

impl Lines {
    pub(super) fn read(text: &str) -> Self {
        let lines = text.lines().map(|line| {
            let begun = line.trim_start();
            match begun.split_once('=') {
                Some((name, value)) if !begun.starts_with('#') => {
                    let stripped = name.strip_prefix("export ").unwrap_or(name);
                    let before = &line[..line.len() - begun.len() + (name.len() - stripped.len())];
                    Line::Value {
                        before: before.to_owned(),
                        name: stripped.trim().to_owned(),
                        value: value.trim().to_owned(),
                    }
                }
                _ => Line::Other(line.to_owned()),
            }
        });
        Self { lines: lines.collect(), ended: text.is_empty() || text.ends_with('\n') }
    }

    pub(super) fn write(&self) -> String {
        let lines: Vec<String> = self
            .lines
            .iter()
            .filter_map(|line| match line {
                Line::Other(text) => Some(text.clone()),
                Line::Value { before, name, value } => Some(format!("{before}{name}={value}")),
                Line::Gone { .. } => None,
            })
            .collect();
        let end = if self.ended && !lines.is_empty() { "\n" } else { "" };
        lines.join("\n") + end
    }

    /// The last value of a name is the one that counts.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.lines.iter().rev().find_map(|line| match line {
            Line::Value { name, value, .. } if name == key => Some(unquoted(value)),
            _ => None,
        })
    }

    /// Takes all values of a name out.
    pub(super) fn take(&mut self, key: &str) -> Option<String> {
        let found = self.get(key).map(str::to_owned)?;
        for line in &mut self.lines {
            if matches!(line, Line::Value { name, .. } if name == key) {
                *line = Line::Gone { name: key.to_owned() };
            }
        }
        Some(found)
    }

    pub(super) fn put(&mut self, key: &str, text: &str, near: Option<&str>) -> Result<(), &'static str> {
        if key.contains(['=', '\n', '#']) || text.contains(['\n', '"', '\'', '$', '`', '\\']) {
            return Err("the value can't stand in a line");
        }
        let value = if text.contains(' ') { format!("\"{text}\"") } else { text.to_owned() };
        let line = |before: &str| Line::Value {
            before: before.to_owned(),
            name: key.to_owned(),
            value: value.clone(),
        };
        let same = |line: &Line| matches!(line, Line::Value { name, .. } if name == key);
        if let Some(found) = self.lines.iter_mut().rev().find(|found| same(found)) {
            let Line::Value { before, .. } = &*found else { return Ok(()) };
            *found = line(&before.clone());
            return Ok(());
        }
        let beside = |line: &Line| match line {
            Line::Gone { name } | Line::Value { name, .. } => Some(name.as_str()) == near,
            Line::Other(_) => false,
        };
        match self.lines.iter().rposition(beside) {
            Some(index) => self.lines.insert(index + 1, line("")),
            None => self.lines.push(line("")),
        }
        Ok(())
    }

    pub(super) fn names(&self) -> Vec<String> {
        let named = self.lines.iter().filter_map(|line| match line {
            Line::Value { name, .. } => Some(name.clone()),
            Line::Other(_) | Line::Gone { .. } => None,
        });
        named.collect()
    }
}

/// A value without the quotes around it.
fn unquoted(value: &str) -> &str {
    let inner = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(value)
}
