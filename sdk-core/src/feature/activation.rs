//! Dynamic activation (`auth.md` §3): the device receives its own secret once, stores it, and only then says so.
//!
//! It cannot brick: mode 3 is left only after the secret is stored. Until the hub has seen the answer, or a mode 2
//! sign-in, it gives the same secret again.

use super::envelope::{self, BadEnvelope, MAX_COMMAND_ID};
use super::login::{MAX_DEVICE_KEY, MAX_PRODUCT_KEY};
use crate::topic::{self, Kind};
use crate::wire::Full;

/// The longest secret that a hub may give, in bytes.
pub(crate) const MAX_SECRET: usize = 128;

/// First and longest pause before storing is tried again, in milliseconds.
const STORE_PAUSE: (u32, u32) = (1_000, 64_000);

/// Where an activation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// There is a device secret: sign in with it.
    Done,
    /// Sign in with the product secret and wait for the device's own.
    Needed,
    /// The secret is here; the driver is to be asked to store it.
    Received,
    /// The driver was asked.
    Storing,
    /// Storing failed; ask again then.
    RetryAt(u64),
}

/// The state of one activation.
pub(crate) struct Activation {
    step: Step,
    pause: u32,
    /// The id of the newest activation message; the answer carries it.
    id: [u8; MAX_COMMAND_ID],
    id_len: u8,
}

/// What the driver's answer to `Store` leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreResult {
    /// Stored: say so and sign in with it.
    Activated,
    /// The next try follows after so many milliseconds.
    RetryIn(u32),
    /// Nobody had asked.
    Unasked,
}

impl Activation {
    pub(crate) fn new(needed: bool) -> Self {
        let step = if needed { Step::Needed } else { Step::Done };
        Self { step, pause: STORE_PAUSE.0, id: [0; MAX_COMMAND_ID], id_len: 0 }
    }

    /// Whether the next sign-in is one with the product secret.
    pub(crate) fn is_open(&self) -> bool {
        self.step != Step::Done
    }

    /// Whether the hub's message is still to come.
    pub(crate) fn waits_for_hub(&self) -> bool {
        self.step == Step::Needed
    }

    /// Takes an activation message. Copies the secret into `secret` unless one is here already; its length is
    /// returned then. While a secret is being stored, a second message only replaces the id to answer to.
    pub(crate) fn on_message(
        &mut self,
        payload: &[u8],
        (product_key, device_key): (&str, &str),
        secret: &mut [u8],
    ) -> Result<Option<usize>, BadEnvelope> {
        let command = envelope::command(payload)?;
        let (mut theirs, mut ours) = (None, true);
        let mut members = command.params.members()?;
        while let Some((key, value)) = members.next()? {
            match key.raw() {
                "deviceSecret" => theirs = value.as_text(),
                "productKey" => ours &= value.as_text().is_some_and(|text| text.eq_str(product_key)),
                "deviceKey" => ours &= value.as_text().is_some_and(|text| text.eq_str(device_key)),
                _ => {}
            }
        }
        let theirs = theirs.filter(|text| ours && !text.raw().is_empty()).ok_or(BadEnvelope::Member)?;
        let id = command.id.as_bytes();
        self.id.get_mut(..id.len()).ok_or(BadEnvelope::Member)?.copy_from_slice(id);
        let len = match self.step {
            Step::Needed => {
                let len = theirs.unescape(secret).map_err(|_| BadEnvelope::Member)?;
                self.step = Step::Received;
                Some(len)
            }
            _ => None,
        };
        self.id_len = id.len() as u8;
        Ok(len)
    }

    /// Whether the driver is to be asked to store the secret now; then it has been asked.
    pub(crate) fn ask(&mut self, now: u64) -> bool {
        let due = match self.step {
            Step::Received => true,
            Step::RetryAt(at) => now >= at,
            _ => false,
        };
        if due {
            self.step = Step::Storing;
        }
        due
    }

    /// The driver has answered.
    pub(crate) fn on_stored(&mut self, now: u64, stored: bool) -> StoreResult {
        match (self.step, stored) {
            (Step::Storing, true) => {
                self.step = Step::Done;
                StoreResult::Activated
            }
            (Step::Storing, false) => {
                let pause = self.pause;
                self.pause = pause.saturating_mul(2).min(STORE_PAUSE.1);
                self.step = Step::RetryAt(now + u64::from(pause));
                StoreResult::RetryIn(pause)
            }
            _ => StoreResult::Unasked,
        }
    }

