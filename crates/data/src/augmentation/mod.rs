//! Random changes of training images, drawn again in each epoch.
//!
//! Augmentations that move pixels are composed, in the order of the list, into one map from target to source, so that an
//! image is sampled once. Augmentations that change pixel values follow, in their order. A crop copies pixels and divides the
//! list: it gets the image with all changes listed before it, and those listed after it change its result. Each draw comes
//! from the stream of (seed, epoch, example) and of the kind of change, so another augmentation does not alter the draws of
//! the first. The arithmetic is IEEE 754's, so images are the same bytes on every machine.

mod brightness;
mod contrast;
mod horizontal_flip;
mod map;
mod random_crop;
mod rotation;
mod translation;
mod zoom;

use random::{Stream, uniform};
use serde::{Deserialize, Serialize};

pub use self::random_crop::Fill;

use self::map::Map;
use crate::{ImageShape, Problem};

/// A random change of training images. The defaults are the predecessor's, which had no rotation, no flip and
/// no crop.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Augmentation {
    /// A random brightness: up to `largest` of the range of pixels lighter or darker.
    Brightness {
        /// The largest change.
        ///
        /// Allowed: above 0, at most 1.
        #[serde(default = "brightness::default")]
        largest: f32,
    },
    /// A random contrast: distances from a channel's mean, times a factor from `1 - largest` to `1 + largest`.
    Contrast {
        /// The largest change.
        ///
        /// Allowed: above 0, at most 1.
        #[serde(default = "contrast::default")]
        largest: f32,
    },
    /// A random zoom that shows from `1 - largest` to `1 + largest` of the image's height and width.
    Zoom {
        /// The largest change.
        ///
        /// Allowed: above 0, below 1.
        #[serde(default = "zoom::default")]
        largest: f32,
    },
    /// A random shift by up to `largest` of the height and, independently, of the width, in either direction.
    Translation {
        /// The largest change.
        ///
        /// Allowed: above 0, at most 1.
        #[serde(default = "translation::default")]
        largest: f32,
    },
    /// A random rotation by up to `largest` of a full turn, in either direction.
    Rotation {
        /// The largest change.
        ///
        /// Allowed: above 0, at most 0.5.
        #[serde(default = "rotation::default")]
        largest: f32,
    },
    /// A swap of left and right with probability 1/2.
    HorizontalFlip,
    /// A random crop: the image is padded by `padding` pixels on each of its four sides, and a window of the image's size is
    /// taken from the padded image. The window's place is drawn uniformly, independently for height and width. Pixels are copied exactly.
    /// Changes listed before it apply to the image before it is padded. With a crop, the CPU makes the batches also for a GPU.
    RandomCrop {
        /// The number of pixels on each side, and the largest shift in each direction.
        ///
        /// Allowed: at least 1, less than the image's height and width. Example: `2`.
        padding: u32,
        /// The values of the pixels on the sides.
        #[serde(default)]
        fill: Fill,
    },
}

/// The seed and epoch that select the random numbers of an augmentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AugmentationKey {
    pub seed: u64,
    /// Counted from 1 on.
    pub epoch: u32,
}

/// The augmentation of an image in numbers, for code that applies it on a device.
///
/// First pixels move: the pixel at a place `p` comes from `linear p + shift`, both in pixels from the image's center as
/// `[y, x]`, interpolated between four neighbors and mirrored beyond the edges. Then a pixel `v` becomes
/// `contrast (v - mean) + mean + brightness`, with the mean over its channel. The result is that of
/// [`View::gather_augmented`] except for rounding, because there brightness and contrast follow each other in the order of
/// the list. A random crop has no such numbers ([`View::can_augment_on_device`]).
///
/// [`View::can_augment_on_device`]: crate::View::can_augment_on_device
/// [`View::gather_augmented`]: crate::View::gather_augmented
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ImageChange {
    /// `[y, x]` by `[y, x]`.
    pub linear: [[f32; 2]; 2],
    /// `[y, x]`, in pixels.
    pub shift: [f32; 2],
    /// A factor; 1 changes nothing.
    pub contrast: f32,
    /// A number added to pixels, which are from 0 to 255.
    pub brightness: f32,
}

