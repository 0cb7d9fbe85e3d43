//! A plain text table, as wide as its content.

/// Lays out `rows` under `heads`: columns padded to their widest cell, a rule under the heads.
pub(crate) fn render<const N: usize>(heads: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = heads.map(|head| head.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let rule = widths.map(|width| "─".repeat(width));
    let mut text = String::new();
    line(&mut text, &widths, heads.iter().copied());
    line(&mut text, &widths, rule.iter().map(String::as_str));
    for row in rows {
        line(&mut text, &widths, row.iter().map(String::as_str));
    }
    text
}

fn line<'a>(text: &mut String, widths: &[usize], cells: impl Iterator<Item = &'a str>) {
    let start = text.len();
    for (width, cell) in widths.iter().zip(cells) {
        text.push_str(cell);
        let padding = width.saturating_sub(cell.chars().count()) + 2;
        text.extend(std::iter::repeat_n(' ', padding));
    }
    text.truncate(start + text.get(start..).map_or(0, |line| line.trim_end().len()));
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pads_to_the_widest_cell_and_leaves_no_trailing_blank() {
        let rows =
            [["INC1".to_owned(), "P1 — tampered".to_owned()], ["CHG0030001".to_owned(), String::new()]];
        let text = render(["number", "what"], &rows);
        assert_eq!(
            text,
            "number      what\n──────────  ─────────────\nINC1        P1 — tampered\nCHG0030001\n"
        );
    }
}
