use picture::{RgbImage, resize};

use crate::{Dataset, ImageShape, View};

/// A picture of training images: a row for each class, with the class's number in front.
///
/// The rows are arranged in columns that make the sheet about as wide as high.
#[derive(Clone, Debug)]
pub struct ContactSheet {
    sheet: RgbImage,
    classes: usize,
}

const MAX_CLASSES: usize = 1000;
/// The side up to which smaller images are enlarged, by a whole factor so that a pixel stays a square.
const ENLARGED_SIDE: usize = 64;
/// The side to which larger images are shrunk.
const MAX_SIDE: usize = 96;
const GAP: usize = 3;
const BACKGROUND: [u8; 3] = [40, 40, 48];
const INK: [u8; 3] = [240, 240, 240];

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
const DOT: usize = 2;
const DIGIT_WIDTH: usize = 4 * DOT;

/// The arrangement of a sheet, in pixels.
struct Layout {
    tile: (usize, usize),
    label_width: usize,
    per_class: usize,
    rows: usize,
    columns: usize,
}

impl ContactSheet {
    /// Draws at most `per_class` training images of each class, evenly spread over its examples.
    pub fn of(dataset: &Dataset, per_class: usize) -> Self {
        let classes = dataset.classes().min(MAX_CLASSES);
        let view = dataset.train();
        let layout = Layout::of(dataset.shape(), classes, per_class);
        let (width, height) = layout.size();
        let mut sheet = RgbImage::filled(width, height, BACKGROUND);
        let mut members = vec![Vec::new(); dataset.classes()];
        for position in 0..view.len() {
            members[usize::from(view.label(position))].push(position);
        }
        for (class, members) in members[..classes].iter().enumerate() {
            layout.draw_number(&mut sheet, class);
            let shown = members.len().min(per_class);
            for at in 0..shown {
                let tile = tile(view, members[at * members.len() / shown], layout.tile);
                let (left, top) = layout.place(class, at);
                sheet.paste(&tile, left, top);
            }
        }
        Self { sheet, classes }
    }

    pub fn classes(&self) -> usize {
        self.classes
    }

    pub fn to_png(&self) -> Vec<u8> {
        let mut file = Vec::new();
        let (width, height) = (self.sheet.width as u32, self.sheet.height as u32);
        let mut encoder = png::Encoder::new(&mut file, width, height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_compression(png::Compression::Fast);
        encoder.set_filter(png::Filter::Adaptive);
        let mut writer = encoder.write_header().expect("memory can be written");
        writer.write_image_data(&self.sheet.bytes).expect("memory can be written");
        writer.finish().expect("memory can be written");
        file
    }
}

impl Layout {
    fn of(shape: ImageShape, classes: usize, per_class: usize) -> Self {
        let digits = classes.saturating_sub(1).max(1).ilog10() + 1;
        let layout = Self {
            tile: tile_size(shape),
            label_width: digits as usize * DIGIT_WIDTH + GAP,
            per_class,
            rows: classes,
            columns: 1,
        };
        let (width, height) = layout.size();
        let columns = (height as f64 / width as f64).sqrt().round().max(1.0) as usize;
        let rows = layout.rows.div_ceil(columns);
        Self { rows, columns: layout.rows.div_ceil(rows.max(1)), ..layout }
    }

    fn size(&self) -> (usize, usize) {
        let (column, row) = self.steps();
        (self.columns * column + GAP, self.rows * row + GAP)
    }

    /// Returns the distances from one column to the next and from one row to the next.
    fn steps(&self) -> (usize, usize) {
        let (width, height) = self.tile;
        // A wider gap separates each column from the next number.
        (self.label_width + self.per_class * (width + GAP) + 2 * GAP, height.max(5 * DOT) + GAP)
    }

    /// Returns the upper left corner of a class's row.
    fn row(&self, class: usize) -> (usize, usize) {
        let (column, row) = self.steps();
        (GAP + class / self.rows * column, GAP + class % self.rows * row)
    }

