use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage};

use crate::pictures::resize;
use crate::{Dataset, ImageShape, View};

/// A picture of training images: a row for each class, with the class's number in front.
///
/// The rows are arranged in columns that make the sheet about as wide as high.
#[derive(Clone, Debug)]
pub struct ContactSheet {
    sheet: RgbImage,
    classes: usize,
}

/// The number of classes that are shown at most.
const MAX_CLASSES: usize = 1000;
/// The side up to which smaller images are enlarged, by a whole factor so that a pixel stays a square.
const ENLARGED_SIDE: usize = 64;
/// The side to which larger images are shrunk.
const MAX_SIDE: usize = 96;
const GAP: u32 = 3;
const BACKGROUND: Rgb<u8> = Rgb([40, 40, 48]);
const INK: Rgb<u8> = Rgb([240, 240, 240]);

/// Digits of three by five pixels, row by row from the top; the left pixel of a row is its highest bit.
const DIGITS: [[u8; 5]; 10] = [
    [0b111, 0b101, 0b101, 0b101, 0b111],
    [0b010, 0b110, 0b010, 0b010, 0b111],
    [0b111, 0b001, 0b111, 0b100, 0b111],
    [0b111, 0b001, 0b111, 0b001, 0b111],
    [0b101, 0b101, 0b111, 0b001, 0b001],
    [0b111, 0b100, 0b111, 0b001, 0b111],
    [0b111, 0b100, 0b111, 0b101, 0b111],
    [0b111, 0b001, 0b010, 0b010, 0b010],
    [0b111, 0b101, 0b111, 0b101, 0b111],
    [0b111, 0b101, 0b111, 0b001, 0b111],
];
/// The size of a digit's pixel on the sheet.
const DOT: u32 = 2;
const DIGIT_WIDTH: u32 = 4 * DOT;

/// The arrangement of a sheet, in pixels.
struct Layout {
    tile: (u32, u32),
    label_width: u32,
    per_class: u32,
    rows: u32,
    columns: u32,
}

impl ContactSheet {
    /// Draws at most `per_class` training images of each class, evenly spread over its examples.
    pub fn of(dataset: &Dataset, per_class: usize) -> Self {
        let classes = dataset.classes().min(MAX_CLASSES);
        let view = dataset.train();
        let layout = Layout::of(dataset.shape(), classes, per_class);
        let (width, height) = layout.size();
        let mut sheet = RgbImage::from_pixel(width, height, BACKGROUND);
        let mut members = vec![Vec::new(); dataset.classes()];
        for position in 0..view.len() {
            members[usize::from(view.label(position))].push(position);
        }
        for (class, members) in (0..).zip(&members[..classes]) {
            layout.draw_number(&mut sheet, class);
            let shown = members.len().min(per_class);
            for at in 0..shown {
                let tile = tile(view, members[at * members.len() / shown], layout.tile);
                let (left, top) = layout.place(class, at as u32);
                image::imageops::replace(&mut sheet, &tile, i64::from(left), i64::from(top));
            }
        }
        Self { sheet, classes }
    }

    /// Returns the number of classes on the sheet.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Returns the sheet as a PNG file.
    pub fn to_png(&self) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        self.sheet.write_to(&mut bytes, ImageFormat::Png).expect("memory can be written");
        bytes.into_inner()
    }
}

impl Layout {
    fn of(shape: ImageShape, classes: usize, per_class: usize) -> Self {
        let digits = classes.saturating_sub(1).max(1).ilog10() + 1;
        let layout = Self {
            tile: tile_size(shape),
            label_width: digits * DIGIT_WIDTH + GAP,
            per_class: per_class as u32,
            rows: classes as u32,
            columns: 1,
        };
        let (width, height) = layout.size();
        let columns = (f64::from(height) / f64::from(width)).sqrt().round().max(1.0) as u32;
        let rows = layout.rows.div_ceil(columns);
        Self { rows, columns: layout.rows.div_ceil(rows.max(1)), ..layout }
    }

    fn size(&self) -> (u32, u32) {
        let (column, row) = self.steps();
        (self.columns * column + GAP, self.rows * row + GAP)
    }

    /// Returns the distances from one column to the next and from one row to the next.
    fn steps(&self) -> (u32, u32) {
        let (width, height) = self.tile;
        // A wider gap separates each column from the next number.
        (self.label_width + self.per_class * (width + GAP) + 2 * GAP, height.max(5 * DOT) + GAP)
    }

    /// Returns the upper left corner of a class's row.
    fn row(&self, class: u32) -> (u32, u32) {
        let (column, row) = self.steps();
        (GAP + class / self.rows * column, GAP + class % self.rows * row)
    }

    /// Returns the upper left corner of image `at` of `class`.
    fn place(&self, class: u32, at: u32) -> (u32, u32) {
        let (left, top) = self.row(class);
        (left + self.label_width + at * (self.tile.0 + GAP), top)
    }

