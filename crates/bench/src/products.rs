//! The matrix products of a step and nothing else: what it would take if the rest were free.

use algorithms::Algorithm;

use crate::{Case, rounds::Contestant};

/// `[rows, depth] [depth, columns]`, with the strides that a step uses.
struct Product {
    rows: usize,
    columns: usize,
    depth: usize,
    /// Strides of (row, column) of both factors.
    left: [usize; 2],
    right: [usize; 2],
    /// Is the result as tall as a weight matrix, so that halves are made of rows? Otherwise of columns.
    is_tall: bool,
}

/// Repeats the products of a case, each in two halves that cores may share, with results in memory that is reused.
pub(crate) struct Products {
    products: Vec<Product>,
    left: Vec<f32>,
    right: Vec<f32>,
    result: Vec<f32>,
}

impl Products {
    pub(crate) fn of(case: &Case) -> Self {
        let (batch, outputs) = (case.shape.batch, case.shape.outputs);
        let weights = case.shape.weights();
        let mut products: Vec<Product> = Vec::new();
        for &[inputs, units] in &weights {
            products.push(Product::forward(batch, inputs, units));
            products.push(Product::gradient(batch, inputs, units));
        }
        match case.algorithm {
            Algorithm::Backprop => {
                products
                    .extend(weights[1..].iter().map(|&[inputs, units]| Product::back(batch, inputs, units)));
            }
            Algorithm::Dfa | Algorithm::Drtp => {
                products.extend(case.shape.hidden.iter().map(|&units| Product::back(batch, units, outputs)));
            }
            Algorithm::LocalLoss(_) => {
                for &units in &case.shape.hidden {
                    products.push(Product::forward(batch, units, outputs));
                    products.push(Product::back(batch, units, outputs));
                }
            }
        }
        let longest = |[rows, columns]: [usize; 2]| rows * columns;
        let weight = weights.iter().copied().map(longest).max().unwrap_or(0);
        let activation = batch * weights.iter().flatten().max().unwrap_or(&0);
        let values = |length: usize| (0..length).map(|index| (index % 17) as f32 / 17.0 - 0.5).collect();
        let length = weight.max(activation);
        Self { products, left: values(length), right: values(length), result: vec![0.0; length] }
    }
}

impl Product {
    fn forward(batch: usize, inputs: usize, units: usize) -> Self {
        let (left, right) = ([inputs, 1], [units, 1]);
        Self { rows: batch, columns: units, depth: inputs, left, right, is_tall: false }
    }

    fn gradient(batch: usize, inputs: usize, units: usize) -> Self {
        let (left, right) = ([1, inputs], [units, 1]);
        Self { rows: inputs, columns: units, depth: batch, left, right, is_tall: true }
    }

    fn back(batch: usize, inputs: usize, units: usize) -> Self {
        let (left, right) = ([units, 1], [1, units]);
        Self { rows: batch, columns: inputs, depth: units, left, right, is_tall: false }
    }

    fn run(&self, left: &[f32], right: &[f32], result: &mut [f32]) {
        let address = Address(result.as_mut_ptr());
        let length = if self.is_tall { self.rows } else { self.columns };
        let half = length.div_ceil(2);
        crew::share(2, |index| {
            let (first, count) = (index * half, half.min(length - index * half));
            let [row, column] = if self.is_tall { [first, 0] } else { [0, first] };
            let [rows, columns] = if self.is_tall { [count, self.columns] } else { [self.rows, count] };
            let stride = |value: usize| isize::try_from(value).expect("a matrix fits the address space");
            // SAFETY: the factors and the result are as long as the longest matrix, and the halves do not overlap.
            unsafe {
                gemm::gemm(
                    rows,
                    columns,
                    self.depth,
                    address.at(row * self.columns + column),
                    1,
                    stride(self.columns),
                    false,
                    left.as_ptr().add(row * self.left[0]),
                    stride(self.left[1]),
                    stride(self.left[0]),
                    right.as_ptr().add(column * self.right[1]),
                    stride(self.right[1]),
                    stride(self.right[0]),
                    0.0,
                    1.0,
                    false,
                    false,
                    false,
                    gemm::Parallelism::None,
                );
            }
        });
    }
}

struct Address(*mut f32);

// SAFETY: it is only an address; the halves written there do not overlap.
unsafe impl Sync for Address {}

impl Address {
    fn at(&self, index: usize) -> *mut f32 {
        self.0.wrapping_add(index)
    }
}

impl Contestant for Products {
    fn run(&mut self, times: usize) -> Result<f64, crate::PeerError> {
        let Self { products, left, right, result } = self;
        let start = std::time::Instant::now();
        for _ in 0..times {
            products.iter().for_each(|product| product.run(left, right, result));
        }
        Ok(start.elapsed().as_secs_f64())
    }
}
