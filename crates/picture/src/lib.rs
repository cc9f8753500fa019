//! How does a file of a picture become pixels?
//!
//! [`decode`] reads JPEG and PNG files as red, green and blue bytes, and turns pictures as the marks of cameras say. [`resize`] and
//! [`pad`] bring a picture to a size. [`memory_need`] tells from the header what that takes. The pixels are the same on every machine, because results are keyed by the files.

mod format;
mod orientation;
mod pad;
mod resize;
mod rgb_image;

pub use format::{decode, memory_need};
pub use pad::{pad, padding_need};
pub use resize::resize;
pub use rgb_image::RgbImage;
