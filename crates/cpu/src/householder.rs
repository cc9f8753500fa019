//! The orthonormal factor of a QR decomposition, by Householder reflections in double precision.
//!
//! A strip is eight neighboring columns, stored row by row. The eight reflections that eliminate a strip are applied to
//! another strip in one pass: I - V T V^T, where the inverse of T is the upper triangle of V^T V with half its diagonal
//! (Joffrain et al. 2006, "Accumulating Householder transformations, revisited").
//!
//! Sums run down the rows and vectors across the columns, so the bits do not depend on how wide a processor's vectors are.

use std::array;

use crate::vector::{Vector, Work, run};

const WIDTH: usize = 8;

/// One row of a strip.
type Row = [f64; WIDTH];

type Order = [usize; WIDTH];
const FIRST_TO_LAST: Order = [0, 1, 2, 3, 4, 5, 6, 7];
const LAST_TO_FIRST: Order = [7, 6, 5, 4, 3, 2, 1, 0];

/// Returns Q of the decomposition `matrix = Q R` whose R has no negative number on its diagonal. `matrix` and Q are
/// `[rows, columns]` in row-major order, with at least as many rows as columns.
pub fn orthonormal(rows: usize, columns: usize, matrix: &[f64]) -> Vec<f64> {
    assert!(columns <= rows && matrix.len() == rows * columns, "{rows} rows, {columns} columns");
    let mut blocks: Vec<Block> = Vec::new();
    for first in (0..columns).step_by(WIDTH) {
        let width = WIDTH.min(columns - first);
        let mut strip = vec![[0.0; WIDTH]; rows];
        for (row, values) in strip.iter_mut().zip(matrix.chunks_exact(columns)) {
            row[..width].copy_from_slice(&values[first..first + width]);
        }
        for block in &blocks {
            block.apply(&FIRST_TO_LAST, &mut strip);
        }
        blocks.push(Block::eliminating(first, strip));
    }

    let mut q = vec![0.0; rows * columns];
    for (index, last) in blocks.iter().enumerate() {
        let width = WIDTH.min(columns - last.first);
        let mut strip = vec![[0.0; WIDTH]; rows];
        for column in 0..width {
            strip[last.first + column][column] = last.signs[column];
        }
        for block in blocks[..=index].iter().rev() {
            block.apply(&LAST_TO_FIRST, &mut strip);
        }
        for (row, values) in strip.iter().zip(q.chunks_exact_mut(columns)) {
            values[last.first..last.first + width].copy_from_slice(&row[..width]);
        }
    }
    q
}

/// The reflections that turn a strip into columns of R.
struct Block {
    /// The strip's first column, which is the first row that the reflections change.
    first: usize,
    /// V: column `k` is normal to the plane of reflection `k`, or zero where there is nothing to eliminate.
    /// `[rows - first]`.
    normals: Vec<Row>,
    /// The products of all pairs of normals, V^T V.
    gram: [Row; WIDTH],
    /// The signs of R's diagonal.
    signs: Row,
}

impl Block {
    fn eliminating(first: usize, mut strip: Vec<Row>) -> Self {
        let mut normals = strip.split_off(first);
        let mut signs = [1.0; WIDTH];
        for column in 0..WIDTH.min(normals.len()) {
            // With every column, before the pivot becomes part of the normal.
            let mut products = [0.0; WIDTH];
            for row in &normals[column..] {
                products = plus(products, row[column], row);
            }
            let pivot = normals[column];
            let distance = products[column].sqrt().copysign(pivot[column]);
            signs[column] = -distance.signum();
            normals[column][column] += distance;

            let half_length_squared = products[column] + distance * pivot[column];
            let factors: Row = array::from_fn(|other| {
                if other <= column || half_length_squared == 0.0 {
                    0.0
                } else {
                    (products[other] + distance * pivot[other]) / half_length_squared
                }
            });
            for row in &mut normals[..column] {
                row[column] = 0.0;
            }
            for row in &mut normals[column..] {
                *row = plus(*row, -row[column], &factors);
            }
        }
        let gram = products(&normals, &normals);
        Self { first, normals, gram, signs }
    }

    /// Applies the reflections to every column of `strip`, in this order.
    fn apply(&self, order: &Order, strip: &mut [Row]) {
        run(Application { block: self, order, strip: &mut strip[self.first..] });
    }
}

