//! As much JSON as file headers need: exact numbers, duplicates found, depth and number of values bounded.

use super::FileError;
use std::fmt::{self, Write};

/// How deep lists and objects may nest.
const DEPTH: usize = 32;

/// How many values a text may have. A value of two bytes, such as a 0 in a list, takes more than ten times as much memory as text, so the
/// length of the text alone would be no bound to speak of. Half a million tensors have so many, or names, means and scales of a million
/// features and more.
pub(crate) const MOST_VALUES: usize = 1 << 22;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    /// A number without sign, point or exponent that fits.
    Whole(u64),
    /// Any other number.
    Real(f64),
    Text(String),
    List(Vec<Json>),
    /// In the order of the text.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a whole text.
    pub(crate) fn parse(text: &[u8]) -> Result<Json, FileError> {
        let mut parser = Parser { text, at: 0, values: 0 };
        let value = parser.value(0)?;
        parser.space();
        match parser.at == text.len() {
            true => Ok(value),
            false => Err(parser.error("there is more text after the value")),
        }
    }

    /// A number that is read back with the same bits; what is not finite becomes text.
    pub(crate) fn real(x: f64) -> Json {
        if x.is_finite() { Json::Real(x) } else { Json::Text(x.to_string()) }
    }

    /// A list of such numbers.
    pub(crate) fn reals(numbers: &[f64]) -> Json {
        Json::List(numbers.iter().map(|&x| Json::real(x)).collect())
    }

    /// Text.
    pub(crate) fn text(text: impl Into<String>) -> Json {
        Json::Text(text.into())
    }

    /// An object.
    pub(crate) fn object<const N: usize>(entries: [(&str, Json); N]) -> Json {
        Json::Object(entries.map(|(key, value)| (key.to_owned(), value)).into())
    }

    /// The entry of an object, if there is one.
    fn entry(&self, key: &str) -> Option<&Json> {
        match self {
            Json::Object(entries) => entries.iter().find(|(k, _)| k == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The entry of an object; `Null` where there is none.
    pub(crate) fn get(&self, key: &str) -> &Json {
        self.entry(key).unwrap_or(&Json::Null)
    }

    /// An entry that may be null, `Some(None)`; nothing where it is missing or no such thing as is read.
    pub(crate) fn nullable<R>(&self, key: &str, read: impl FnOnce(&Json) -> Option<R>) -> Option<Option<R>> {
        match self.entry(key)? {
            Json::Null => Some(None),
            value => read(value).map(Some),
        }
    }

    /// The same where there are files without the entry: as if it were null.
    pub(crate) fn absent_or<R>(&self, key: &str, read: impl FnOnce(&Json) -> Option<R>) -> Option<Option<R>> {
        if self.entry(key).is_none() { Some(None) } else { self.nullable(key, read) }
    }

    pub(crate) fn as_u64(&self) -> Option<u64> {
        match self {
            Json::Whole(n) => Some(*n),
            _ => None,
        }
    }

    pub(crate) fn as_usize(&self) -> Option<usize> {
        self.as_u64().and_then(|n| usize::try_from(n).ok())
    }

    pub(crate) fn as_f64(&self) -> Option<f64> {
        match self {
            Json::Whole(n) => Some(*n as f64),
            Json::Real(x) => Some(*x),
            Json::Text(text) => match text.as_str() {
                "NaN" => Some(f64::NAN),
                "inf" => Some(f64::INFINITY),
                "-inf" => Some(f64::NEG_INFINITY),
                _ => None,
            },
            _ => None,
        }
    }

    pub(crate) fn as_bool(&self) -> Option<bool> {
        match self {
            Json::Bool(b) => Some(*b),
            _ => None,
        }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Json::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A list, each element read by `read`.
    pub(crate) fn as_list<'a, R>(&'a self, read: impl Fn(&'a Json) -> Option<R>) -> Option<Vec<R>> {
        match self {
            Json::List(list) => list.iter().map(read).collect(),
            _ => None,
        }
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Json::Null => f.write_str("null"),
            Json::Bool(b) => write!(f, "{b}"),
            Json::Whole(n) => write!(f, "{n}"),
            // The shortest digits that are read back as the same number.
            Json::Real(x) => write!(f, "{x:?}"),
            Json::Text(text) => quoted(f, text),
            Json::List(list) => separated(f, ['[', ']'], list, |f, value| write!(f, "{value}")),
            Json::Object(entries) => separated(f, ['{', '}'], entries, |f, (key, value)| {
                quoted(f, key)?;
                write!(f, ":{value}")
            }),
        }
    }
}

fn separated<I>(
    f: &mut fmt::Formatter<'_>,
    [open, close]: [char; 2],
    items: &[I],
    write: impl Fn(&mut fmt::Formatter<'_>, &I) -> fmt::Result,
) -> fmt::Result {
    f.write_char(open)?;
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            f.write_char(',')?;
        }
        write(f, item)?;
    }
    f.write_char(close)
}

fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(f, "\\{c}")?,
            '\u{0}'..='\u{1f}' | '\u{7f}' => write!(f, "\\u{:04x}", u32::from(c))?,
            _ => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    /// How many have begun.
    values: usize,
}

