//! Memory for the results within an operation.

/// A cache line of values.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line(#[expect(dead_code, reason = "read as floats")] [f32; 16]);

/// Memory of one thread, kept because the pages of fresh memory would be mapped at every call.
#[derive(Default)]
pub struct Scratch(Vec<Line>);

impl Scratch {
    /// Returns `length` values with undefined contents, aligned to a cache line.
    pub fn values(&mut self, length: usize) -> &mut [f32] {
        let lines = length.div_ceil(16);
        if self.0.len() < lines {
            self.0.resize(lines, Line([0.0; 16]));
        }
        let values = self.0.as_mut_ptr().cast::<f32>();
        // SAFETY: the lines are initialized floats without gaps.
        unsafe { std::slice::from_raw_parts_mut(values, length) }
    }
}
