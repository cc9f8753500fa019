//! Vectors of 32-bit floats, and code that is compiled once for each instruction set and chosen at run time.
//!
//! All instruction sets compute each value by the same operations in the same order, and multiply and add with a single
//! rounding, so results are equal to the last bit on every processor.

use std::{cell::Cell, sync::LazyLock};

/// A vector of [`Vector::LANES`] floats.
///
/// # Safety
/// All methods need a processor with the instruction set of the type: they are called only within [`run`]. `load` and
/// `store` need `LANES` floats at the address, which may be unaligned.
#[expect(clippy::missing_safety_doc, reason = "one section for all methods")]
pub trait Vector: Copy {
    const LANES: usize;
    unsafe fn splat(value: f32) -> Self;
    unsafe fn load(address: *const f32) -> Self;
    unsafe fn store(self, address: *mut f32);
    /// Returns `self * factor + addend`, rounded once.
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self;
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn mul(self, other: Self) -> Self;
    unsafe fn div(self, other: Self) -> Self;
    unsafe fn sqrt(self) -> Self;
    /// Asks for the cache line at `address`, which need not exist.
    unsafe fn prefetch(address: *const f32);
    /// Asks for the cache line at `address`, but only as far as the second-level cache.
    unsafe fn prefetch_to_second_level(address: *const f32);
}

/// Work that is compiled for each instruction set.
pub trait Work {
    type Output;
    /// Does the work with vectors of one type. The implementation and all that it calls are `#[inline(always)]`, because
    /// only inlined code is compiled for the instruction set.
    ///
    /// # Safety
    /// The processor has the instruction set of `V`.
    unsafe fn run<V: Vector>(self) -> Self::Output;
}

/// An instruction set that this program has code for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstructionSet {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "aarch64")]
    Neon,
    /// Any processor. Slow where it has no instruction for a fused multiply-add.
    Portable,
}

impl InstructionSet {
    /// Returns the sets that this processor has, the widest first.
    pub fn available() -> Vec<Self> {
        let mut sets = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl") {
                    sets.push(Self::Avx512);
                }
                sets.push(Self::Avx2);
            }
        }
        #[cfg(target_arch = "aarch64")]
        sets.push(Self::Neon);
        sets.push(Self::Portable);
        sets
    }

    /// Calls `work`, on whose thread [`run`] uses this instruction set, to compare results with those of others. Matrices that are
    /// packed within `work` have another order than outside.
    ///
    /// # Panics
    /// If the processor does not have it.
    pub fn within<R>(self, work: impl FnOnce() -> R) -> R {
        assert!(Self::available().contains(&self), "this processor has no {self:?}");
        struct Restore(Option<InstructionSet>);
        impl Drop for Restore {
            fn drop(&mut self) {
                CHOSEN.set(self.0);
            }
        }
        let _restore = Restore(CHOSEN.replace(Some(self)));
        work()
    }

    /// Does `work` with this instruction set.
    ///
    /// # Safety
    /// The processor has it.
    unsafe fn run<W: Work>(self, work: W) -> W::Output {
        // SAFETY: the caller guarantees the instruction set.
        unsafe {
            match self {
                #[cfg(target_arch = "x86_64")]
                Self::Avx512 => x86::avx512(work),
                #[cfg(target_arch = "x86_64")]
                Self::Avx2 => x86::avx2(work),
                #[cfg(target_arch = "aarch64")]
                Self::Neon => work.run::<arm::Four>(),
                Self::Portable => work.run::<Eight>(),
            }
        }
    }
}

/// Does `work` with the widest instruction set of this processor.
pub fn run<W: Work>(work: W) -> W::Output {
    // SAFETY: the processor has it.
    unsafe { chosen().run(work) }
}

