//! Memory of dropped tensors, which a thread keeps for the tensors of its next step.
//!
//! The system maps and clears the pages of fresh memory one page fault at a time, and every training step needs the same
//! sizes.

use std::{
    alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error},
    cell::RefCell,
    collections::HashMap,
    mem::MaybeUninit,
    ptr::NonNull,
    slice,
};

use burn::tensor::{DType, Shape};
use burn_flex::{FlexTensor, Layout as TensorLayout};
use burn_std::{AllocationController, AllocationProperty, Bytes};

/// The size of a cache line, and of the widest vectors.
const ALIGNMENT: usize = 64;

thread_local! {
    static KEPT: RefCell<HashMap<usize, Vec<Memory>>> = RefCell::new(HashMap::new());
}

/// Creates a tensor of this shape with undefined values, all of which must be written.
pub(super) fn tensor_to_fill(shape: [usize; 3]) -> FlexTensor {
    let bytes = shape.iter().product::<usize>() * size_of::<f32>();
    let memory = KEPT
        .with_borrow_mut(|kept| kept.get_mut(&bytes).and_then(Vec::pop))
        .unwrap_or_else(|| Memory::new(bytes));
    // SAFETY: all bytes of a `Memory` are initialized, from its start on.
    let bytes = unsafe { Bytes::from_controller(Box::new(Buffer { memory: Some(memory) }), bytes) };
    FlexTensor::new(bytes, TensorLayout::contiguous(Shape::from(shape)), DType::F32)
}

/// Frees all memory that no tensor uses.
pub(super) fn forget() {
    KEPT.take();
}

/// Initialized memory, which may come from another thread.
struct Memory {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the memory has one owner, like that of a `Vec<u8>`.
unsafe impl Send for Memory {}
// SAFETY: as above; shared access only reads.
unsafe impl Sync for Memory {}

impl Memory {
    fn new(bytes: usize) -> Self {
        if bytes == 0 {
            return Self { start: Self::layout(ALIGNMENT).dangling_ptr(), bytes };
        }
        let layout = Self::layout(bytes);
        // SAFETY: the layout has a size.
        let start = NonNull::new(unsafe { alloc_zeroed(layout) });
        Self { start: start.unwrap_or_else(|| handle_alloc_error(layout)), bytes }
    }

    fn layout(bytes: usize) -> Layout {
        Layout::from_size_align(bytes, ALIGNMENT).expect("a tensor fits the address space")
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if self.bytes > 0 {
            // SAFETY: it was allocated with this layout.
            unsafe { dealloc(self.start.as_ptr(), Self::layout(self.bytes)) }
        }
    }
}

/// The memory of one tensor, which the thread that drops the tensor keeps.
struct Buffer {
    /// The memory, taken only on drop.
    memory: Option<Memory>,
}

impl Buffer {
    fn parts(&self) -> (NonNull<u8>, usize) {
        let memory = self.memory.as_ref().expect("memory is taken on drop only");
        (memory.start, memory.bytes)
    }
}

impl AllocationController for Buffer {
    fn alloc_align(&self) -> usize {
        ALIGNMENT
    }

    fn property(&self) -> AllocationProperty {
        AllocationProperty::Other
    }

    unsafe fn memory_mut(&mut self) -> &mut [MaybeUninit<u8>] {
        let (start, bytes) = self.parts();
        // SAFETY: the memory is owned, and borrowed as long as `self` is.
        unsafe { slice::from_raw_parts_mut(start.as_ptr().cast(), bytes) }
    }

    fn memory(&self) -> &[MaybeUninit<u8>] {
        let (start, bytes) = self.parts();
        // SAFETY: as in `memory_mut`.
        unsafe { slice::from_raw_parts(start.as_ptr().cast(), bytes) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(memory) = self.memory.take() {
            // A thread that ends may have dropped its list of kept memory already.
            let _ = KEPT.try_with(|kept| kept.borrow_mut().entry(memory.bytes).or_default().push(memory));
        }
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
        assert_eq!(address as usize % ALIGNMENT, 0);
        assert_eq!(other_size.storage::<f32>().len(), 2 * 3 * 78);
        let third = tensor_to_fill([3, 2, 77]);
        assert_ne!(third.storage::<f32>().as_ptr(), address, "the second still lives");
        drop([second, third]);
        assert_eq!(KEPT.with_borrow(|kept| kept[&(2 * 3 * 77 * 4)].len()), 2);
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
