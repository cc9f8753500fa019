//! What fetching does with servers that fail, archives that lie, and disks that are full.

mod archives;
mod mutations;
mod official;
mod processes;
mod samples;
mod server;
mod servers;