    pub(crate) fn deadline(&self) -> Option<u64> {
        match self.step {
            Step::RetryAt(at) => Some(at),
            _ => None,
        }
    }

    /// Writes the answer that tells the hub that the secret is stored.
    pub(crate) fn write_answer(
        &self,
        room: &mut [u8],
        (product_key, device_key): (&str, &str),
    ) -> Result<(usize, usize), Full> {
        let id = self.id.get(..usize::from(self.id_len)).ok_or(Full)?;
        envelope::message(
            room,
            |w| topic::write_reply(w, product_key, device_key, Kind::ActivateInfo),
            |w| envelope::answer(w, id, 200, "", |w| w.raw(b"{}")),
        )
    }
}

/// Room that the answer takes at the most.
pub(crate) const ANSWER_ROOM: usize = MAX_PRODUCT_KEY + MAX_DEVICE_KEY + 128;

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    const MESSAGE: &[u8] = br#"{"id":"90000000001","version":"1.0","method":"thing.activate.info","params":{"assetId":"a","productKey":"pk","deviceKey":"dk","deviceSecret":"s\u0041"}}"#;

    // Proves: AUTH-3-3
    #[test]
    fn stores_before_it_answers_and_keeps_the_first_secret() {
        let mut activation = Activation::new(true);
        let mut secret = [0; 8];
        assert!(activation.waits_for_hub());
        assert_eq!(activation.on_message(MESSAGE, ("pk", "dk"), &mut secret), Ok(Some(2)));
        assert!(!activation.waits_for_hub());
        assert_eq!(&secret[..2], b"sA");
        assert!(activation.is_open() && activation.ask(0) && !activation.ask(0));
        assert_eq!(activation.on_message(MESSAGE, ("pk", "dk"), &mut secret), Ok(None));
        assert_eq!(activation.on_stored(0, false), StoreResult::RetryIn(1_000));
        assert!(!activation.ask(999) && activation.ask(1_000));
        assert_eq!(activation.on_stored(1_000, false), StoreResult::RetryIn(2_000));
        assert!(activation.ask(3_000) && activation.is_open());
        assert_eq!(activation.on_stored(3_000, true), StoreResult::Activated);
        assert!(!activation.is_open());
        assert_eq!(activation.on_stored(3_000, true), StoreResult::Unasked);
    }

    // Proves: AUTH-3-4
    #[test]
    fn a_message_for_somebody_else_or_without_a_secret_is_refused() {
        for (pk, dk, payload) in [
            ("pk", "other", MESSAGE),
            ("other", "dk", MESSAGE),
            ("pk", "dk", br#"{"id":"1","params":{"deviceSecret":""}}"#),
            ("pk", "dk", br#"{"id":"1","params":{}}"#),
            ("pk", "dk", br#"{"id":"1","params":{"deviceSecret":"much too long"}}"#),
            ("pk", "dk", br#"{"id":"12345678901234567890123456789012","params":{"deviceSecret":"s"}}"#),
            ("pk", "dk", b"nonsense"),
        ] {
            let mut activation = Activation::new(true);
            assert!(activation.on_message(payload, (pk, dk), &mut [0; 8]).is_err());
            assert!(activation.waits_for_hub());
        }
    }

    #[test]
    fn the_longest_answer_has_its_room() {
        let (product_key, device_key) = ("p".repeat(MAX_PRODUCT_KEY), "d".repeat(MAX_DEVICE_KEY));
        let id = "9".repeat(MAX_COMMAND_ID);
        let message = std::format!(
            r#"{{"id":"{id}","params":{{"productKey":"{product_key}","deviceKey":"{device_key}","deviceSecret":"s"}}}}"#
        );
        let mut activation = Activation::new(true);
        let keys = (&*product_key, &*device_key);
        assert_eq!(activation.on_message(message.as_bytes(), keys, &mut [0; 8]), Ok(Some(1)));
        let mut room = [0; ANSWER_ROOM];
        let (topic, payload) = activation.write_answer(&mut room, keys).expect("it fits");
        let wanted = std::format!(
            r#"/ext/session/{product_key}/{device_key}/thing/activate/info_reply{{"id":"{id}","code":200,"data":{{}}}}"#
        );
        assert_eq!(&room[..topic + payload], wanted.as_bytes());
    }
}
