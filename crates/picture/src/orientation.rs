//! The orientation mark of cameras and phones (Exif 2.3, tag 0x0112), which says how a picture is turned upright.

use crate::RgbImage;

const ORIENTATION: u16 = 0x0112;

/// Returns the orientation of a JPEG file, 1 to 8; 1 if it has no mark or a damaged one.
pub(crate) fn of_jpeg(jpeg: &[u8]) -> u8 {
    const APP1: u8 = 0xe1;
    const START_OF_SCAN: u8 = 0xda;
    let mut at = 2;
    while let Some([0xff, mark, high, low]) = jpeg.get(at..at + 4) {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        match *mark {
            // Fill bytes may come before a mark.
            0xff => {
                at += 1;
                continue;
            }
            START_OF_SCAN => break,
            APP1 => {
                let content = jpeg.get(at + 4..at + 2 + length).unwrap_or_default();
                if let Some(tiff) = content.strip_prefix(b"Exif\0\0") {
                    return of_tiff(tiff);
                }
            }
            _ => (),
        }
        at += 2 + length;
    }
    1
}

/// Returns the orientation in a block of Exif data; 1 if it has no mark or a damaged one.
fn of_tiff(tiff: &[u8]) -> u8 {
    find(tiff).filter(|orientation| (1..=8).contains(orientation)).unwrap_or(1) as u8
}

/// Returns the value of the tag in the first directory.
fn find(tiff: &[u8]) -> Option<u16> {
    let is_little = match tiff.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let short = |at: usize| -> Option<u16> {
        let bytes = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if is_little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let [high, low] = if is_little { [short(6)?, short(4)?] } else { [short(4)?, short(6)?] };
    let directory = usize::from(high) << 16 | usize::from(low);
    let entries = usize::from(short(directory)?);
    let entry = |index: usize| directory.checked_add(2 + 12 * index);
    let found = (0..entries).filter_map(entry).find(|at| short(*at) == Some(ORIENTATION))?;
    short(found.checked_add(8)?)
}

/// Turns a picture with the mark `orientation` upright.
pub(crate) fn upright(picture: RgbImage, orientation: u8) -> RgbImage {
    let (right, bottom) = (picture.width.saturating_sub(1), picture.height.saturating_sub(1));
    let (width, height) = match orientation {
        5..=8 => (picture.height, picture.width),
        _ => (picture.width, picture.height),
    };
    // The mark says where the first row and the first column of the file belong: 6 is right and top.
    let from = |x: usize, y: usize| match orientation {
        2 => (right - x, y),
        3 => (right - x, bottom - y),
        4 => (x, bottom - y),
        5 => (y, x),
        6 => (y, bottom - x),
        7 => (right - y, bottom - x),
        8 => (right - y, x),
        _ => (x, y),
    };
    if !(2..=8).contains(&orientation) {
        return picture;
    }
    RgbImage::from_fn(width, height, |x, y| {
        let (x, y) = from(x, y);
        picture.pixel(x, y)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns Exif data with a tag before the orientation.
    fn tiff(is_little: bool, orientation: u16) -> Vec<u8> {
        let short = |value: u16| if is_little { value.to_le_bytes() } else { value.to_be_bytes() };
        let long = |value: u32| if is_little { value.to_le_bytes() } else { value.to_be_bytes() };
        let mut bytes = if is_little { b"II*\0".to_vec() } else { b"MM\0*".to_vec() };
        bytes.extend(long(8));
        bytes.extend(short(2));
        for (tag, value) in [(0x010f, 7), (ORIENTATION, orientation)] {
            bytes.extend([short(tag), short(3)].concat());
            bytes.extend(long(1));
            bytes.extend([short(value), short(0)].concat());
        }
        bytes
    }

    fn jpeg(tiff: &[u8]) -> Vec<u8> {
        let content = [b"Exif\0\0", tiff].concat();
        let length = (content.len() as u16 + 2).to_be_bytes();
        [b"\xff\xd8\xff\xe0\0\x04ab\xff\xff\xe1", &length[..], &content, b"\xff\xda\0\0"].concat()
    }

    #[test]
    fn the_mark_is_read_in_both_byte_orders_and_damage_is_no_mark() {
        for is_little in [true, false] {
            for orientation in 1..=8 {
                let file = jpeg(&tiff(is_little, orientation));
                assert_eq!(u16::from(of_jpeg(&file)), orientation);
                // A cut anywhere neither panics nor turns a picture by another angle.
                for length in 0..file.len() {
                    assert!([1, orientation as u8].contains(&of_jpeg(&file[..length])));
                }
            }
            assert_eq!([0, 9, 300].map(|mark| of_jpeg(&jpeg(&tiff(is_little, mark)))), [1; 3]);
        }
        let mut far = tiff(true, 6);
        far[4..8].copy_from_slice(&[0xff; 4]);
        assert_eq!([of_tiff(&far), of_tiff(b""), of_tiff(b"II*\0")], [1; 3]);
    }

    /// The letters of a picture of 2x3 pixels as it is meant, and as files with each mark hold it (Exif 2.3, figure 15).
    #[test]
    fn each_of_the_eight_marks_is_undone() {
        let picture = |rows: &[&str]| {
            let width = rows[0].len();
            RgbImage::from_fn(width, rows.len(), |x, y| [rows[y].as_bytes()[x]; 3])
        };
        for (orientation, stored) in [
            (1, &["ab", "cd", "ef"][..]),
            (2, &["ba", "dc", "fe"]),
            (3, &["fe", "dc", "ba"]),
            (4, &["ef", "cd", "ab"]),
            (5, &["ace", "bdf"]),
            (6, &["bdf", "ace"]),
            (7, &["fdb", "eca"]),
            (8, &["eca", "fdb"]),
        ] {
            assert_eq!(upright(picture(stored), orientation), picture(&["ab", "cd", "ef"]), "{orientation}");
        }
    }
}
