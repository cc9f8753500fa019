//! What the crate promises about every source, about broken files, and about the real ones.

mod contract;
mod damage;
mod decoded_files;
mod mutations;
mod official_files;
mod own_arrays;
mod pictures;
mod samples;