    /// Returns the upper left corner of image `at` of `class`.
    fn place(&self, class: usize, at: usize) -> (usize, usize) {
        let (left, top) = self.row(class);
        (left + self.label_width + at * (self.tile.0 + GAP), top)
    }

    fn draw_number(&self, sheet: &mut RgbImage, class: usize) {
        let dot = RgbImage::filled(DOT, DOT, INK);
        let (left, top) = self.row(class);
        let top = top + self.tile.1.saturating_sub(5 * DOT) / 2;
        for (at, digit) in class.to_string().bytes().enumerate() {
            for (y, row) in DIGITS[usize::from(digit - b'0')].into_iter().enumerate() {
                for x in (0..3).filter(|x| row >> (2 - x) & 1 == 1) {
                    sheet.paste(&dot, left + at * DIGIT_WIDTH + x * DOT, top + y * DOT);
                }
            }
        }
    }
}

fn tile_size(shape: ImageShape) -> (usize, usize) {
    let longer = shape.width.max(shape.height);
    let [width, height] = [shape.width, shape.height].map(|side| match longer > MAX_SIDE {
        true => (side * MAX_SIDE / longer).max(1),
        false => side * (ENLARGED_SIDE / longer).max(1),
    });
    (width, height)
}

fn tile(view: View<'_>, position: usize, (width, height): (usize, usize)) -> RgbImage {
    let (shape, image) = (view.shape, view.image(position));
    let picture = RgbImage::from_fn(shape.width, shape.height, |x, y| {
        let at = y * shape.width + x;
        // The one channel of a grey image is used for all three colors.
        [0, 1, 2].map(|channel: usize| image[channel.min(shape.channels - 1) * shape.plane() + at])
    });
    if width < picture.width || height < picture.height {
        return resize(&picture, width, height);
    }
    let factor = width / picture.width;
    RgbImage::from_fn(width, height, |x, y| picture.pixel(x / factor, y / factor))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
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
        assert_eq!((layout.tile, (sheet.sheet.width, sheet.sheet.height)), ((56, 56), layout.size()));
        let view = dataset.train();
        for class in 0..dataset.classes() {
            let is_of_class = |at: &usize| usize::from(view.label(*at)) == class;
            let first = (0..view.len()).find(is_of_class).expect("every class has images");
            let (left, top) = layout.place(class, 0);
            for (at, pixel) in view.image(first).iter().enumerate() {
                let (x, y) = (left + 2 * (at % 28), top + 2 * (at / 28));
                for (x, y) in [(x, y), (x + 1, y + 1)] {
                    assert_eq!(sheet.sheet.pixel(x, y), [*pixel; 3]);
                }
            }
        }
    }

    #[test]
    fn a_sheet_is_a_png_file() {
        let sheet = ContactSheet::of(&glyphs(50), 3);
        let file = sheet.to_png();
        let mut reader = png::Decoder::new(Cursor::new(&file)).read_info().expect("it is one");
        let mut pixels = vec![0; sheet.sheet.bytes.len()];
        reader.next_frame(&mut pixels).expect("it has as many pixels");
        assert!(pixels == sheet.sheet.bytes);
    }

    #[test]
    fn sheets_are_about_as_wide_as_high_however_many_classes_and_however_large_the_images() {
        for (classes, side) in [(1, 28), (2, 64), (10, 28), (100, 32), (257, 64), (1000, 28), (50, 600)] {
            let shape = ImageShape { channels: 3, height: side, width: side };
            let layout = Layout::of(shape, classes, 8);
            let (width, height) = layout.size();
            assert!(layout.rows * layout.columns >= classes);
            assert!(width <= 16_384 && height <= 16_384, "{width}x{height} for {classes} classes");
            if classes >= 10 {
                assert!((0.5..2.0).contains(&(width as f64 / height as f64)), "{width}x{height}");
            }
            let (left, top) = layout.place(classes - 1, 7);
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
