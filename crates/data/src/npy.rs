//! One array of the NPY format (NumPy Enhancement Proposal 1): a magic number, a header that is a Python dictionary,
//! and the numbers, row after row.

use std::fmt;
use std::io::{self, Read};

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// Real headers have about a hundred bytes.
const LARGEST_HEADER_BYTES: usize = 1 << 16;
/// A header that asks for more is not believed.
const LARGEST_ARRAY_BYTES: usize = 1 << 32;

/// An array as it is in the file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Array {
    pub(crate) kind: Kind,
    pub(crate) shape: Vec<usize>,
    /// Little-endian, row-major.
    pub(crate) bytes: Vec<u8>,
}

/// The type of an array's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) is_signed: bool,
    /// Of one number: 1, 2, 4 or 8.
    pub(crate) bytes: usize,
}

/// What was expected, and what is there instead.
#[derive(Debug)]
pub(crate) enum Trouble {
    Other { expected: String, found: String },
    Interrupted(io::Error),
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", if self.is_signed { "i" } else { "u" }, self.bytes)
    }
}

impl Array {
    /// Reads exactly one array and sees that nothing follows.
    pub(crate) fn read(reader: &mut dyn Read) -> Result<Self, Trouble> {
        let header = read_header(reader)?;
        let (kind, shape) = parse_header(&header)?;
        let numbers = shape.iter().try_fold(kind.bytes, |product, side| product.checked_mul(*side));
        let Some(expected) = numbers.filter(|bytes| (1..=LARGEST_ARRAY_BYTES).contains(bytes)) else {
            return Err(other(
                format!("1 to {LARGEST_ARRAY_BYTES} bytes of numbers"),
                format!("shape {shape:?}"),
            ));
        };
        // Memory grows with what is really there, not with what the header claims.
        let mut bytes = Vec::with_capacity(expected.min(1 << 26) + 1);
        reader.take(expected as u64 + 1).read_to_end(&mut bytes).map_err(Trouble::Interrupted)?;
        if bytes.len() != expected {
            let found = if bytes.len() > expected { "more".to_owned() } else { format!("{}", bytes.len()) };
            return Err(other(format!("{expected} bytes of numbers"), found));
        }
        Ok(Self { kind, shape, bytes })
    }

    /// The numbers, or the first that is negative or larger than 65,535.
    pub(crate) fn labels(&self) -> Result<Vec<u16>, i128> {
        let number = |bytes: &[u8]| {
            let mut wide = [0; 16];
            let is_negative = self.kind.is_signed && bytes.last().is_some_and(|last| last & 0x80 != 0);
            wide.fill(if is_negative { 0xff } else { 0 });
            wide[..bytes.len()].copy_from_slice(bytes);
            i128::from_le_bytes(wide)
        };
        self.bytes
            .chunks_exact(self.kind.bytes)
            .map(number)
            .map(|number| u16::try_from(number).map_err(|_| number))
            .collect()
    }
}

fn other(expected: impl Into<String>, found: impl Into<String>) -> Trouble {
    Trouble::Other { expected: expected.into(), found: found.into() }
}

/// The text between the magic number and the numbers.
fn read_header(reader: &mut dyn Read) -> Result<String, Trouble> {
    let [magic, version] = [read_exactly(reader, 6)?, read_exactly(reader, 2)?];
    if magic != MAGIC {
        return Err(other("an array in the NPY format", format!("first bytes {magic:?}")));
    }
    let length = match version[0] {
        1 => read_exactly(reader, 2)?,
        2 | 3 => read_exactly(reader, 4)?,
        version => return Err(other("version 1, 2 or 3 of the NPY format", format!("version {version}"))),
    };
    let length = length.iter().rev().fold(0, |length, byte| length << 8 | usize::from(*byte));
    if length > LARGEST_HEADER_BYTES {
        let expected = format!("a header of at most {LARGEST_HEADER_BYTES} bytes");
        return Err(other(expected, format!("{length} bytes")));
    }
    String::from_utf8(read_exactly(reader, length)?).map_err(|_| other("a header of text", "other bytes"))
}

fn read_exactly(reader: &mut dyn Read, count: usize) -> Result<Vec<u8>, Trouble> {
    let mut bytes = Vec::with_capacity(count);
    reader.take(count as u64).read_to_end(&mut bytes).map_err(Trouble::Interrupted)?;
    if bytes.len() < count {
        return Err(other("a whole header", format!("its first {} bytes", bytes.len())));
    }
    Ok(bytes)
}

