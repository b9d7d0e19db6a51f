//! The grammar of a client's life (`style.md` §8), held against all that a driver told, whatever a scenario asked for.

/// Checks the steps of one client, in order, by their names: each `connecting` is followed by exactly one `online` or
/// `connect_failed`, each `online` by exactly one `offline`; `closed` is last.
pub(super) fn check<'s>(steps: impl IntoIterator<Item = &'s str>) -> Result<(), String> {
    #[derive(Clone, Copy, PartialEq)]
    enum At {
        Rest,
        Connecting,
        Online,
        Closed,
    }
    let mut at = At::Rest;
    for (place, step) in steps.into_iter().enumerate() {
        at = match (at, step) {
            (At::Rest, "connecting") => At::Connecting,
            (At::Connecting, "activated") => At::Connecting,
            (At::Connecting, "online") => At::Online,
            (At::Connecting, "connect_failed") => At::Rest,
            (At::Online, "offline") => At::Rest,
            (At::Rest, "closed") => At::Closed,
            _ => {
                return Err(format!(
                    "step {} of a client's life, `{step}`, does not follow the one before",
                    place + 1
                ));
            }
        };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn lives_are_told_apart() {
        for good in [
            "",
            "connecting online offline closed",
            "connecting connect_failed connecting activated online offline connecting connect_failed closed",
            "closed",
        ] {
            assert_eq!(check(good.split_whitespace()), Ok(()), "{good}");
        }
        for bad in [
            "online",
            "connecting connecting",
            "connecting online online",
            "connecting online connecting",
            "connecting online closed",
            "connecting closed",
            "closed connecting",
            "connecting connect_failed offline",
            "connecting online offline offline",
            "something",
        ] {
            assert!(check(bad.split_whitespace()).is_err(), "{bad}");
        }
    }
}
