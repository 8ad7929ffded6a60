//! What the bytes of a CSV file tell on their way to the `csv` crate: the lines on which its records begin, and whether it ends inside of quotes.
//!
//! That crate takes the end of the file for the end of the field, so that one stray quote makes a single field of all rows that follow it. And
//! it counts the lines that lie before the end of the record above, which leaves out empty ones and, of CRLF, the last. The bytes are seen by
//! its own rules: a quote opens a field only where it is the field's first byte, two of them inside of quotes are one that belongs to the
//! field, and a record begins at the first byte that ends no line.

use std::collections::VecDeque;
use std::io::{self, Read};

/// Bytes of a CSV file, watched as they are read.
pub(super) struct Watched<R> {
    source: R,
    delimiter: u8,
    state: State,
    /// Where the next byte is, counted as an editor does: CR, LF and CRLF each end a line.
    line: u64,
    /// Whether the byte before was a CR. An LF that follows belongs to it.
    after_return: bool,
    /// The lines of records that began, but were not asked for yet.
    begun: VecDeque<u64>,
    /// Fields of this record that have ended.
    column: usize,
    /// Where the last field that begins with a quote has it.
    opened: Opened,
    ended: bool,
}

/// The place of a field that begins with a quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Opened {
    /// Its line, counted from 1.
    pub line: u64,
    /// Its column, counted from 0.
    pub column: usize,
}

#[derive(Clone, Copy)]
enum State {
    /// Before the first byte of a record.
    Between,
    /// Before the first byte of a field.
    Start,
    /// In a field without quotes, or behind those that closed it.
    Plain,
    Quoted,
    /// Behind a quote inside of quotes: it closes the field, unless another follows.
    MayBeClosed,
}

impl<R> Watched<R> {
    /// Watches `source`, which begins with the first field.
    pub(super) fn new(source: R, delimiter: u8) -> Self {
        let opened = Opened { line: 1, column: 0 };
        let begun = VecDeque::new();
        let state = State::Between;
        Self { source, delimiter, state, line: 1, after_return: false, begun, column: 0, opened, ended: false }
    }

    /// The field that was open when the file ended, if one was.
    pub(super) fn left_open(&self) -> Option<Opened> {
        (self.ended && matches!(self.state, State::Quoted)).then_some(self.opened)
    }

    /// The line of the next record, of which at least one byte has been read. To be asked once a record.
    pub(super) fn next_line(&mut self) -> Option<u64> {
        self.begun.pop_front()
    }

    /// Most bytes are inside of a plain field, where only its end matters.
    fn see_all(&mut self, mut bytes: &[u8]) {
        while let [byte, rest @ ..] = bytes {
            self.see(*byte);
            let delimiter = self.delimiter;
            let is_inside = |&&byte: &&u8| byte != delimiter && !matches!(byte, b'\n' | b'\r');
            bytes = match self.state {
                State::Plain => &rest[rest.iter().take_while(is_inside).count()..],
                _ => rest,
            };
        }
    }

    fn see(&mut self, byte: u8) {
        if matches!(self.state, State::Between) && !matches!(byte, b'\n' | b'\r') {
            self.begun.push_back(self.line);
            self.column = 0;
            self.state = State::Start;
        }
        self.state = match (self.state, byte) {
            (State::Start, b'"') => {
                self.opened = Opened { line: self.line, column: self.column };
                State::Quoted
            }
            (State::Quoted, b'"') => State::MayBeClosed,
            (State::MayBeClosed, b'"') | (State::Quoted, _) => State::Quoted,
            (_, b'\n' | b'\r') => State::Between,
            (_, byte) if byte == self.delimiter => {
                self.column += 1;
                State::Start
            }
            _ => State::Plain,
        };
        self.line += u64::from(byte == b'\r' || byte == b'\n' && !self.after_return);
        self.after_return = byte == b'\r';
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.see_all(&buffer[..count]);
        self.ended = count == 0 && !buffer.is_empty();
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left_open(text: &str) -> Option<Opened> {
        let mut watched = Watched::new(text.as_bytes(), b',');
        watched.read_to_end(&mut Vec::new()).expect("bytes in memory");
        watched.left_open()
    }

    #[test]
    fn records_begin_on_the_lines_of_an_editor() {
        for text in [
            "a\n\nb\n\"c\nd\"\ne",
            "a\r\n\r\nb\r\n\"c\r\nd\"\r\ne\r\n",
            "a\n\r\nb\n\"c\n\"\"\"\n,\n\n\n",
            "a\r\rb\r\"c\rd\"\re\r",
            "a\r\n\rb\n\"c\r\n\"\re",
        ] {
            // A CR may be the last byte of one read, and its LF the first of the next.
            for at_once in 1..=text.len() {
                let mut watched = Watched::new(text.as_bytes(), b',');
                let mut buffer = vec![0; at_once];
                while watched.read(&mut buffer).expect("bytes in memory") > 0 {}
                let lines: Vec<u64> = std::iter::from_fn(|| watched.next_line()).collect();
                assert_eq!(lines, [1, 3, 4, 6], "{text:?}, {at_once} bytes at once");
            }
        }
    }

    #[test]
    fn a_field_is_open_until_a_quote_closes_it() {
        for text in
            ["", "a,b\n", "\"a\"", "\"a\nb\",c", "\"a\"\"b\"", "a,5\" pipe\n", "\"a\" b\" c\n", " \"a\n", "\"\""]
        {
            assert_eq!(left_open(text), None, "{text:?}");
        }
        for (text, line, column) in [
            ("\"", 1, 0),
            ("\"\"\"", 1, 0),
            ("a,b\r\n\r\n1,\"x\n2,y\n", 3, 1),
            ("\"a\nb\",\"c\",\"d\ne\n", 2, 2),
            ("\"a\"\n\"b\"\"\n", 2, 0),
            ("a \"b\",5\" pipe\nlong,longer,\"longest\n", 2, 2),
        ] {
            assert_eq!(left_open(text), Some(Opened { line, column }), "{text:?}");
        }
    }
}
