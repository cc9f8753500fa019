//! Fetching from servers that fail, of archives that cannot be unpacked, and onto disks that are full.

mod archives;
mod official;
mod processes;
mod samples;
mod server;
mod servers;
