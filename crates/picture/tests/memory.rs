//! How much memory a picture takes while it is decoded and resized. The allocator of this program counts.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Cursor;
use std::sync::atomic::{AtomicUsize, Ordering};

use picture::{decode, memory_need, pad, padding_need};

struct Counting;

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = ALLOCATED.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(now, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const SIDE: usize = 2000;

fn png(color: png::ColorType, depth: png::BitDepth) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, SIDE as u32, SIDE as u32);
    encoder.set_color(color);
    encoder.set_depth(depth);
    if color == png::ColorType::Indexed {
        encoder.set_palette(vec![7; 48]);
        encoder.set_trns(vec![0]);
    }
    let pixel_bits = color.samples() * depth as usize;
    let mut writer = encoder.write_header().expect("memory can be written");
    writer.write_image_data(&vec![1; SIDE * SIDE * pixel_bits / 8]).expect("the size is right");
    writer.finish().expect("memory can be written");
    file
}

/// A progressive picture of 320 by 320 pixels, turned by its mark.
const PROGRESSIVE: &[u8] = include_bytes!("progressive.jpg");

/// The only test of this program, because all threads share the count.
#[test]
fn decoding_and_padding_take_no_more_memory_than_the_header_tells() {
    use png::BitDepth::{Eight, Four, Sixteen};
    use png::ColorType::{Grayscale, GrayscaleAlpha, Indexed, Rgb, Rgba};
    let mut files = vec![("progressive".to_owned(), PROGRESSIVE.to_vec())];
    for (color, depth) in [
        (Grayscale, Four),
        (Grayscale, Sixteen),
        (GrayscaleAlpha, Eight),
        (Indexed, Four),
        (Rgb, Eight),
        (Rgb, Sixteen),
        (Rgba, Eight),
        (Rgba, Sixteen),
    ] {
        files.push((format!("{color:?} {depth:?}"), png(color, depth)));
    }
    for (name, file) in files {
        let need = memory_need(&mut Cursor::new(&file)).expect("it is whole") + padding_need(64);
        let before = ALLOCATED.load(Ordering::Relaxed);
        PEAK.store(before, Ordering::Relaxed);
        let padded = pad(decode(&file, true).expect("it is whole"), 64);
        let used = (PEAK.load(Ordering::Relaxed) - before) as u64;
        assert_eq!(padded.width, 64);
        assert!(used <= need, "{name}: used {used}, told {need}");
        assert!(need < 4 * used, "{name}: used {used}, told {need}, which wastes memory");
    }
}
