//! The NPY format of one array (NumPy Enhancement Proposal 1): a magic number, a header that is a Python dictionary, and
//! the numbers, row after row.

use std::fmt;
use std::io::{self, Read};

use crate::Error;
use crate::SourceFile;

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// The limit on a header; real ones have about a hundred bytes.
const MAX_HEADER_BYTES: usize = 1 << 16;
/// The limit on the size that a header may claim.
const MAX_ARRAY_BYTES: usize = 1 << 32;

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Array {
    pub(crate) kind: Kind,
    pub(crate) shape: Vec<usize>,
    /// The numbers, little-endian and row-major.
    pub(crate) bytes: Vec<u8>,
}

/// The type of an array's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) is_signed: bool,
    /// The bytes of one number: 1, 2, 4 or 8.
    pub(crate) bytes: usize,
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", if self.is_signed { "i" } else { "u" }, self.bytes)
    }
}

impl Array {
    /// Returns the numbers, or the first that is negative or larger than 65,535.
    pub(crate) fn labels(&self) -> Result<Vec<u16>, i128> {
        let numbers = self.bytes.chunks_exact(self.kind.bytes).map(|bytes| self.number(bytes));
        numbers.map(|number| u16::try_from(number).map_err(|_| number)).collect()
    }

    fn number(&self, bytes: &[u8]) -> i128 {
        let is_negative = self.kind.is_signed && bytes.last().is_some_and(|last| last & 0x80 != 0);
        let mut wide = [if is_negative { 0xff } else { 0 }; 16];
        wide[..bytes.len()].copy_from_slice(bytes);
        i128::from_le_bytes(wide)
    }
}

/// A reader of the array `name` in `file`.
pub(crate) struct ArrayReader<'a> {
    pub(crate) reader: &'a mut dyn Read,
    pub(crate) file: &'a SourceFile,
    pub(crate) name: &'a str,
}

impl ArrayReader<'_> {
    /// Reads exactly one array and checks that nothing follows.
    pub(crate) fn read(&mut self) -> Result<Array, Error> {
        let header = self.read_header()?;
        let (kind, shape) = self.parse_header(&header)?;
        let numbers = shape.iter().try_fold(kind.bytes, |product, side| product.checked_mul(*side));
        let Some(expected) = numbers.filter(|bytes| (1..=MAX_ARRAY_BYTES).contains(bytes)) else {
            let expected = format!("1 to {MAX_ARRAY_BYTES} bytes of numbers");
            return Err(self.damaged(&expected, format!("shape {shape:?}")));
        };
        // Memory grows with the bytes that are really there, not with the header's claim.
        let mut bytes = Vec::with_capacity(expected.min(1 << 26) + 1);
        let read = self.reader.take(expected as u64 + 1).read_to_end(&mut bytes);
        read.map_err(|error| self.interrupted(&error))?;
        if bytes.len() != expected {
            let found = if bytes.len() > expected { "more".to_owned() } else { bytes.len().to_string() };
            return Err(self.damaged(&format!("{expected} bytes of numbers"), found));
        }
        Ok(Array { kind, shape, bytes })
    }

    /// Returns the text between the magic number and the numbers.
    fn read_header(&mut self) -> Result<String, Error> {
        let [magic, version] = [self.read_exactly(6)?, self.read_exactly(2)?];
        if magic != MAGIC {
            return Err(self.damaged("an array in the NPY format", format!("first bytes {magic:?}")));
        }
        let length = match version[0] {
            1 => self.read_exactly(2)?,
            2 | 3 => self.read_exactly(4)?,
            version => {
                return Err(self.damaged("version 1, 2 or 3 of the NPY format", format!("version {version}")));
            }
        };
        let length = length.iter().rev().fold(0, |length, byte| length << 8 | usize::from(*byte));
        if length > MAX_HEADER_BYTES {
            let expected = format!("a header of at most {MAX_HEADER_BYTES} bytes");
            return Err(self.damaged(&expected, format!("{length} bytes")));
        }
        let header = self.read_exactly(length)?;
        String::from_utf8(header).map_err(|_| self.damaged("a header of text", "other bytes"))
    }

    fn read_exactly(&mut self, count: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::with_capacity(count);
        let read = self.reader.take(count as u64).read_to_end(&mut bytes);
        read.map_err(|error| self.interrupted(&error))?;
        if bytes.len() < count {
            return Err(self.damaged("a whole header", format!("its first {} bytes", bytes.len())));
        }
        Ok(bytes)
    }

    /// Parses `{'descr': '|u1', 'fortran_order': False, 'shape': (60000, 28, 28), }`.
    fn parse_header(&self, header: &str) -> Result<(Kind, Vec<usize>), Error> {
        let order = value(header, "fortran_order").ok_or_else(|| self.lacks(header, "fortran_order"))?;
        if !order.starts_with("False") {
            let name = self.name;
            return Err(Error::OtherArray {
                path: self.file.path.clone(),
                expected: format!("an array in row-major order in `{name}`"),
                found: "column-major (fortran_order)".to_owned(),
                line: format!("{name} = numpy.ascontiguousarray({name})"),
            });
        }
        let kind = value(header, "descr").and_then(|text| text.strip_prefix('\'')?.split_once('\''));
        let (kind, _) = kind.ok_or_else(|| self.lacks(header, "descr"))?;
        let shape = value(header, "shape").and_then(|text| text.strip_prefix('(')?.split_once(')'));
        let (shape, _) = shape.ok_or_else(|| self.lacks(header, "shape"))?;
        // Python 2 wrote long numbers, `60000L`.
        let sides = shape.split(',').map(|side| side.trim().trim_end_matches('L'));
        let sides = sides.filter(|side| !side.is_empty());
        let shape =
            sides.map(str::parse).collect::<Result<_, _>>().map_err(|_| self.lacks(header, "shape"))?;
        Ok((self.parse_kind(kind)?, shape))
    }

    fn parse_kind(&self, text: &str) -> Result<Kind, Error> {
        let (kind, bytes) = match text.strip_prefix(['<', '|']).unwrap_or(text).split_at_checked(1) {
            Some((kind, bytes)) => (kind, bytes.parse().unwrap_or(0)),
            None => ("", 0),
        };
        if !matches!(kind, "u" | "i") || !matches!(bytes, 1 | 2 | 4 | 8) {
            return Err(Error::OtherArray {
                path: self.file.path.clone(),
                expected: format!("whole numbers, little-endian (u1, i8, ...) in `{}`", self.name),
                found: format!("`{text}`"),
                line: self.conversion(text.trim_start_matches(['<', '>', '|', '='])),
            });
        }
        Ok(Kind { is_signed: kind == "i", bytes })
    }

    /// Returns the line of Python that converts numbers of `kind` to whole numbers.
    fn conversion(&self, kind: &str) -> String {
        let name = self.name;
        match (name.starts_with('x'), kind.chars().next()) {
            (true, Some('f')) => {
                format!("{name} = numpy.rint(255 * {name}).astype(\"uint8\")  # values from 0 to 1")
            }
            (true, Some('b')) => format!("{name} = 255 * {name}.astype(\"uint8\")"),
            (true, _) => format!("{name} = {name}.astype(\"uint8\")"),
            (false, Some('U' | 'S' | 'O')) => {
                format!("names, {name} = numpy.unique({name}, return_inverse=True)")
            }
            (false, _) => format!("{name} = {name}.astype(\"int64\")"),
        }
    }

    fn lacks(&self, header: &str, field: &str) -> Error {
        self.damaged(&format!("a header with `{field}`"), header.trim())
    }

    fn damaged(&self, expected: &str, found: impl Into<String>) -> Error {
        self.file.damaged(format!("{expected} in `{}`", self.name), found)
    }

    fn interrupted(&self, error: &io::Error) -> Error {
        self.file.damaged(format!("a whole array `{}`", self.name), error.to_string())
    }
}

