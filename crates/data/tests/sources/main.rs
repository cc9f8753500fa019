//! What the crate promises about every source, about broken files, and about the real ones.

mod contract;
mod damage;
mod official_files;
mod samples;
