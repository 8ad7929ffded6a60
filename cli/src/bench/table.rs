//! Columns of text that line up: the first flush left, the others flush right under their titles.

/// No column is narrower: the widest figure fits.
const LEAST: usize = 7;

/// The widths of the columns.
pub struct Table {
    widths: Vec<usize>,
}

impl Table {
    /// Under these titles, with these names in the first column.
    pub fn new<'a>(titles: &[&str], names: impl Iterator<Item = &'a str>) -> Self {
        let mut widths: Vec<usize> = titles.iter().map(|title| width(title).max(LEAST)).collect();
        widths[0] = names.map(width).max().unwrap_or(0).max(widths[0]);
        Self { widths }
    }

    /// A row, without the end of its line.
    pub fn row(&self, cells: &[impl AsRef<str>]) -> String {
        let mut line = String::new();
        for (i, (cell, &wide)) in cells.iter().map(AsRef::as_ref).zip(&self.widths).enumerate() {
            match i {
                0 => line.push_str(&format!("{cell:<wide$}")),
                _ => line.push_str(&format!("  {cell:>wide$}")),
            }
        }
        line.truncate(line.trim_end().len());
        line
    }

    /// A line as wide as the table.
    pub fn rule(&self) -> String {
        "─".repeat(self.widths.iter().map(|width| width + 2).sum::<usize>() - 2)
    }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// Three digits that matter: 4.61, 27.6, 108.
pub fn figure(value: f64) -> String {
    let decimals = match value {
        v if v >= 100.0 => 0,
        v if v >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let table = Table::new(&["m×n", "speed", "% of limit"], ["a", "a long name"].into_iter());
        assert_eq!(table.row(&["m×n", "speed", "% of limit"]), "m×n            speed  % of limit");
        assert_eq!(table.row(&["1×2", "4.61", ""]), "1×2             4.61");
        assert_eq!(table.rule().chars().count(), 11 + 2 + 7 + 2 + 10);
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!([4.613, 27.64, 108.4].map(figure), ["4.61", "27.6", "108"]);
    }
}
