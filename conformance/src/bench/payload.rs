//! The messages that every peer sends and answers: same topics, same points, same size.

/// The product key of every benchmark device.
pub const PRODUCT_KEY: &str = "Tq4zR9Lw";

/// The service that benchmark commands invoke.
pub const SERVICE: &str = "reboot";

/// The four points of a post, as JSON and in the order in which they are sent.
pub const POINTS: &str = r#"{"temp":21.5,"speed":1234,"power":1530.25,"state":"running"}"#;

/// The time of each post, in milliseconds since 1970.
pub const TIME_MS: u64 = 1_782_000_000_000;

/// The topic of a post of that device.
pub fn post_topic(device_key: &str) -> String {
    format!("/sys/{PRODUCT_KEY}/{device_key}/thing/measurepoint/post")
}

/// A post with its id pasted in.
pub fn post(id: u32) -> String {
    format!(r#"{{"id":"{id}{}"#, post_rest())
}

/// What stands behind the id in a post.
pub fn post_rest() -> String {
    format!(
        r#"","version":"1.0","method":"thing.measurepoint.post","params":{{"measurepoints":{POINTS},"time":{TIME_MS}}}}}"#
    )
}

/// The topic on which a device is told to run the service.
pub fn command_topic(product_key: &str, device_key: &str) -> String {
    format!("/sys/{product_key}/{device_key}/thing/service/{SERVICE}")
}

/// A command with its id pasted in.
pub fn command(id: u32) -> String {
    format!(r#"{{"id":"{id}","version":"1.0","method":"thing.service.{SERVICE}","params":{{"delay":5}}}}"#)
}

/// An answer of code 200 with its id pasted in: by the responder to a post, by a device to a command.
pub fn answer(id: &str) -> String {
    format!(r#"{{"id":"{id}","code":200,"data":""}}"#)
}

/// The text of the first `"id"` of a message, found without parsing the rest. Some clients write a space before it.
pub fn id_of(message: &[u8]) -> Option<&str> {
    const KEY: &[u8] = b"\"id\":";
    let start = message.windows(KEY.len()).position(|part| part == KEY)? + KEY.len();
    let rest = message.get(start..)?.trim_ascii_start().strip_prefix(b"\"")?;
    let end = rest.iter().position(|&byte| byte == b'"')?;
    std::str::from_utf8(rest.get(..end)?).ok()
}

/// Whether an answer says 200, found without parsing the rest.
pub fn is_success(message: &[u8]) -> bool {
    const CODE: &[u8] = b"\"code\":200";
    message.windows(CODE.len()).any(|part| part == CODE)
}

/// The device key that makes the responder push that many commands, at most `window` of them unanswered.
pub fn commanded_device(commands: u32, window: u16) -> String {
    format!("cmd-{commands}-{window}")
}

/// Reads number and window back from a client id that starts with [`commanded_device`].
pub fn commands_wanted(client_id: &str) -> Option<(u32, u16)> {
    let key = client_id.split('|').next()?;
    let (commands, window) = key.strip_prefix("cmd-")?.split_once('-')?;
    Some((commands.parse().ok()?, window.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_post_is_json_of_the_agreed_size() {
        let text = post(123_456);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["params"]["measurepoints"].as_object().unwrap().len(), 4);
        assert!((150..=190).contains(&text.len()), "{} bytes", text.len());
    }

    #[test]
    fn ids_are_found() {
        assert_eq!(id_of(post(7).as_bytes()), Some("7"));
        assert_eq!(id_of(answer("8").as_bytes()), Some("8"));
        assert_eq!(id_of(b"{\"id\": \"9\"}"), Some("9"));
        assert_eq!(id_of(b"{\"id\":\"9"), None);
        assert_eq!(id_of(b""), None);
        assert!(is_success(answer("8").as_bytes()));
        assert!(!is_success(br#"{"id":"200","code":1204}"#));
    }

    #[test]
    fn a_client_id_says_how_many_commands() {
        assert_eq!(commands_wanted(&commanded_device(20, 3)), Some((20, 3)));
        assert_eq!(commands_wanted("cmd-20-3|securemode=2|"), Some((20, 3)));
        assert_eq!(commands_wanted("cmd-20"), None);
        assert_eq!(commands_wanted("cmd-20-99999"), None);
        assert_eq!(commands_wanted("t-1"), None);
    }
}