/// Returns the header's text from the value of the field `name` on.
fn value<'h>(header: &'h str, name: &str) -> Option<&'h str> {
    header.split_once(&format!("'{name}':")).map(|(_, rest)| rest.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns an array as NumPy writes it: the header ends with a line break at a multiple of 64 bytes.
    fn npy(dictionary: &str, numbers: &[u8]) -> Vec<u8> {
        let padding = 63 - (10 + dictionary.len()) % 64;
        let header = format!("{dictionary}{}\n", " ".repeat(padding));
        [&MAGIC[..], &[1, 0], &(header.len() as u16).to_le_bytes(), header.as_bytes(), numbers].concat()
    }

    fn read(bytes: &[u8]) -> Result<Array, Error> {
        let file = SourceFile::own("file".into(), "arrays");
        ArrayReader { reader: &mut &*bytes, file: &file, name: "x" }.read()
    }

    #[track_caller]
    fn check_refused(dictionary: &str, numbers: &[u8], expected: &str, found: &str) {
        let error = read(&npy(dictionary, numbers)).expect_err("it is refused");
        assert_eq!(error.to_string(), format!("file: expected {expected} in `x`, found {found}"));
    }

    #[test]
    fn an_array_is_read_as_numpy_writes_it() {
        let bytes = npy("{'descr': '<i2', 'fortran_order': False, 'shape': (3,), }", &[1, 0, 255, 255, 0, 1]);
        let array = read(&bytes).expect("it is whole");
        assert_eq!((array.kind, array.shape.as_slice()), (Kind { is_signed: true, bytes: 2 }, &[3][..]));
        assert_eq!(array.labels(), Err(-1));
        let unsigned = Array { kind: Kind { is_signed: false, bytes: 2 }, ..array };
        assert_eq!(unsigned.labels(), Ok(vec![1, 65_535, 256]));
        let of_python_2 = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2L, 1L), }", &[1, 2]);
        assert_eq!(read(&of_python_2).expect("it is whole").shape, [2, 1]);
    }

    #[test]
    fn other_arrays_are_refused_in_words() {
        let u1 = |shape| format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}");
        check_refused(&u1("(2,)"), &[1], "2 bytes of numbers", "1");
        check_refused(&u1("(2,)"), &[1; 3], "2 bytes of numbers", "more");
        check_refused(&u1("(0, 4)"), &[], "1 to 4294967296 bytes of numbers", "shape [0, 4]");
        check_refused(
            &u1("(99999999999, 99999999999)"),
            &[],
            "1 to 4294967296 bytes of numbers",
            "shape [99999999999, 99999999999]",
        );
        let column_major = "{'descr': '|u1', 'fortran_order': True, 'shape': (1,), }";
        check_refused(column_major, &[1], "an array in row-major order", "column-major (fortran_order)");
        let floats = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }";
        check_refused(floats, &[0; 4], "whole numbers, little-endian (u1, i8, ...)", "`<f4`");
        check_refused("{}", &[], "a header with `fortran_order`", "{}");
    }
}