    fn draw_number(&self, sheet: &mut RgbImage, class: u32) {
        let (left, top) = self.row(class);
        let top = top + self.tile.1.saturating_sub(5 * DOT) / 2;
        for (at, digit) in (0..).zip(class.to_string().bytes()) {
            for (y, row) in (0..).zip(DIGITS[usize::from(digit - b'0')]) {
                for x in (0..3).filter(|x| row >> (2 - x) & 1 == 1) {
                    for (across, down) in (0..DOT).flat_map(|across| (0..DOT).map(move |down| (across, down)))
                    {
                        sheet.put_pixel(
                            left + at * DIGIT_WIDTH + x * DOT + across,
                            top + y * DOT + down,
                            INK,
                        );
                    }
                }
            }
        }
    }
}

/// Returns the width and height in which images are shown.
fn tile_size(shape: ImageShape) -> (u32, u32) {
    let longer = shape.width.max(shape.height);
    let [width, height] = [shape.width, shape.height].map(|side| match longer > MAX_SIDE {
        true => (side * MAX_SIDE / longer).max(1),
        false => side * (ENLARGED_SIDE / longer).max(1),
    });
    (width as u32, height as u32)
}

fn tile(view: View<'_>, position: usize, (width, height): (u32, u32)) -> RgbImage {
    let (shape, image) = (view.shape, view.image(position));
    let picture = RgbImage::from_fn(shape.width as u32, shape.height as u32, |x, y| {
        let at = y as usize * shape.width + x as usize;
        // The one channel of a grey image is used for all three colors.
        Rgb([0, 1, 2].map(|channel: usize| image[channel.min(shape.channels - 1) * shape.plane() + at]))
    });
    if width < picture.width() || height < picture.height() {
        return resize(&picture, width, height);
    }
    let factor = width / picture.width();
    RgbImage::from_fn(width, height, |x, y| *picture.get_pixel(x / factor, y / factor))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{DatasetSettings, Glyphs, Source};

    fn glyphs(train: u32) -> Dataset {
        let glyphs = Glyphs { train, test: 20, ..Glyphs::default() };
        Dataset::load(&DatasetSettings::of(Source::Glyphs(glyphs)), Path::new("")).expect("they are drawn")
    }

    #[test]
    fn a_sheet_shows_images_of_every_class_enlarged_in_their_rows() {
        let dataset = glyphs(200);
        let sheet = ContactSheet::of(&dataset, 4);
        assert_eq!(sheet.classes(), dataset.classes());
        let layout = Layout::of(dataset.shape(), dataset.classes(), 4);
        assert_eq!((layout.tile, sheet.sheet.dimensions()), ((56, 56), layout.size()));
        let view = dataset.train();
        for class in 0..dataset.classes() as u16 {
            let first = (0..view.len()).find(|at| view.label(*at) == class).expect("every class has images");
            let (left, top) = layout.place(u32::from(class), 0);
            for (at, pixel) in view.image(first).iter().enumerate() {
                let (x, y) = (left + 2 * (at % 28) as u32, top + 2 * (at / 28) as u32);
                for (x, y) in [(x, y), (x + 1, y + 1)] {
                    assert_eq!(*sheet.sheet.get_pixel(x, y), Rgb([*pixel; 3]));
                }
            }
        }
    }

    #[test]
    fn a_sheet_is_a_png_file() {
        let png = ContactSheet::of(&glyphs(50), 3).to_png();
        let read = image::load_from_memory_with_format(&png, ImageFormat::Png).expect("it is one");
        let (width, height) = Layout::of(glyphs(50).shape(), 10, 3).size();
        assert_eq!((read.width(), read.height()), (width, height));
    }

    #[test]
    fn sheets_are_about_as_wide_as_high_however_many_classes_and_however_large_the_images() {
        for (classes, side) in [(1, 28), (2, 64), (10, 28), (100, 32), (257, 64), (1000, 28), (50, 600)] {
            let shape = ImageShape { channels: 3, height: side, width: side };
            let layout = Layout::of(shape, classes, 8);
            let (width, height) = layout.size();
            assert!(layout.rows * layout.columns >= classes as u32);
            assert!(width <= 16_384 && height <= 16_384, "{width}x{height} for {classes} classes");
            if classes >= 10 {
                assert!((0.5..2.0).contains(&(f64::from(width) / f64::from(height))), "{width}x{height}");
            }
            let (left, top) = layout.place(classes as u32 - 1, 7);
            assert!(left + layout.tile.0 <= width && top + layout.tile.1 <= height);
        }
    }

    #[test]
    fn large_images_are_shrunk_and_keep_their_form() {
        let shape = ImageShape { channels: 3, height: 300, width: 600 };
        assert_eq!(tile_size(shape), (96, 48));
        assert_eq!(tile_size(ImageShape { height: 9, width: 7, ..shape }), (49, 63));
    }
}
