//! What the values of options are, and what is said where one is none.

use std::num::{IntErrorKind, ParseIntError};
use std::str::FromStr;

/// Widths of hidden layers; none for a linear model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Widths(pub Vec<usize>);

/// Epochs without improvement that are borne; `None` for any number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience(pub Option<u64>);

/// Widths of layers, or none.
pub(super) fn hidden(text: &str) -> Result<Widths, String> {
    if text.eq_ignore_ascii_case("none") {
        return Ok(Widths(Vec::new()));
    }
    let width = |part: &str| match part.trim().parse::<usize>() {
        Ok(width) if width > 0 => Ok(width),
        _ => Err(format!("‘{part}’ is no width; write numbers above 0 such as 128,64, or none")),
    };
    text.split(',').map(width).collect::<Result<_, _>>().map(Widths)
}

/// A number of things. 0 is refused later, in words of its own.
pub(super) fn count<N: FromStr<Err = ParseIntError>>(text: &str) -> Result<N, String> {
    whole(text, "at least 1")
}

/// A seed.
pub(super) fn seed(text: &str) -> Result<u64, String> {
    whole(text, "at least 0")
}

fn whole<N: FromStr<Err = ParseIntError>>(text: &str, least: &str) -> Result<N, String> {
    text.parse::<N>().map_err(|error| match error.kind() {
        IntErrorKind::PosOverflow => "the number is too large; 64 bits must hold it".to_string(),
        _ => format!("write a whole number of {least}"),
    })
}

/// How often to go through the rows.
pub(super) fn epochs(text: &str) -> Result<u64, String> {
    match count(text)? {
        0 => Err("write a number of at least 1: without an epoch nothing is learnt".to_string()),
        epochs => Ok(epochs),
    }
}

/// Epochs that are borne, or none.
pub(super) fn patience(text: &str) -> Result<Patience, String> {
    if text.eq_ignore_ascii_case("none") {
        return Ok(Patience(None));
    }
    text.parse().map(|epochs| Patience(Some(epochs))).map_err(|_| "write a number or none".to_string())
}

/// A part of the rows.
pub(super) fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..1.0).contains(&share) => Ok(share),
        _ => Err("write a share from 0 to below 1, such as 0.2".to_string()),
    }
}

/// A time.
pub(super) fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err("write seconds from 0 to 3600, such as 0.5".to_string()),
    }
}

/// Yes or no.
pub(super) fn yes_or_no(text: &str) -> Result<bool, String> {
    match &*text.to_ascii_lowercase() {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("write yes or no".to_string()),
    }
}

/// What stands between fields.
pub(super) fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"\\t" => Ok(b'\t'),
        name if name.eq_ignore_ascii_case(b"tab") => Ok(b'\t'),
        [byte] if !matches!(byte, b'"' | b'\n' | b'\r') => Ok(*byte),
        _ => Err("write one ASCII character, or tab".to_string()),
    }
}
