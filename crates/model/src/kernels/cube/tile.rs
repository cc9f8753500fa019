//! How a product is cut into pieces.

use super::vectors::QUAD;
use settings::Precision;

/// Units of a plane where there are tensor cores.
pub(super) const PLANE: usize = 32;

/// The part of an output matrix that one cube computes, and how its units share it.
///
/// A unit's rows come in groups of 4 that lie `rows * 4 / unit_rows` apart, its columns likewise: neighbouring units then read
/// neighbouring values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Tile {
    /// Rows of the tile.
    pub(super) rows: usize,
    /// Columns of the tile.
    pub(super) columns: usize,
    /// Rows of a unit.
    pub(super) unit_rows: usize,
    /// Columns of a unit.
    pub(super) unit_columns: usize,
    /// How far the sum goes between two loads.
    pub(super) depth: usize,
    /// Is the left factor stored with its columns as rows?
    pub(super) is_left_transposed: bool,
    /// Is the right factor stored with its columns as rows?
    pub(super) is_right_transposed: bool,
    /// Of the factors.
    pub(super) precision: Precision,
}

/// Of which matrices the factors of a product are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Factors {
    /// `left right`.
    Plain,
    /// `left right^T`.
    RightTransposed,
    /// `left^T right`.
    LeftTransposed,
}

/// One factor's part of a tile, as it is loaded: so many of its rows or columns, and so deep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Side {
    /// Rows of the left factor, or columns of the right one.
    pub(super) length: usize,
    pub(super) depth: usize,
    /// Do values along the depth lie side by side in memory?
    pub(super) is_depth_contiguous: bool,
    /// Units that load it.
    pub(super) units: usize,
}

impl Tile {
    /// For an output of `rows` by `columns`. It depends on nothing else, so that a trial's sums do not depend on how many
    /// trials there are.
    ///
    /// It goes as deep between two loads as shared memory lets it, which changes no sum.
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
            // Factors that are turned over on their way take registers: smaller cubes, of which more fit a multiprocessor.
            _ => Self { rows: 64, depth: 8, ..wide },
        }
    }

    /// Units along a row of the tile.
    pub(super) const fn units_across(self) -> usize {
        self.columns / self.unit_columns
    }

    pub(super) const fn units(self) -> usize {
        self.rows / self.unit_rows * self.units_across()
    }

    /// How far a unit's row lies below its first one.
    pub(super) const fn row_step(self, row: usize) -> usize {
        row / QUAD * (self.rows / self.unit_rows) * QUAD + row % QUAD
    }

    /// Columns of the part that a plane of units computes with tensor cores.
    pub(super) const fn plane_columns(self) -> usize {
        if self.columns < 32 { self.columns } else { 32 }
    }

    /// Planes side by side.
    pub(super) const fn planes_across(self) -> usize {
        self.columns / self.plane_columns()
    }

    /// Rows of the part that a plane of units computes with tensor cores.
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
    /// Fours along the length, and one more: so that not all of a column of them lies in one bank.
    pub(super) const fn pitch(self) -> usize {
        self.length / QUAD + 1
    }

    /// Fours of one load in shared memory.
    pub(super) const fn shared(self) -> usize {
        self.depth * self.pitch()
    }

    /// Loads that a unit takes part in: single fours, or blocks of four fours where they are turned over.
    pub(super) const fn loads(self) -> usize {
        self.pieces().div_ceil(self.units)
    }

    /// Fours, or blocks of four fours.
    pub(super) const fn pieces(self) -> usize {
        let fours = self.length * self.depth / QUAD;
        if self.is_depth_contiguous { fours / QUAD } else { fours }
    }

    /// Fours that a unit holds between reading them and putting them into shared memory.
    pub(super) const fn held(self) -> usize {
        if self.is_depth_contiguous { QUAD * self.loads() } else { self.loads() }
    }
}
