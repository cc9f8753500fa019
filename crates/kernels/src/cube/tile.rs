//! The division of a product's output into tiles.

use super::vectors::QUAD;
use settings::Precision;

/// The number of units in a plane on devices with tensor cores.
pub(super) const PLANE: usize = 32;

/// The part of an output matrix that one cube computes, and its division among the units.
///
/// A unit's rows are in groups of 4 at a distance of `rows * 4 / unit_rows`, its columns likewise: neighboring units then
/// read neighboring values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Tile {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) unit_rows: usize,
    pub(super) unit_columns: usize,
    /// The number of terms of the sum between two loads.
    pub(super) depth: usize,
    pub(super) is_left_transposed: bool,
    pub(super) is_right_transposed: bool,
    pub(super) precision: Precision,
}

/// The product of the stored matrices that is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Factors {
    Plain,
    RightTransposed,
    LeftTransposed,
}

/// The part of one factor that a cube loads at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Side {
    /// The number of rows of the left factor, or of columns of the right one.
    pub(super) length: usize,
    pub(super) depth: usize,
    /// Whether values along the depth are neighbors in memory.
    pub(super) is_depth_contiguous: bool,
    /// The number of units that load it.
    pub(super) units: usize,
}

impl Tile {
    /// Returns the tile for an output of `rows` by `columns`. It does not depend on the number of trials, so a trial's sums
    /// do not either.
    ///
    /// The depth between two loads is as large as shared memory allows, which changes no sum.
    pub(super) fn of(
        factors: Factors,
        [rows, columns]: [usize; 2],
        precision: Precision,
        shared_bytes: usize,
    ) -> Self {
        let is_left_transposed = factors == Factors::LeftTransposed;
        let wide = Self {
            rows: 128,
            columns: 128,
            unit_rows: 8,
            unit_columns: 8,
            depth: if is_left_transposed && shared_bytes >= 48 * 1024 { 16 } else { 8 },
            is_left_transposed,
            is_right_transposed: factors == Factors::RightTransposed,
            precision,
        };
        match (rows, columns) {
            (_, ..=16) => Self { rows: 64, columns: 16, unit_rows: 4, unit_columns: 4, ..wide },
            (65.., _) if is_left_transposed => wide,
            // Transposing a factor takes registers. More of these smaller cubes fit a multiprocessor.
            _ => Self { rows: 64, depth: 8, ..wide },
        }
    }

    /// Returns the number of units along a row of the tile.
    pub(super) const fn units_across(self) -> usize {
        self.columns / self.unit_columns
    }

    pub(super) const fn units(self) -> usize {
        self.rows / self.unit_rows * self.units_across()
    }

    /// Returns the distance of a unit's row from its first one.
    pub(super) const fn row_step(self, row: usize) -> usize {
        row / QUAD * (self.rows / self.unit_rows) * QUAD + row % QUAD
    }

    /// Returns the number of columns that a plane of units computes with tensor cores.
    pub(super) const fn plane_columns(self) -> usize {
        if self.columns < 32 { self.columns } else { 32 }
    }

    /// Returns the number of planes along a row of the tile.
    pub(super) const fn planes_across(self) -> usize {
        self.columns / self.plane_columns()
    }

    /// Returns the number of rows that a plane of units computes with tensor cores.
    pub(super) const fn plane_rows(self) -> usize {
        self.rows * self.planes_across() * PLANE / self.units()
    }

    pub(super) const fn left(self) -> Side {
        Side {
            length: self.rows,
            depth: self.depth,
            is_depth_contiguous: !self.is_left_transposed,
            units: self.units(),
        }
    }

    pub(super) const fn right(self) -> Side {
        Side {
            length: self.columns,
            depth: self.depth,
            is_depth_contiguous: self.is_right_transposed,
            units: self.units(),
        }
    }
}

impl Side {
    /// Returns the number of fours along the length plus one, so that a column of fours is spread over several banks.
    pub(super) const fn pitch(self) -> usize {
        self.length / QUAD + 1
    }

    /// Returns the number of fours of one load in shared memory.
    pub(super) const fn shared(self) -> usize {
        self.depth * self.pitch()
    }

    /// Returns the number of pieces that a unit loads.
    pub(super) const fn loads(self) -> usize {
        self.pieces().div_ceil(self.units)
    }

    /// Returns the number of pieces: fours, or blocks of four fours where they are transposed.
    pub(super) const fn pieces(self) -> usize {
        let fours = self.length * self.depth / QUAD;
        if self.is_depth_contiguous { fours / QUAD } else { fours }
    }

    /// Returns the number of fours that a unit holds between reading them and writing them to shared memory.
    pub(super) const fn held(self) -> usize {
        if self.is_depth_contiguous { QUAD * self.loads() } else { self.loads() }
    }
}
