use unicode_width::UnicodeWidthStr as _;

use super::plain;

/// Columns of text, the first to the left and the others to the right.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<Cell>>,
}

/// A text, and the style that it is in.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) style: anstyle::Style,
}

impl Cell {
    pub(crate) fn new(text: impl Into<String>, style: anstyle::Style) -> Self {
        let text = text.into();
        Self { text: plain(&text).into_owned(), style }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::new(text, anstyle::Style::new())
    }
}

impl Table {
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Lines of at most `width` columns: the first column gives way, down to ten.
    pub(crate) fn lines(&self, width: usize) -> Vec<String> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let mut widths: Vec<usize> = (0..columns)
            .map(|column| {
                self.rows
                    .iter()
                    .filter_map(|row| row.get(column))
                    .map(|cell| cell.text.width())
                    .max()
                    .unwrap_or_default()
            })
            .collect();
        let rest: usize = widths.iter().skip(1).map(|width| width + 2).sum();
        if let Some(first) = widths.first_mut() {
            *first = (*first).min(width.saturating_sub(rest)).max(10);
        }
        let line = |row: &Vec<Cell>| {
            let cells = row.iter().zip(&widths).enumerate().map(|(column, (Cell { text, style }, width))| {
                let text = cut(text, *width);
                let space = " ".repeat(width.saturating_sub(text.width()));
                if column == 0 {
                    format!("{style}{text}{style:#}{space}")
                } else {
                    format!("  {space}{style}{text}{style:#}")
                }
            });
            cells.collect::<String>().trim_end().to_owned()
        };
        self.rows.iter().map(line).collect()
    }
}

/// At most so many columns of plain text, the last an ellipsis where there were more.
pub(crate) fn cut(text: &str, width: usize) -> String {
    let text = plain(text);
    if text.width() <= width {
        return text.into_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for character in text.chars() {
        let wide = unicode_width::UnicodeWidthChar::width(character).unwrap_or_default();
        if used + wide + 1 > width {
            break;
        }
        used += wide;
        kept.push(character);
    }
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_column_gives_way() {
        let mut table = Table::default();
        for (name, value) in [("a-very-long-function", "1.5"), ("日本語の関数の名前", "12.25")] {
            table.row([name.to_owned().into(), value.to_owned().into()]);
        }
        assert_eq!(table.lines(20), ["a-very-long-…    1.5", "日本語の関数…  12.25"]);
        assert!(table.lines(3).iter().all(|line| line.width() == 17), "ten columns are kept");
    }
}