/// Reads `{'descr': '|u1', 'fortran_order': False, 'shape': (60000, 28, 28), }`.
fn parse_header(header: &str) -> Result<(Kind, Vec<usize>), Trouble> {
    let value = |name: &str| header.split_once(&format!("'{name}':")).map(|(_, rest)| rest.trim_start());
    let unreadable = |field| other(format!("a header with `{field}`"), header.trim().to_owned());
    let order = value("fortran_order").ok_or_else(|| unreadable("fortran_order"))?;
    if !order.starts_with("False") {
        return Err(other("an array in row-major order", "column-major (fortran_order)"));
    }
    let kind = value("descr").and_then(|text| text.strip_prefix('\'')?.split_once('\''));
    let (kind, _) = kind.ok_or_else(|| unreadable("descr"))?;
    let shape = value("shape").and_then(|text| text.strip_prefix('(')?.split_once(')'));
    let (shape, _) = shape.ok_or_else(|| unreadable("shape"))?;
    let sides = shape.split(',').map(str::trim).filter(|side| !side.is_empty());
    let shape = sides.map(str::parse).collect::<Result<_, _>>().map_err(|_| unreadable("shape"))?;
    Ok((parse_kind(kind)?, shape))
}

fn parse_kind(text: &str) -> Result<Kind, Trouble> {
    let (kind, bytes) = match text.strip_prefix(['<', '|']).unwrap_or(text).split_at_checked(1) {
        Some((kind, bytes)) => (kind, bytes.parse().unwrap_or(0)),
        None => ("", 0),
    };
    if !matches!(kind, "u" | "i") || !matches!(bytes, 1 | 2 | 4 | 8) {
        return Err(other("whole numbers, little-endian (u1, i8, ...)", format!("`{text}`")));
    }
    Ok(Kind { is_signed: kind == "i", bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As NumPy writes them: the header ends with a line break at a multiple of 64 bytes.
    fn npy(dictionary: &str, numbers: &[u8]) -> Vec<u8> {
        let padding = 63 - (10 + dictionary.len()) % 64;
        let header = format!("{dictionary}{}\n", " ".repeat(padding));
        [&MAGIC[..], &[1, 0], &(header.len() as u16).to_le_bytes(), header.as_bytes(), numbers].concat()
    }

    #[track_caller]
    fn check_refused(dictionary: &str, numbers: &[u8], expected: &str) {
        let trouble = Array::read(&mut &npy(dictionary, numbers)[..]).expect_err("it is refused");
        let Trouble::Other { expected: text, found } = trouble else { panic!("memory can be read") };
        assert_eq!(format!("{text}; {found}"), expected);
    }

    #[test]
    fn an_array_is_read_as_numpy_writes_it() {
        let bytes = npy("{'descr': '<i2', 'fortran_order': False, 'shape': (3,), }", &[1, 0, 255, 255, 0, 1]);
        let array = Array::read(&mut &bytes[..]).expect("it is whole");
        assert_eq!((array.kind, array.shape.as_slice()), (Kind { is_signed: true, bytes: 2 }, &[3][..]));
        assert_eq!(array.labels(), Err(-1));
        let unsigned = Array { kind: Kind { is_signed: false, bytes: 2 }, ..array };
        assert_eq!(unsigned.labels(), Ok(vec![1, 65_535, 256]));
    }

    #[test]
    fn other_arrays_are_refused_in_words() {
        let u1 = |shape| format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}");
        check_refused(&u1("(2,)"), &[1], "2 bytes of numbers; 1");
        check_refused(&u1("(2,)"), &[1; 3], "2 bytes of numbers; more");
        check_refused(&u1("(0, 4)"), &[], "1 to 4294967296 bytes of numbers; shape [0, 4]");
        check_refused(
            &u1("(99999999999, 99999999999)"),
            &[],
            "1 to 4294967296 bytes of numbers; shape [99999999999, 99999999999]",
        );
        let column_major = "{'descr': '|u1', 'fortran_order': True, 'shape': (1,), }";
        check_refused(column_major, &[1], "an array in row-major order; column-major (fortran_order)");
        let floats = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }";
        check_refused(floats, &[0; 4], "whole numbers, little-endian (u1, i8, ...); `<f4`");
        check_refused("{}", &[], "a header with `fortran_order`; {}");
    }
}
