//! Words for people: on standard output what was asked for, on standard error what happens meanwhile.

use std::io::{self, Write};

use crate::data::words::visible_lines;
use crate::failure::Failure;

/// Writes to standard output; a reader that has gone away ends the command quietly. Names that a file holds do not steer the terminal.
pub(crate) fn say(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(visible_lines(text).as_bytes()).and_then(|()| out.flush()).map_err(Failure::output)
}

/// Writes a line to standard error, likewise; if nobody can read it, there is nobody to tell.
pub(crate) fn note(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", visible_lines(line));
}

/// A whole number with a comma after each thousand.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many things, by the word for one of them and the word for others.
pub(crate) fn counted(number: u64, one: &str, others: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { others })
}

/// Seconds as a person would say them.
pub(crate) fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 0.095 => format!("{:.0} ms", 1000.0 * s),
        s if s < 9.95 => format!("{s:.1} s"),
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{} min {:02} s", (s / 60.0) as u64, (s % 60.0) as u64),
        s => format!("{} h {:02} min", (s / 3600.0) as u64, (s % 3600.0 / 60.0) as u64),
    }
}

/// A rate with a unit of thousands or millions.
pub(crate) fn per_second(rate: f64) -> String {
    match rate {
        r if r >= 1e6 => format!("{:.1}M", r / 1e6),
        r if r >= 1e3 => format!("{:.0}k", r / 1e3),
        r => format!("{r:.0}"),
    }
}

/// A number to four significant digits, for tables.
#[expect(clippy::disallowed_methods, reason = "only how many decimals people see")]
pub(crate) fn short(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let magnitude = value.abs().log10().floor();
    if !(-4.0..7.0).contains(&magnitude) {
        return format!("{value:.3e}");
    }
    format!("{value:.*}", (3.0 - magnitude).clamp(0.0, 6.0) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([0, 1, 1000].map(|n| counted(n, "batch", "batches")), ["0 batches", "1 batch", "1,000 batches"]);
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0.04, 12.3, 75.0, 4000.0, 9000.0].map(duration),
            ["40 ms", "12 s", "75 s", "66 min 40 s", "2 h 30 min"]
        );
        assert_eq!([0.98333, 54.321, 0.000_012, 0.0, 1234.5].map(short), ["0.9833", "54.32", "1.200e-5", "0", "1234"]);
    }
}