/// Returns the name of the instruction set that the CPU's kernels use on this processor.
pub fn instruction_set() -> &'static str {
    match chosen() {
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx512 => "AVX-512",
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx2 => "AVX2",
        #[cfg(target_arch = "aarch64")]
        InstructionSet::Neon => "NEON",
        InstructionSet::Portable => "no vector instructions",
    }
}

/// Returns the width of the tiles that keep the most results in registers, and with it the order of weights in memory. It is the
/// same for the whole run of a program.
pub fn panel_width() -> usize {
    match chosen() {
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx512 => 64,
        _ => 16,
    }
}

fn chosen() -> InstructionSet {
    static WIDEST: LazyLock<InstructionSet> = LazyLock::new(|| InstructionSet::available()[0]);
    CHOSEN.get().unwrap_or(*WIDEST)
}

thread_local! {
    static CHOSEN: Cell<Option<InstructionSet>> = const { Cell::new(None) };
}

/// Defines a function whose body is compiled for each instruction set, so that loops over values use the widest vectors. What the
/// body calls must be `#[inline(always)]`, or so small that it is inlined anyway.
#[macro_export]
macro_rules! vectorized {
    (
        $(#[$documentation:meta])*
        $visibility:vis fn $name:ident<$lifetime:lifetime>($($argument:ident: $type:ty),* $(,)?) $(-> $output:ty)? $body:block
    ) => {
        $(#[$documentation])*
        $visibility fn $name<$lifetime>($($argument: $type),*) $(-> $output)? {
            struct Arguments<$lifetime> {
                $($argument: $type,)*
            }
            impl<$lifetime> $crate::Work for Arguments<$lifetime> {
                type Output = $crate::vectorized!(@output $($output)?);

                #[inline(always)]
                unsafe fn run<V: $crate::Vector>(self) -> Self::Output {
                    let Self { $($argument),* } = self;
                    $body
                }
            }
            $crate::run(Arguments { $($argument),* })
        }
    };
    (@output) => { () };
    (@output $output:ty) => { $output };
}

/// Eight floats in operations that every processor has.
#[derive(Clone, Copy)]
struct Eight([f32; 8]);

impl Eight {
    #[inline(always)]
    fn with(self, other: Self, function: impl Fn(f32, f32) -> f32) -> Self {
        Self(std::array::from_fn(|lane| function(self.0[lane], other.0[lane])))
    }
}

impl Vector for Eight {
    const LANES: usize = 8;
    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self([value; 8])
    }
    #[inline(always)]
    unsafe fn load(address: *const f32) -> Self {
        // SAFETY: the caller guarantees eight floats.
        Self(unsafe { address.cast::<[f32; 8]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store(self, address: *mut f32) {
        // SAFETY: the caller guarantees eight floats.
        unsafe { address.cast::<[f32; 8]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane].mul_add(factor.0[lane], addend.0[lane])))
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        self.with(other, |left, right| left + right)
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        self.with(other, |left, right| left * right)
    }
    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        self.with(other, |left, right| left / right)
    }
    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        Self(self.0.map(f32::sqrt))
    }
    #[inline(always)]
    unsafe fn prefetch(_: *const f32) {}
    #[inline(always)]
    unsafe fn prefetch_to_second_level(_: *const f32) {}
}

/// A single float: what is left of a row after its vectors.
#[derive(Clone, Copy)]
pub struct One(f32);

impl Vector for One {
    const LANES: usize = 1;
    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self(value)
    }
    #[inline(always)]
    unsafe fn load(address: *const f32) -> Self {
        // SAFETY: the caller guarantees a float.
        Self(unsafe { *address })
    }
    #[inline(always)]
    unsafe fn store(self, address: *mut f32) {
        // SAFETY: the caller guarantees a float.
        unsafe { *address = self.0 }
    }
    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
        Self(self.0.mul_add(factor.0, addend.0))
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        Self(self.0 * other.0)
    }
    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        Self(self.0 / other.0)
    }
    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        Self(self.0.sqrt())
    }
    #[inline(always)]
    unsafe fn prefetch(_: *const f32) {}
    #[inline(always)]
    unsafe fn prefetch_to_second_level(_: *const f32) {}
}

