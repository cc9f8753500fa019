//! Helpers of tests, and the update of a block against plain arithmetic.

use crate::{
    Adam, Arrays, Average, BlockUpdate, InstructionSet, Matrix, Numbers, Panels, pack, update,
    values_of_scratch,
};

/// Returns `count` numbers from -0.5 to 0.5, others for another `index`.
pub(crate) fn numbers(count: usize, index: u64) -> Vec<f32> {
    let mut stream = random::stream(3, "test", &[index]);
    (0..count).map(|_| random::uniform(&mut stream) - 0.5).collect()
}

const ADAM: Adam = Adam {
    numbers: Numbers { rate: 0.01, decay: 0.1, kept: 0.9 },
    first: Average { kept: 0.9, new: 0.1 },
    square: Average { kept: 0.999, new: 0.001 },
    epsilon: 1e-7,
};

fn packed(matrix: &[f32], panels: Panels) -> Vec<f32> {
    let mut values = vec![0.0; panels.length()];
    for panel in panels.all() {
        let matrix = Matrix::rows_of(matrix, panels.columns).from(0, panel.column);
        pack(matrix, panel, &mut values[panel.start..][..panels.rows * panel.width]);
    }
    values
}

/// Updates all rows in blocks of `block_rows`. Returns the values and both states, `[rows, columns]`.
fn updated([rows, batch, columns]: [usize; 3], block_rows: usize) -> [Vec<f32>; 3] {
    let panels = Panels::of(rows, columns);
    let (input, delta) = (numbers(batch * rows, 1), numbers(batch * columns, 2));
    let squares: Vec<f32> = numbers(rows * columns, 5).iter().map(|value| value * value).collect();
    let plain = [numbers(rows * columns, 3), numbers(rows * columns, 4), squares];
    let mut arrays = plain.map(|values| packed(&values, panels));
    let delta = packed(&delta, Panels::of(batch, columns));
    let [value, first, second] = arrays.each_mut().map(|values| values.as_mut_ptr());
    for first_row in (0..rows).step_by(block_rows) {
        let rows_of_block = block_rows.min(rows - first_row);
        let block = BlockUpdate {
            arrays: Arrays { value, states: [first, second] },
            panels,
            input: Matrix::rows_of(&input, rows).transposed().from(first_row, 0),
            delta: &delta,
            batch,
            first_row,
            rows: rows_of_block,
            optimizer: ADAM,
            scratch: &mut vec![f32::NAN; values_of_scratch(rows_of_block, batch)],
        };
        // SAFETY: the arrays are those of the panels, and only this thread uses them.
        unsafe { block.run() };
    }
    arrays.map(|values| {
        let mut plain = vec![0.0; rows * columns];
        for panel in panels.all() {
            let rows_of_panel = values[panel.start..].chunks_exact(panel.width).take(rows);
            for (row, values) in rows_of_panel.enumerate() {
                let (inside, beyond) = values.split_at(panel.columns);
                plain[row * columns + panel.column..][..panel.columns].copy_from_slice(inside);
                assert!(beyond.iter().all(|value| *value == 0.0), "no weight is beyond the last column");
            }
        }
        plain
    })
}

/// Batches with fewer, as many and more groups of four examples than a tile has vectors; last tiles and panels that are not full.
const SIZES: [[usize; 3]; 4] = [[100, 7, 75], [13, 98, 64], [6, 128, 10], [1, 1, 1]];

#[test]
fn an_update_is_a_product_and_then_the_optimizer_with_any_blocks_and_instruction_set() {
    for [rows, batch, columns] in SIZES {
        let (input, delta) = (numbers(batch * rows, 1), numbers(batch * columns, 2));
        let mut gradient = vec![0.0_f32; rows * columns];
        for example in 0..batch {
            for row in 0..rows {
                for column in 0..columns {
                    let sum = &mut gradient[row * columns + column];
                    *sum = input[example * rows + row].mul_add(delta[example * columns + column], *sum);
                }
            }
        }
        let squares: Vec<f32> = numbers(rows * columns, 5).iter().map(|value| value * value).collect();
        let mut wanted = [numbers(rows * columns, 3), numbers(rows * columns, 4), squares];
        let [value, first, second] = wanted.each_mut().map(Vec::as_mut_slice);
        update(value, [first, second], &gradient, ADAM);
        for set in InstructionSet::available() {
            for block_rows in [6, 17, 96] {
                let got = set.within(|| updated([rows, batch, columns], block_rows));
                assert!(got == wanted, "{set:?} {rows} {batch} {columns}: blocks of {block_rows}");
            }
        }
    }
}
