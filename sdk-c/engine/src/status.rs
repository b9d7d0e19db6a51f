//! The number that every call gives, and what is kept of a refusal for those who ask for the text.

use core::fmt;
use enos_core::engine::{RequestError, Warning};
use enos_core::{Error, ErrorKind};

/// What a call came to: `ENOS_OK`, or one of `ENOS_ERR_…`. The numbers are stable, and the same in every language.
pub type enos_status_t = i32;

/// It went well.
pub const ENOS_OK: enos_status_t = 0;

pub(crate) fn status_of(kind: ErrorKind) -> enos_status_t {
    i32::from(kind.number())
}

/// What only C can get wrong: named by the argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misuse {
    /// A pointer that is needed is NULL.
    Null(&'static str),
    /// A pointer is not aligned for its type.
    Aligned(&'static str),
    /// A length that no memory has.
    Length(&'static str),
    /// A text is no UTF-8.
    Utf8(&'static str),
    /// A number is none that the argument takes.
    Number(&'static str),
    /// It points into the engine's own memory: to what an output lent.
    Lent(&'static str),
    /// More points, items and fields in one call than `limit_values`.
    Values,
    /// A struct was not made ready by its `_init`, or is of another version.
    Size(&'static str),
}

impl Misuse {
    /// What is wrong, without how.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Null(name)
            | Self::Aligned(name)
            | Self::Length(name)
            | Self::Utf8(name)
            | Self::Number(name)
            | Self::Lent(name)
            | Self::Size(name) => name,
            Self::Values => "points",
        }
    }

    pub(crate) const fn kind(self) -> ErrorKind {
        match self {
            Self::Values => ErrorKind::PayloadTooLarge,
            _ => ErrorKind::InvalidArgument,
        }
    }
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::Null(_) => " is NULL. Give it.",
            Self::Aligned(_) => " is not aligned. Pass it as it was declared.",
            Self::Length(_) => " has a length that no memory holds. Correct it.",
            Self::Utf8(_) => " is no UTF-8. Convert the text.",
            Self::Number(_) => " is none of what the header names for it. Correct it.",
            Self::Lent(_) => " points to what the engine lent, which the call may overwrite. Pass a copy.",
            Self::Values => ", items and fields are more than limit_values. Split the message, or raise it.",
            Self::Size(_) => " was not made ready. Call its _init function first.",
        };
        f.write_str(self.name())?;
        f.write_str(what)
    }
}

/// The last thing that went wrong, as it was told.
#[derive(Clone, Copy)]
pub(crate) enum Last {
    Nothing,
    Misuse(Misuse),
    Request(RequestError),
    Error(Error),
    Warning(Warning),
}