/// Draws the changes of an example, in numbers.
///
/// # Panics
/// If an augmentation cannot be expressed in numbers.
pub(crate) fn change(
    augmentations: &[Augmentation],
    occasion: AugmentationKey,
    example: usize,
    shape: ImageShape,
) -> ImageChange {
    assert!(augmentations.iter().all(|it| it.can_be_numbers()), "a crop is no affine map");
    let Map { linear, shift } = map(augmentations, occasion, example, shape).unwrap_or(Map::IDENTITY);
    let mut change = ImageChange { linear, shift, contrast: 1.0, brightness: 0.0 };
    for augmentation in augmentations {
        match *augmentation {
            Augmentation::Brightness { largest } => {
                change.brightness += brightness::draw(largest, &mut augmentation.stream(occasion, example));
            }
            Augmentation::Contrast { largest } => {
                change.contrast *= contrast::draw(largest, &mut augmentation.stream(occasion, example));
            }
            _ => (),
        }
    }
    change
}

/// Changes one image, `[channels, height, width]` of pixels from 0 to 255. The result may be outside of 0 to 255.
pub(crate) fn augment(
    augmentations: &[Augmentation],
    occasion: AugmentationKey,
    example: usize,
    shape: ImageShape,
    image: &mut [f32],
) {
    // Each part of the list ends with a crop, except for the last.
    for part in augmentations.split_inclusive(|it| matches!(it, Augmentation::RandomCrop { .. })) {
        if let Some(map) = map(part, occasion, example, shape) {
            map.sample(shape, image);
        }
        for augmentation in part {
            let mut stream = augmentation.stream(occasion, example);
            match *augmentation {
                Augmentation::Brightness { largest } => brightness::apply(largest, image, &mut stream),
                Augmentation::Contrast { largest } => contrast::apply(largest, shape, image, &mut stream),
                Augmentation::RandomCrop { padding, fill } => {
                    random_crop::apply(padding, fill, shape, image, &mut stream);
                }
                _ => (),
            }
        }
    }
}

/// Draws and composes the maps of all augmentations that move pixels.
fn map(
    augmentations: &[Augmentation],
    occasion: AugmentationKey,
    example: usize,
    shape: ImageShape,
) -> Option<Map> {
    let maps = augmentations.iter().filter_map(|it| it.map(shape, &mut it.stream(occasion, example)));
    maps.reduce(Map::then)
}

impl Augmentation {
    /// Returns the name of the stream of draws, which must never change.
    fn purpose(self) -> &'static str {
        match self {
            Self::Brightness { .. } => "brightness",
            Self::Contrast { .. } => "contrast",
            Self::Zoom { .. } => "zoom",
            Self::Translation { .. } => "translation",
            Self::Rotation { .. } => "rotation",
            Self::HorizontalFlip => "horizontal flip",
            Self::RandomCrop { .. } => "random crop",
        }
    }

    fn stream(self, occasion: AugmentationKey, example: usize) -> Stream {
        let purpose = format!("augmentation {}", self.purpose());
        random::stream(occasion.seed, &purpose, &[u64::from(occasion.epoch), example as u64])
    }

    /// Whether [`ImageChange`] can express the change. Its map mirrors an image beyond its edges and includes their pixels,
    /// so it has neither of a crop's fills.
    pub(crate) fn can_be_numbers(self) -> bool {
        !matches!(self, Self::RandomCrop { .. })
    }

    /// Draws the map of pixels; `None` for augmentations that have none.
    fn map(self, shape: ImageShape, stream: &mut Stream) -> Option<Map> {
        match self {
            Self::Brightness { .. } | Self::Contrast { .. } | Self::RandomCrop { .. } => None,
            Self::Zoom { largest } => Some(zoom::draw(largest, stream)),
            Self::Translation { largest } => Some(translation::draw(largest, shape, stream)),
            Self::Rotation { largest } => Some(rotation::draw(largest, stream)),
            Self::HorizontalFlip => Some(horizontal_flip::draw(stream)),
        }
    }

    pub(crate) fn problem(self) -> Option<Problem> {
        let (largest, is_allowed, allowed) = match self {
            Self::HorizontalFlip => return None,
            Self::RandomCrop { padding, .. } => return random_crop::problem(padding),
            Self::Brightness { largest } | Self::Contrast { largest } | Self::Translation { largest } => {
                (largest, largest > 0.0 && largest <= 1.0, "at most 1.0")
            }
            Self::Zoom { largest } => (largest, largest > 0.0 && largest < 1.0, "less than 1.0"),
            Self::Rotation { largest } => (largest, largest > 0.0 && largest <= 0.5, "at most 0.5 (turns)"),
        };
        let message = format!("{} got {largest:?}, allowed: more than 0.0, {allowed}", self.purpose());
        (!is_allowed).then_some(Problem { field: "augmentations", message })
    }

    /// Returns the value that is not allowed for images of `shape`.
    pub(crate) fn problem_with(self, shape: ImageShape) -> Option<Problem> {
        match self {
            Self::RandomCrop { padding, .. } => random_crop::problem_with(padding, shape),
            _ => None,
        }
    }
}