/// Implements [`Vector`] by one intrinsic for each operation.
macro_rules! vector {
    (
        $(#[$documentation:meta])* $name:ident($inner:ty), $lanes:literal,
        $splat:ident, $load:ident, $store:ident, $mul_add:expr, $add:ident, $mul:ident, $div:ident, $sqrt:ident,
        $prefetch:expr, $prefetch_to_second_level:expr
    ) => {
        $(#[$documentation])*
        #[derive(Clone, Copy)]
        pub(super) struct $name($inner);

        // SAFETY (of each intrinsic): the caller guarantees the instruction set and the addresses.
        impl Vector for $name {
            const LANES: usize = $lanes;
            #[inline(always)]
            unsafe fn splat(value: f32) -> Self {
                Self(unsafe { $splat(value) })
            }
            #[inline(always)]
            unsafe fn load(address: *const f32) -> Self {
                Self(unsafe { $load(address) })
            }
            #[inline(always)]
            unsafe fn store(self, address: *mut f32) {
                unsafe { $store(address, self.0) }
            }
            #[inline(always)]
            unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
                Self(unsafe { $mul_add(self.0, factor.0, addend.0) })
            }
            #[inline(always)]
            unsafe fn add(self, other: Self) -> Self {
                Self(unsafe { $add(self.0, other.0) })
            }
            #[inline(always)]
            unsafe fn mul(self, other: Self) -> Self {
                Self(unsafe { $mul(self.0, other.0) })
            }
            #[inline(always)]
            unsafe fn div(self, other: Self) -> Self {
                Self(unsafe { $div(self.0, other.0) })
            }
            #[inline(always)]
            unsafe fn sqrt(self) -> Self {
                Self(unsafe { $sqrt(self.0) })
            }
            #[inline(always)]
            unsafe fn prefetch(address: *const f32) {
                unsafe { $prefetch(address) }
            }
            #[inline(always)]
            unsafe fn prefetch_to_second_level(address: *const f32) {
                unsafe { $prefetch_to_second_level(address) }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{Vector, Work};

    #[target_feature(enable = "avx512f,avx512vl,avx2,fma")]
    pub(super) unsafe fn avx512<W: Work>(work: W) -> W::Output {
        // SAFETY: the caller guarantees the instruction set.
        unsafe { work.run::<Sixteen>() }
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn avx2<W: Work>(work: W) -> W::Output {
        // SAFETY: the caller guarantees the instruction set.
        unsafe { work.run::<Eight>() }
    }

    #[inline(always)]
    unsafe fn prefetch(address: *const f32) {
        // SAFETY: a prefetch of any address is allowed.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
    }

    #[inline(always)]
    unsafe fn prefetch_to_second_level(address: *const f32) {
        // SAFETY: a prefetch of any address is allowed.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(address.cast()) }
    }

    vector! {
        Sixteen(__m512), 16, _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps, _mm512_fmadd_ps, _mm512_add_ps,
        _mm512_mul_ps, _mm512_div_ps, _mm512_sqrt_ps, prefetch, prefetch_to_second_level
    }
    vector! {
        Eight(__m256), 8, _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps, _mm256_fmadd_ps, _mm256_add_ps,
        _mm256_mul_ps, _mm256_div_ps, _mm256_sqrt_ps, prefetch, prefetch_to_second_level
    }
}

#[cfg(target_arch = "aarch64")]
mod arm {
    use std::arch::aarch64::*;

    use super::Vector;

    vector! {
        Four(float32x4_t), 4, vdupq_n_f32, vld1q_f32, vst1q_f32, |value, factor, addend| vfmaq_f32(addend, value, factor),
        vaddq_f32, vmulq_f32, vdivq_f32, vsqrtq_f32, |_| (), |_| ()
    }
}
