//! Captured sessions, as their files hold them.

use std::path::Path;

use serde::Deserialize;

/// One client's session.
#[derive(Debug, Deserialize)]
pub(crate) struct Session {
    sdk: String,
    session: String,
    pub(crate) events: Vec<Event>,
}

impl Session {
    /// Whose and what it is.
    pub(crate) fn name(&self) -> String {
        format!("{}: {}", self.sdk, self.session)
    }
}

/// What the recording broker saw or did.
#[derive(Debug, Deserialize)]
#[serde(tag = "ev", rename_all = "UPPERCASE")]
pub(crate) enum Event {
    #[serde(rename_all = "camelCase")]
    Connect {
        flags: u8,
        keepalive: u16,
        client_id: String,
        username: String,
        password: String,
        /// The protocol level, 4 unless it says 3.
        #[serde(default = "level_4")]
        level: u8,
    },
    Subscribe {
        filters: Vec<(String, u8)>,
    },
    Unsubscribe {
        filters: Vec<String>,
    },
    Publish {
        topic: String,
        qos: u8,
        #[serde(flatten)]
        payload: Payload,
    },
    /// The broker sent a message to the client.
    Send {
        topic: String,
        #[serde(flatten)]
        payload: Payload,
    },
    /// The broker broke the connection.
    Kick,
    Disconnect,
    Closed,
}

fn level_4() -> u8 {
    4
}

/// Text, or bytes as hexadecimal digits.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Payload {
    payload: Option<String>,
    payload_hex: Option<String>,
}

impl Payload {
    /// The text, if it is one.
    pub(crate) fn text(&self) -> Option<&str> {
        self.payload.as_deref()
    }

    /// What goes over the wire.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match (&self.payload, &self.payload_hex) {
            (Some(text), _) => text.clone().into_bytes(),
            (None, hex) => hex
                .as_deref()
                .unwrap_or_default()
                .as_bytes()
                .chunks(2)
                .map(|pair| {
                    let digits = std::str::from_utf8(pair).expect("hexadecimal digits");
                    u8::from_str_radix(digits, 16).expect("hexadecimal digits")
                })
                .collect(),
        }
    }
}

/// The sessions of a file.
pub(crate) fn load(path: &Path) -> Vec<Session> {
    #[derive(Deserialize)]
    struct File {
        sessions: Vec<Session>,
    }
    let text = std::fs::read_to_string(path).expect("the captures");
    serde_json::from_str::<File>(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())).sessions
}