/// Draws uniformly from `-largest..largest`.
fn draw_between(largest: f32, stream: &mut Stream) -> f32 {
    (2.0 * uniform(stream) - 1.0) * largest
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: ImageShape = ImageShape { channels: 3, height: 8, width: 6 };
    const IN_NUMBERS: [Augmentation; 6] = [
        Augmentation::Brightness { largest: 0.2 },
        Augmentation::Contrast { largest: 0.1 },
        Augmentation::Zoom { largest: 0.2 },
        Augmentation::Translation { largest: 0.2 },
        Augmentation::Rotation { largest: 0.05 },
        Augmentation::HorizontalFlip,
    ];
    const CROPS: [Augmentation; 2] = [
        Augmentation::RandomCrop { padding: 2, fill: Fill::Zero },
        Augmentation::RandomCrop { padding: 2, fill: Fill::Reflect },
    ];

    fn every() -> impl Iterator<Item = Augmentation> {
        IN_NUMBERS.into_iter().chain(CROPS)
    }

    fn image() -> Vec<f32> {
        (0..SHAPE.pixels()).map(|at| ((at * 53) % 251) as f32).collect()
    }

    fn changed(augmentations: &[Augmentation], seed: u64, epoch: u32, example: usize) -> Vec<f32> {
        let mut image = image();
        augment(augmentations, AugmentationKey { seed, epoch }, example, SHAPE, &mut image);
        image
    }

    #[test]
    fn nothing_changes_without_augmentations() {
        assert_eq!(changed(&[], 1, 2, 3), image());
    }

    #[test]
    fn seed_epoch_and_example_decide_every_kind_of_change_and_nothing_else_does() {
        for augmentation in every() {
            let of = |seed, epoch, example| changed(&[augmentation], seed, epoch, example);
            // A flip has only two results, but of sixteen draws not all are the same.
            for vary in [|n| (n, 1, 1), |n| (1, n as u32, 1), |n| (1, 1, n as usize)] {
                let results = (0..16_u64).map(|n| {
                    let (seed, epoch, example) = vary(n);
                    (of(seed, epoch, example), of(seed, epoch, example))
                });
                let results: Vec<_> = results.collect();
                assert!(results.iter().all(|(one, again)| one == again), "{augmentation:?}");
                assert!(results.iter().any(|(one, _)| *one != results[0].0), "{augmentation:?}");
            }
        }
    }

    #[test]
    fn another_augmentation_leaves_the_draws_of_the_first_alone() {
        let brightness = Augmentation::Brightness { largest: 0.3 };
        let alone = changed(&[brightness], 4, 5, 6);
        let flipped = changed(&[Augmentation::HorizontalFlip, brightness], 4, 5, 6);
        let mut sorted = [alone, flipped];
        sorted.iter_mut().for_each(|image| image.sort_by(f32::total_cmp));
        assert_eq!(sorted[0], sorted[1]);
    }

    #[test]
    fn a_crop_gets_the_image_with_the_changes_before_it_and_gives_its_own_to_those_after_it() {
        let [zero, reflect] = CROPS;
        let brighter = Augmentation::Brightness { largest: 1.0 };
        for list in [
            vec![Augmentation::HorizontalFlip, zero],
            vec![zero, Augmentation::HorizontalFlip],
            vec![
                Augmentation::Rotation { largest: 0.05 },
                brighter,
                zero,
                Augmentation::Zoom { largest: 0.2 },
            ],
            vec![reflect, Augmentation::HorizontalFlip, zero],
        ] {
            for example in 0..20 {
                let occasion = AugmentationKey { seed: 3, epoch: 1 };
                let mut one_by_one = image();
                for augmentation in &list {
                    augment(&[*augmentation], occasion, example, SHAPE, &mut one_by_one);
                }
                assert_eq!(changed(&list, 3, 1, example), one_by_one, "{list:?}");
            }
        }
        // The filled pixels stay black if the brightness changed before, and change with it otherwise.
        let blacks = |list: [Augmentation; 2]| {
            (0..20).flat_map(|example| changed(&list, 3, 1, example)).filter(|pixel| *pixel == 0.0).count()
        };
        assert!(blacks([brighter, zero]) > 20 * 3 * 6 && blacks([zero, brighter]) == 0);
    }

    #[test]
    fn a_change_in_numbers_is_the_change_of_the_image() {
        for example in 0..20 {
            let occasion = AugmentationKey { seed: 5, epoch: 2 };
            let ImageChange { linear, shift, contrast, brightness } =
                change(&IN_NUMBERS, occasion, example, SHAPE);
            let mut applied = image();
            Map { linear, shift }.sample(SHAPE, &mut applied);
            for plane in applied.chunks_exact_mut(SHAPE.plane()) {
                let mean = plane.iter().sum::<f32>() / plane.len() as f32;
                plane.iter_mut().for_each(|pixel| *pixel = contrast * (*pixel - mean) + mean + brightness);
            }
            for (one, other) in applied.iter().zip(changed(&IN_NUMBERS, 5, 2, example)) {
                assert!((one - other).abs() < 1e-3, "{one} {other}");
            }
        }
    }

    /// Golden digest, printed by this code when it was first written. A change here changes every result that uses
    /// augmentation and must increment the numerics revision.
    #[test]
    fn changed_images_are_the_same_on_every_machine_and_in_every_release() {
        let image = changed(&IN_NUMBERS, 42, 7, 1234);
        let bytes: Vec<u8> = image.into_iter().flat_map(f32::to_le_bytes).collect();
        insta::assert_snapshot!(&blake3::hash(&bytes).to_hex()[..16], @"3624dc65f9ee0ec4");
        let with_crops = [&CROPS[..1], &IN_NUMBERS, &CROPS[1..]].concat();
        let bytes: Vec<u8> =
            changed(&with_crops, 42, 7, 1234).into_iter().flat_map(f32::to_le_bytes).collect();
        insta::assert_snapshot!(&blake3::hash(&bytes).to_hex()[..16], @"4d9932885c7d0b0f");
    }

    #[test]
    fn settings_are_written_as_in_the_documentation_and_default_to_the_predecessor_s() {
        let text =
            "[Brightness(), Contrast(), Zoom(), Translation(), Rotation(largest: 0.1), HorizontalFlip]";
        let read: Vec<Augmentation> = ron::from_str(text).expect("it is written as documented");
        let largest = Augmentation::Rotation { largest: 0.1 };
        assert_eq!(read, [&IN_NUMBERS[..4], &[largest, Augmentation::HorizontalFlip]].concat());
        assert!(ron::from_str::<Augmentation>("Zoom(larges: 0.1)").is_err());
        let text = "[RandomCrop(padding: 2), RandomCrop(padding: 2, fill: Reflect)]";
        assert_eq!(ron::from_str::<Vec<Augmentation>>(text).expect("it is written as documented"), CROPS);
        assert!(ron::from_str::<Augmentation>("RandomCrop()").is_err(), "a padding must be given");
    }

    #[test]
    fn shares_that_make_no_sense_are_problems() {
        let message = |it: Augmentation| it.problem().map(|problem| problem.message);
        assert!(every().all(|augmentation| message(augmentation).is_none()));
        insta::assert_snapshot!(
            message(Augmentation::Zoom { largest: 1.0 }).expect("it shows nothing"),
            @"zoom got 1.0, allowed: more than 0.0, less than 1.0"
        );
        assert!(message(Augmentation::Brightness { largest: f32::NAN }).is_some());
    }
}
