//! Memory of dropped tensors, which a thread keeps for the tensors of its next step.
//!
//! The system maps and clears the pages of fresh memory one page fault at a time, and every training step needs the same
//! sizes.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    mem::{self, MaybeUninit},
    slice,
};

use burn::tensor::{DType, Shape};
use burn_flex::{FlexTensor, Layout as TensorLayout};
use burn_std::{AllocationController, AllocationProperty, Bytes};

/// A cache line, which is also as long as the widest vectors.
#[derive(Clone)]
#[repr(align(64))]
struct Line {
    _bytes: [u8; 64],
}

thread_local! {
    /// The memory of dropped tensors by its number of lines.
    static KEPT: RefCell<HashMap<usize, Vec<Memory>>> = RefCell::new(HashMap::new());
}

/// Creates a tensor of this shape with undefined values, all of which must be written.
pub(super) fn tensor_to_fill(shape: [usize; 3]) -> FlexTensor {
    let bytes = shape.iter().product::<usize>() * size_of::<f32>();
    let lines = bytes.div_ceil(size_of::<Line>());
    let kept = KEPT.with_borrow_mut(|kept| kept.get_mut(&lines).and_then(Vec::pop));
    let memory = kept.unwrap_or_else(|| Memory::new(lines));
    // SAFETY: all bytes of a `Buffer` are initialized, from its start on.
    let bytes = unsafe { Bytes::from_controller(Box::new(Buffer(memory)), bytes) };
    FlexTensor::new(bytes, TensorLayout::contiguous(Shape::from(shape)), DType::F32)
}

/// Returns a tensor without gaps whose values begin at a cache line and may be written to: a copy where they do not, or where the
/// tensor is shared.
pub(super) fn aligned(tensor: FlexTensor) -> FlexTensor {
    let is_aligned = tensor.storage::<f32>().as_ptr().cast::<Line>().is_aligned();
    if is_aligned && tensor.is_unique() {
        return tensor;
    }
    let shape = tensor.layout().shape();
    let mut copy = tensor_to_fill([shape[0], shape[1], shape[2]]);
    copy.storage_mut::<f32>().copy_from_slice(tensor.storage::<f32>());
    copy
}

/// Frees all memory that no tensor uses.
pub(super) fn forget() {
    KEPT.take();
}

/// Memory that begins at a cache line.
#[derive(Default)]
struct Memory {
    lines: Vec<Line>,
    /// The number of lines before the first that is used.
    skipped: usize,
}

impl Memory {
    /// Allocates memory of this many lines. Large memory begins at another part of a page than the one before: where values
    /// and moments of a weight begin at the same part, processors take the load of one for that of another's latest store.
    fn new(lines: usize) -> Self {
        /// The lines of a page.
        const PAGE: usize = 64;
        thread_local! {
            static NEXT: Cell<usize> = const { Cell::new(0) };
        }
        let skipped = if lines < PAGE { 0 } else { NEXT.replace((NEXT.get() + PAGE / 3) % PAGE) };
        Self { lines: vec![Line { _bytes: [0; 64] }; lines + skipped], skipped }
    }

    fn used(&self) -> usize {
        self.lines.len() - self.skipped
    }
}

/// The memory of one tensor, which the thread that drops the tensor keeps.
struct Buffer(Memory);

impl AllocationController for Buffer {
    fn alloc_align(&self) -> usize {
        align_of::<Line>()
    }

    fn property(&self) -> AllocationProperty {
        AllocationProperty::Other
    }

    unsafe fn memory_mut(&mut self) -> &mut [MaybeUninit<u8>] {
        let lines = &mut self.0.lines[self.0.skipped..];
        // SAFETY: these are the bytes of the lines, which are borrowed as long as `self` is.
        unsafe { slice::from_raw_parts_mut(lines.as_mut_ptr().cast(), size_of_val(lines)) }
    }

    fn memory(&self) -> &[MaybeUninit<u8>] {
        let lines = &self.0.lines[self.0.skipped..];
        // SAFETY: as in `memory_mut`.
        unsafe { slice::from_raw_parts(lines.as_ptr().cast(), size_of_val(lines)) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let memory = mem::take(&mut self.0);
        // A thread that ends may have dropped its list of kept memory already.
        let _ = KEPT.try_with(|kept| kept.borrow_mut().entry(memory.used()).or_default().push(memory));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_a_dropped_tensor_is_used_again() {
        let mut first = tensor_to_fill([2, 3, 77]);
        first.storage_mut::<f32>().fill(1.5);
        let address = first.storage::<f32>().as_ptr();
        drop(first);
        let other_size = tensor_to_fill([2, 3, 78]);
        let second = tensor_to_fill([3, 2, 77]);
        assert_eq!(second.storage::<f32>().as_ptr(), address);
        assert_eq!(address as usize % align_of::<Line>(), 0);
        assert_eq!(other_size.storage::<f32>().len(), 2 * 3 * 78);
        let third = tensor_to_fill([3, 2, 77]);
        assert_ne!(third.storage::<f32>().as_ptr(), address, "the second still lives");
        drop([second, third]);
        assert_eq!(KEPT.with_borrow(|kept| kept[&(2 * 3 * 77_usize * 4).div_ceil(64)].len()), 2);
        forget();
        assert!(KEPT.with_borrow(HashMap::is_empty));
    }

    #[test]
    fn tensors_without_values_and_tensors_of_other_threads_are_fine() {
        assert!(tensor_to_fill([1, 0, 5]).storage::<f32>().is_empty());
        let tensor = std::thread::spawn(|| {
            let mut tensor = tensor_to_fill([1, 1, 4]);
            tensor.storage_mut::<f32>().copy_from_slice(&[1.0, 2.0, 3.0, 4.0]);
            tensor
        });
        let tensor = tensor.join().expect("it only fills a tensor");
        assert_eq!(tensor.storage::<f32>(), [1.0, 2.0, 3.0, 4.0]);
        let copy = tensor.clone().to_contiguous();
        drop(tensor);
        assert_eq!(copy.storage::<f32>(), [1.0, 2.0, 3.0, 4.0]);
    }
}
