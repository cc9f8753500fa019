/// A picture of red, green and blue bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RgbImage {
    pub width: usize,
    pub height: usize,
    /// The pixels, `[height, width, 3]`.
    pub bytes: Vec<u8>,
}

impl RgbImage {
    pub fn filled(width: usize, height: usize, color: [u8; 3]) -> Self {
        Self { width, height, bytes: color.repeat(width * height) }
    }

    /// Colors each pixel by its place, `(x, y)`.
    pub fn from_fn(width: usize, height: usize, color: impl Fn(usize, usize) -> [u8; 3]) -> Self {
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        Self { width, height, bytes: places.flat_map(|(x, y)| color(x, y)).collect() }
    }

    pub fn pixel(&self, x: usize, y: usize) -> [u8; 3] {
        self.bytes.as_chunks().0[y * self.width + x]
    }

    /// Copies `picture` with its upper left corner to `(left, top)`.
    ///
    /// # Panics
    /// If it does not fit.
    pub fn paste(&mut self, picture: &Self, left: usize, top: usize) {
        for (y, row) in picture.bytes.chunks_exact(3 * picture.width).enumerate() {
            let start = 3 * ((top + y) * self.width + left);
            self.bytes[start..][..row.len()].copy_from_slice(row);
        }
    }
}
