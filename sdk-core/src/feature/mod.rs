//! Features: what messages mean. Each builds its payloads and reads its replies; none names a transport.

pub(crate) mod activation;
pub(crate) mod command;
pub(crate) mod envelope;
pub(crate) mod login;
pub(crate) mod measure;
pub(crate) mod tag;
