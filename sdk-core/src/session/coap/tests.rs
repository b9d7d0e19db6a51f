//! The session alone, against datagrams made by hand.