impl Parser<'_> {
    fn error(&self, what: &'static str) -> FileError {
        FileError::Json { position: self.at, what }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), FileError> {
        if self.peek() != Some(byte) {
            return Err(self.error(what));
        }
        self.at += 1;
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<Json, FileError> {
        if depth > DEPTH {
            return Err(self.error("the nesting is too deep"));
        }
        if self.values == MOST_VALUES {
            return Err(FileError::ManyValues(MOST_VALUES));
        }
        self.values += 1;
        self.space();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => Ok(Json::Text(self.string()?)),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => Err(self.error("a value was expected")),
            None => Err(self.error("the text ends too early")),
        }
    }

    fn word(&mut self, word: &str, value: Json) -> Result<Json, FileError> {
        if !self.text[self.at..].starts_with(word.as_bytes()) {
            return Err(self.error("a value was expected"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn object(&mut self, depth: usize) -> Result<Json, FileError> {
        let mut entries = Vec::new();
        self.items(b'}', |parser| {
            parser.space();
            let key = parser.string()?;
            parser.space();
            parser.expect(b':', "':' was expected")?;
            entries.push((key, parser.value(depth + 1)?));
            Ok(())
        })?;
        // Short ones, of which there may be many, would keep room for four.
        entries.shrink_to_fit();
        let mut keys: Vec<&String> = entries.iter().map(|(key, _)| key).collect();
        keys.sort_unstable();
        match keys.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(FileError::Duplicate(pair[0].clone())),
            None => Ok(Json::Object(entries)),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Json, FileError> {
        let mut list = Vec::new();
        self.items(b']', |parser| {
            list.push(parser.value(depth + 1)?);
            Ok(())
        })?;
        list.shrink_to_fit();
        Ok(Json::List(list))
    }

    /// Items between commas up to `close`.
    fn items(&mut self, close: u8, mut item: impl FnMut(&mut Self) -> Result<(), FileError>) -> Result<(), FileError> {
        self.at += 1;
        self.space();
        if self.peek() == Some(close) {
            self.at += 1;
            return Ok(());
        }
        loop {
            item(self)?;
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(c) if c == close => {
                    self.at += 1;
                    return Ok(());
                }
                Some(_) => return Err(self.error("',' or the closing bracket was expected")),
                None => return Err(self.error("the text ends too early")),
            }
        }
    }

    fn number(&mut self) -> Result<Json, FileError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')) {
            self.at += 1;
        }
        let digits = std::str::from_utf8(&self.text[start..self.at]).unwrap_or_default();
        let last_is_digit = digits.ends_with(|c: char| c.is_ascii_digit());
        if let Ok(whole) = digits.parse() {
            return Ok(Json::Whole(whole));
        }
        match digits.parse::<f64>() {
            Ok(x) if x.is_finite() && last_is_digit => Ok(Json::Real(x)),
            _ => Err(FileError::Json { position: start, what: "this is no number" }),
        }
    }

    fn string(&mut self) -> Result<String, FileError> {
        self.expect(b'"', "'\"' was expected")?;
        let mut bytes = Vec::new();
        loop {
            match self.peek() {
                None => return Err(self.error("the text ends within a string")),
                Some(b'"') => break,
                Some(b'\\') => self.escape(&mut bytes)?,
                Some(0..=0x1f) => return Err(self.error("a control character within a string")),
                Some(byte) => {
                    bytes.push(byte);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        String::from_utf8(bytes).map_err(|_| self.error("the string is no UTF-8"))
    }

    fn escape(&mut self, bytes: &mut Vec<u8>) -> Result<(), FileError> {
        self.at += 1;
        let c = match self.peek() {
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(c),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => self.unicode()?,
            _ => return Err(self.error("an unknown escape")),
        };
        self.at += 1;
        bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    }

    /// `uXXXX`, or two of them that make one character; ends on the last digit.
    fn unicode(&mut self) -> Result<char, FileError> {
        let high = self.four_digits()?;
        if !(0xd800..0xdc00).contains(&high) {
            return char::from_u32(high).ok_or_else(|| self.error("half a character"));
        }
        if self.text.get(self.at + 1..self.at + 3) != Some(b"\\u") {
            return Err(self.error("half a character"));
        }
        self.at += 2;
        let low = self.four_digits()?;
        match (0xdc00..0xe000).contains(&low) {
            true => char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)),
            false => None,
        }
        .ok_or_else(|| self.error("half a character"))
    }

    fn four_digits(&mut self) -> Result<u32, FileError> {
        let digits = self.text.get(self.at + 1..self.at + 5);
        let digits = digits.filter(|d| d.iter().all(u8::is_ascii_hexdigit));
        let value = digits.and_then(|d| std::str::from_utf8(d).ok()).and_then(|d| u32::from_str_radix(d, 16).ok());
        let value = value.ok_or_else(|| self.error("four hexadecimal digits were expected"))?;
        self.at += 4;
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let value = Json::object([
            ("seed", Json::Whole(u64::MAX)),
            ("numbers", Json::reals(&[0.1, -0.0, 1e-310, f64::MAX, 1.0, f64::INFINITY])),
            ("text", Json::text("quote \" slash \\ line \n naïve ✓ 𝄞 \u{7f}")),
            ("flags", Json::List(vec![Json::Bool(true), Json::Bool(false), Json::Null])),
            ("empty", Json::Object(vec![])),
        ]);
        assert_eq!(Json::parse(value.to_string().as_bytes()).expect("valid"), value);
    }

    #[test]
    fn numbers_keep_their_bits() {
        let mut bits = 0x1234_5678_9abc_def0u64;
        for _ in 0..2000 {
            bits = bits.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let x = f64::from_bits(bits);
            if x.is_finite() {
                let read = Json::parse(Json::real(x).to_string().as_bytes()).expect("valid").as_f64();
                assert_eq!(read.map(f64::to_bits), Some(x.to_bits()), "{x:?}");
            }
        }
    }

    #[test]
    fn escapes_of_others_are_understood() {
        let read = Json::parse(br#" "a\u00e4\ud834\udd1e\/\t" "#).expect("valid");
        assert_eq!(read, Json::text("aä𝄞/\t"));
    }

    #[test]
    fn nonsense_is_an_error_and_no_panic() {
        let deep = "[".repeat(100_000);
        for text in [
            "",
            " ",
            "{",
            "[1,",
            "[1,]",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "\"abc",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\ud800\"",
            "\"\\ud800\\u0041\"",
            "tru",
            "nul",
            "+1",
            "1e",
            "1.",
            "--1",
            "1e999",
            "1 2",
            "{1:2}",
            &deep,
        ] {
            assert!(Json::parse(text.as_bytes()).is_err(), "{text:.20} was taken");
        }
        assert!(Json::parse(b"\"\xff\"").is_err(), "not UTF-8");
        assert!(matches!(Json::parse(br#"{"a":1,"b":2,"a":3}"#), Err(FileError::Duplicate(key)) if key == "a"));
    }

    /// All of them count, wherever they are: in a list, and in lists and objects of their own.
    #[test]
    fn no_more_values_are_read_than_the_bound_says() {
        for (item, values) in [("0", 1), ("[0]", 2), ("{\"\":0}", 2)] {
            let text = |items: usize| format!("[{}{item}]", format!("{item},").repeat(items - 1));
            // The outer list is a value as well.
            let most = (MOST_VALUES - 1) / values;
            assert!(Json::parse(text(most).as_bytes()).is_ok(), "{most} of {item}");
            let error = Json::parse(text(most + 1).as_bytes()).expect_err("too many");
            assert!(error.to_string().starts_with("its header holds more than 4194304 values"), "{error}");
        }
    }
}
