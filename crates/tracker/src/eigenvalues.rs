//! Eigenvalues of symmetric matrices: Householder reflections make a matrix tridiagonal, and implicit QL steps make it
//! diagonal (Golub & Van Loan 2013, "Matrix Computations", section 8.3).

/// Returns the eigenvalues of a symmetric matrix, given by its rows, in no particular order.
pub(crate) fn eigenvalues(matrix: Vec<Vec<f64>>) -> Vec<f64> {
    let (mut diagonal, mut subdiagonal) = tridiagonal(matrix);
    diagonalize(&mut diagonal, &mut subdiagonal);
    diagonal
}

/// Returns the diagonal and the subdiagonal of a tridiagonal matrix with the eigenvalues of a symmetric one. The subdiagonal
/// has a last entry that means nothing.
fn tridiagonal(mut matrix: Vec<Vec<f64>>) -> (Vec<f64>, Vec<f64>) {
    let mut diagonal = vec![0.0; matrix.len()];
    let mut subdiagonal = vec![0.0; matrix.len()];
    // The last row of what remains is reflected to zeros before its subdiagonal entry.
    while let Some(mut normal) = matrix.pop() {
        let order = matrix.len();
        diagonal[order] = normal[order];
        normal.truncate(order);
        let Some(pivot) = normal.last().copied() else { break };
        let distance = dot(&normal, &normal).sqrt().copysign(pivot);
        subdiagonal[order - 1] = -distance;
        normal[order - 1] += distance;
        let half_square = distance * normal[order - 1];
        if half_square == 0.0 {
            continue;
        }

        let mut product = vec![0.0; order];
        for (row, value) in matrix.iter().zip(&normal) {
            add_scaled(&mut product, value / half_square, row);
        }
        let overlap = dot(&product, &normal) / (2.0 * half_square);
        add_scaled(&mut product, -overlap, &normal);
        for ((row, normal_i), product_i) in matrix.iter_mut().zip(&normal).zip(&product) {
            for ((value, normal_j), product_j) in row.iter_mut().zip(&normal).zip(&product) {
                *value -= normal_i * product_j + product_i * normal_j;
            }
        }
    }
    (diagonal, subdiagonal)
}

/// Turns the diagonal of a symmetric tridiagonal matrix into its eigenvalues. Steps with Wilkinson's shift always converge.
fn diagonalize(diagonal: &mut [f64], subdiagonal: &mut [f64]) {
    let end = diagonal.len() - 1;
    for first in 0..end {
        loop {
            let last = (first..end)
                .find(|&at| {
                    let neighbors = diagonal[at].abs() + diagonal[at + 1].abs();
                    subdiagonal[at].abs() <= f64::EPSILON * neighbors
                })
                .unwrap_or(end);
            if last == first {
                break;
            }
            ql_step(&mut diagonal[first..=last], &mut subdiagonal[first..=last]);
        }
    }
}

/// Takes one implicit QL step with Wilkinson's shift.
fn ql_step(diagonal: &mut [f64], subdiagonal: &mut [f64]) {
    let last = diagonal.len() - 1;
    let ratio = (diagonal[1] - diagonal[0]) / (2.0 * subdiagonal[0]);
    let shift = diagonal[0] - subdiagonal[0] / (ratio + (ratio * ratio + 1.0).sqrt().copysign(ratio));
    let (mut sine, mut cosine, mut change) = (1.0, 1.0, 0.0);
    let mut bulge = diagonal[last] - shift;
    for at in (0..last).rev() {
        let (beyond, within) = (sine * subdiagonal[at], cosine * subdiagonal[at]);
        let length = (beyond * beyond + bulge * bulge).sqrt();
        subdiagonal[at + 1] = length;
        if length == 0.0 {
            diagonal[at + 1] -= change;
            subdiagonal[last] = 0.0;
            return;
        }
        (sine, cosine) = (beyond / length, bulge / length);
        let shifted = diagonal[at + 1] - change;
        let slope = (diagonal[at] - shifted) * sine + 2.0 * cosine * within;
        change = sine * slope;
        diagonal[at + 1] = shifted + change;
        bulge = cosine * slope - within;
    }
    diagonal[0] -= change;
    subdiagonal[0] = bulge;
    subdiagonal[last] = 0.0;
}

/// Adds `factor * other`.
fn add_scaled(values: &mut [f64], factor: f64, other: &[f64]) {
    for (value, other) in values.iter_mut().zip(other) {
        *value += factor * other;
    }
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}
