//! Tests of every source, of damaged files, and of the official files.

mod contract;
mod damage;
mod decoded_files;
mod jpeg;
mod mutations;
mod official_files;
mod own_arrays;
mod pictures;
mod samples;
mod warnings;
