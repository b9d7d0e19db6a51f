//! All calls to the operating system that are not plain std sockets and threads, one file for each subject.

pub(crate) mod clock;
pub(crate) mod entropy;
pub(crate) mod files;
pub(crate) mod lookup;
pub(crate) mod process;
pub(crate) mod socket;
pub(crate) mod thread;
