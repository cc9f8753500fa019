//! The ten figures, undistorted.

/// The figure of one class: strokes through numbered points.
pub(super) struct Figure {
    pub(super) name: &'static str,
    /// (x to the right, y down) in a box from -1 to 1. Strokes that share a point stay joined when the point is moved.
    pub(super) points: &'static [[f32; 2]],
    /// Chains of indices into `points`.
    pub(super) strokes: &'static [&'static [usize]],
}

impl Figure {
    /// Returns every line from one point to the next, as indices into `points`.
    pub(super) fn segments(&self) -> impl Iterator<Item = [usize; 2]> {
        self.strokes.iter().flat_map(|stroke| stroke.windows(2).map(|pair| [pair[0], pair[1]]))
    }
}

/// The figures in the order of their labels.
#[rustfmt::skip]
pub(super) const FIGURES: [Figure; 10] = [
    Figure {
        name: "cross",
        points: &[[0.0, -0.9], [0.0, 0.9], [-0.8, -0.1], [0.8, -0.1]],
        strokes: &[&[0, 1], &[2, 3]],
    },
    Figure {
        name: "ring",
        points: &[
            [0.85, 0.0], [0.74, 0.43], [0.43, 0.74], [0.0, 0.85], [-0.43, 0.74], [-0.74, 0.43],
            [-0.85, 0.0], [-0.74, -0.43], [-0.43, -0.74], [0.0, -0.85], [0.43, -0.74], [0.74, -0.43],
        ],
        strokes: &[&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0]],
    },
    Figure {
        name: "triangle",
        points: &[[0.0, -0.85], [0.85, 0.7], [-0.85, 0.7]],
        strokes: &[&[0, 1, 2, 0]],
    },
    Figure {
        name: "square",
        points: &[[-0.75, -0.75], [0.75, -0.75], [0.75, 0.75], [-0.75, 0.75]],
        strokes: &[&[0, 1, 2, 3, 0]],
    },
    Figure {
        name: "curve",
        points: &[
            [0.6, -0.7], [0.25, -0.95], [-0.25, -0.9], [-0.55, -0.55], [-0.35, -0.2], [0.0, 0.0],
            [0.35, 0.2], [0.55, 0.55], [0.25, 0.9], [-0.25, 0.95], [-0.6, 0.7],
        ],
        strokes: &[&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
    },
    Figure {
        name: "spiral",
        // Eighths of a turn, while the radius grows from 0.1 to 0.95.
        points: &[
            [0.1, 0.0], [0.12, 0.12], [0.0, 0.23], [-0.21, 0.21], [-0.36, 0.0], [-0.3, -0.3], [0.0, -0.49],
            [0.39, -0.39], [0.62, 0.0], [0.48, 0.48], [0.0, 0.75], [-0.58, 0.58], [-0.88, 0.0], [-0.67, -0.67],
        ],
        strokes: &[&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]],
    },
    Figure {
        name: "zigzag",
        points: &[[0.6, -0.9], [-0.6, -0.4], [0.6, 0.4], [-0.6, 0.9]],
        strokes: &[&[0, 1, 2, 3]],
    },
    Figure {
        name: "T",
        points: &[[-0.75, -0.8], [0.75, -0.8], [0.0, -0.8], [0.0, 0.9]],
        strokes: &[&[0, 2, 1], &[2, 3]],
    },
    Figure {
        name: "arrow",
        points: &[[0.0, -0.9], [0.0, 0.9], [-0.6, -0.3], [0.6, -0.3]],
        strokes: &[&[0, 1], &[2, 0, 3]],
    },
    Figure {
        name: "Y",
        points: &[[-0.65, -0.9], [0.65, -0.9], [0.0, -0.1], [0.0, 0.9]],
        strokes: &[&[0, 2, 1], &[2, 3]],
    },
];
