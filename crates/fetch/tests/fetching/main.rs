//! Fetching from servers that fail, of archives that are not what they should be, and onto disks that are full.

mod archives;
mod mutations;
mod official;
mod processes;
mod samples;
mod server;
mod servers;
