//! Memory that several threads write.

/// Values that several threads write in parts that do not overlap.
#[derive(Clone, Copy)]
pub struct Shared {
    start: *mut f32,
    length: usize,
}

// SAFETY: it is only an address; uses of it meet the conditions of `part`.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    pub fn new(values: &mut [f32]) -> Self {
        Self { start: values.as_mut_ptr(), length: values.len() }
    }

    /// Returns the address of `length` values from `start` on.
    #[inline]
    pub fn address(self, start: usize, length: usize) -> *mut f32 {
        let end = start.checked_add(length);
        assert!(end.is_some_and(|end| end <= self.length), "a part is within the values");
        self.start.wrapping_add(start)
    }

    /// Returns `length` values from `start` on.
    ///
    /// # Safety
    /// The values given to [`Shared::new`] are still borrowed, and this part overlaps no other part that is in use.
    #[inline]
    pub unsafe fn part<'a>(self, start: usize, length: usize) -> &'a mut [f32] {
        // SAFETY: the part is within the values, and the caller guarantees the rest.
        unsafe { std::slice::from_raw_parts_mut(self.address(start, length), length) }
    }
}