/// The work of [`Block::apply`], compiled for several vector widths. A closure of this size would not be inlined into the
/// functions that have the wide vectors.
struct Application<'a> {
    block: &'a Block,
    order: &'a Order,
    strip: &'a mut [Row],
}

impl Work for Application<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Self { block: Block { normals, gram, .. }, order, strip } = self;
        let mut factors = products(normals, strip);
        for (position, &reflection) in order.iter().enumerate() {
            let mut row = factors[reflection];
            for &earlier in &order[..position] {
                row = plus(row, -gram[reflection][earlier], &factors[earlier]);
            }
            let half_length_squared = gram[reflection][reflection] / 2.0;
            factors[reflection] =
                row.map(|value| if half_length_squared == 0.0 { 0.0 } else { value / half_length_squared });
        }
        for (normals, row) in normals.iter().zip(strip) {
            *row =
                normals.iter().zip(&factors).fold(*row, |row, (normal, factors)| plus(row, -normal, factors));
        }
    }
}

/// Returns the products of all pairs of columns, `left^T right`.
#[inline(always)]
fn products(left: &[Row], right: &[Row]) -> [Row; WIDTH] {
    let mut sums = [[0.0; WIDTH]; WIDTH];
    for (left, right) in left.iter().zip(right) {
        for (sums, left) in sums.iter_mut().zip(left) {
            *sums = plus(*sums, *left, right);
        }
    }
    sums
}

/// Returns `row + factor * other`.
#[inline(always)]
fn plus(row: Row, factor: f64, other: &Row) -> Row {
    array::from_fn(|column| row[column] + factor * other[column])
}

#[cfg(test)]
mod tests {
    use random::standard_normal;

    use super::*;
    use crate::InstructionSet;

    fn normal(rows: usize, columns: usize) -> Vec<f64> {
        let mut stream = random::stream(1, "test", &[rows as u64, columns as u64]);
        (0..rows * columns).map(|_| standard_normal(&mut stream)).collect()
    }

    /// Returns the entry of `left^T right` at (i, j); both matrices have `columns` columns.
    fn product(left: &[f64], right: &[f64], columns: usize, i: usize, j: usize) -> f64 {
        left.chunks(columns).zip(right.chunks(columns)).map(|(left, right)| left[i] * right[j]).sum()
    }

    /// Checks that `q` has orthonormal columns and that Q^T `matrix` is R.
    #[track_caller]
    fn check(q: &[f64], matrix: &[f64], columns: usize) {
        for i in 0..columns {
            for j in 0..columns {
                let unit = f64::from(u8::from(i == j));
                assert!((product(q, q, columns, i, j) - unit).abs() < 1e-13, "Q^T Q at ({i}, {j})");
                let r = product(q, matrix, columns, i, j);
                assert!(i < j || r > -1e-12, "R at ({i}, {j}) is {r}");
                assert!(i <= j || r < 1e-12, "R at ({i}, {j}) is {r}");
            }
        }
    }

    #[test]
    fn q_is_orthonormal_and_r_is_upper_triangular_with_a_positive_diagonal() {
        for (rows, columns) in [(1, 1), (8, 8), (9, 9), (16, 8), (17, 16), (100, 1), (300, 30)] {
            let matrix = normal(rows, columns);
            check(&orthonormal(rows, columns, &matrix), &matrix, columns);
        }
    }

    #[test]
    fn columns_that_depend_on_others_still_give_an_orthonormal_matrix() {
        let (rows, columns) = (40, 12);
        let mut equal_columns = normal(rows, columns);
        for row in equal_columns.chunks_mut(columns) {
            row[9] = row[2];
            row[5] = 0.0;
        }
        for matrix in [equal_columns, vec![0.0; rows * columns], vec![1.0; rows * columns]] {
            check(&orthonormal(rows, columns, &matrix), &matrix, columns);
        }
    }

    #[test]
    fn any_instruction_set_gives_the_same_bits() {
        let block = Block::eliminating(3, normal(50, WIDTH).as_chunks().0.to_vec());
        let strip = normal(50, WIDTH).as_chunks().0.to_vec();
        for order in [FIRST_TO_LAST, LAST_TO_FIRST] {
            let mut widest = strip.clone();
            block.apply(&order, &mut widest);
            for set in InstructionSet::available() {
                let mut other = strip.clone();
                set.within(|| block.apply(&order, &mut other));
                assert_eq!(widest, other, "{set:?}");
            }
        }
    }
}
