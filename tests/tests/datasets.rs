//! The description and the split of a dataset, as text files.

use std::fs;

use tests::{Bench, SMALL_PIPELINE as PIPELINE};

#[test]
fn a_dataset_lists_its_split_and_two_machines_list_the_same() {
    let [one, other] = [Bench::new(2, 1), Bench::new(1, 1)];
    let stated = |bench: &Bench, pipeline: &str| {
        bench.run(pipeline);
        let read = |name: &str| {
            fs::read_to_string(bench.path("runs/small/images").join(name)).expect("it is in the artifact")
        };
        [read("dataset.ron"), read("split.ron")]
    };
    let [description, split] = stated(&one, PIPELINE);
    assert!(
        description.contains(
            "validation: (\n        images: 40,\n        per_class: [4, 4, 4, 4, 4, 4, 4, 4, 4, 4],\n    )"
        ),
        "{description}"
    );
    assert!(split.contains("of: \"the official test part\",\n        images: \"0-49\""), "{split}");
    assert_eq!(stated(&other, PIPELINE), [description.clone(), split.clone()]);
    let other_seed = PIPELINE.replace("holdout: 0.2", "holdout: 0.2, split_seed: 1");
    let [same_counts, other_split] = stated(&other, &other_seed);
    assert!(same_counts == description && other_split != split);
}
