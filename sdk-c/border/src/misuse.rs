//! What only C can get wrong, kept without a text until somebody asks for one.

use core::fmt;
use enos_core::ErrorKind;

/// A wrong argument, named as the header names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misuse {
    /// A pointer that is needed is NULL.
    Null(&'static str),
    /// An array or a text is NULL, but its length is not 0.
    NullOf(&'static str),
    /// A pointer is not aligned for its type.
    Aligned(&'static str),
    /// A length that no memory has.
    Length(&'static str),
    /// A text is no UTF-8: the first byte that is wrong.
    Utf8(&'static str, u32),
    /// A number is none that the argument takes.
    Number(&'static str),
    /// A value's type is none.
    Type(i32),
    /// A value's quality is none.
    Quality(i32),
    /// It points into the engine's own memory: to what an output lent.
    Lent(&'static str),
    /// More points, items and fields in one call than there is room for.
    Values,
    /// A struct was not made ready by its `_init`, or is of another version.
    Size(&'static str),
}

impl Misuse {
    /// What is wrong, without how.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Null(name)
            | Self::NullOf(name)
            | Self::Aligned(name)
            | Self::Length(name)
            | Self::Utf8(name, _)
            | Self::Number(name)
            | Self::Lent(name)
            | Self::Size(name) => name,
            Self::Type(_) => "type",
            Self::Quality(_) => "quality",
            Self::Values => "points",
        }
    }

    /// Its kind in the error table.
    pub const fn kind(self) -> ErrorKind {
        match self {
            Self::Values => ErrorKind::PayloadTooLarge,
            _ => ErrorKind::InvalidArgument,
        }
    }
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Utf8(name, at) => {
                return write!(f, "{name} is no UTF-8: byte {at} is wrong. Convert the text.");
            }
            Self::Type(number) => return write!(f, "the value's type {number} is none. Use ENOS_TYPE_…."),
            Self::Quality(number) => {
                return write!(f, "the quality {number} does not fit. Give -1 for none, or 0 to 255.");
            }
            _ => {}
        }
        f.write_str(self.name())?;
        f.write_str(match self {
            Self::Null(_) => " is NULL. Give it.",
            Self::NullOf(_) => " is NULL, but its length is not 0. Give both.",
            Self::Aligned(_) => " is not aligned. Pass it as it was declared.",
            Self::Length(_) => " has a length that no memory holds. Correct it.",
            Self::Lent(_) => " points to what the engine lent, which the call may overwrite. Pass a copy.",
            Self::Values => ", items and fields are more than limit_values. Split the message, or raise it.",
            Self::Size(_) => " was not made ready. Call its _init function first.",
            _ => " is none of what the header names for it. Correct it.",
        })
    }
}
