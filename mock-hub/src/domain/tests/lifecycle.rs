//! The states of a device and every way from one to another, right and wrong (`docs-model.md` §3).

use super::*;
use crate::domain::device::Device;

/// What is done to a device; the connection of the device is part of the story.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// A login with the device secret.
    Login,
    /// A login with the product secret, confirmed by the device.
    Activate,
    Leave,
    Enable,
    Disable,
    Replace,
    Delete,
}

/// The device of a product that allows dynamic activation.
const PRODUCT: &str = "Dy5nA8Mt";

struct Story {
    world: World,
    device: Arc<Device>,
    player: Option<Player>,
    made: u32,
}

impl Story {
    fn new() -> Self {
        let world = World::example();
        let device = world.cloud.store.device(&DeviceId::new(PRODUCT, "new-1")).unwrap();
        Self { world, device, player: None, made: 0 }
    }

    /// Does it; gives what came of it: the state after it, or the code.
    fn act(&mut self, act: Act) -> Result<&'static str, u32> {
        let cloud = self.world.cloud.clone();
        let id = self.device.id.clone();
        let wrong = |_| 11794_u32;
        // As in the REST calls: the device is looked up by its keys first.
        let known = cloud.store.device(&id).ok_or(99404_u32);
        let sign_in = |mode, secret: &str| {
            let connect = Connect::signed(&id.product_key, &id.device_key, mode, secret);
            self.world.sign_in(&connect).map_err(|refused| refused.code)
        };
        match act {
            Act::Login => {
                let who = sign_in(2, self.device.secret.expose())?;
                self.player = Some(self.world.on_a_line(who));
            }
            Act::Activate => {
                let who = sign_in(3, "PsEcret03")?;
                let player = self.world.on_a_line(who);
                let topic = format!("/ext/session/{PRODUCT}/{}/thing/activate/info_reply", id.device_key);
                cloud.message(&player.who, &topic, br#"{"id":"1","code":200}"#, 1);
                self.player = Some(player);
            }
            Act::Leave => self.player.take().unwrap().leave(),
            Act::Enable => cloud.enable_device(&*known?).map_err(wrong)?,
            Act::Disable => cloud.disable_device(&*known?).map_err(wrong)?,
            Act::Replace => {
                self.made += 1;
                let key = format!("next-{}", self.made);
                let next = cloud.replace_device(&*known?, &key).map_err(|fault| fault.code)?;
                self.device = next;
            }
            Act::Delete => cloud.delete_device(&*known?),
        }
        // Whoever is told to end, ends.
        if self.player.as_ref().is_some_and(Player::is_cut) {
            self.player.take().unwrap().leave();
        }
        Ok(cloud.store.device(&self.device.id).map_or("gone", |device| device.state().status().name()))
    }
}

// Proves: MODEL-3-1 MODEL-3-3
#[test]
fn every_transition_leads_where_the_documents_say() {
    use Act::*;
    type Outcome = Result<&'static str, u32>;
    // Rows: how a state is reached. Columns: what follows from each act there.
    let acts = [Login, Activate, Enable, Disable, Replace, Delete];
    let table: [(&str, &[Act], &str, [Outcome; 6]); 8] = [
        (
            "new",
            &[],
            "inactive",
            [Ok("online"), Ok("online"), Err(11794), Ok("disabled"), Ok("inactive"), Ok("gone")],
        ),
        (
            "online",
            &[Login],
            "online",
            [Ok("online"), Err(771), Err(11794), Ok("disabled"), Ok("inactive"), Ok("gone")],
        ),
        (
            "activated",
            &[Activate],
            "online",
            [Ok("online"), Err(771), Err(11794), Ok("disabled"), Ok("inactive"), Ok("gone")],
        ),
        (
            "offline",
            &[Login, Leave],
            "offline",
            [Ok("online"), Err(771), Err(11794), Ok("disabled"), Ok("inactive"), Ok("gone")],
        ),
        (
            "disabled before it was active",
            &[Disable],
            "disabled",
            [Err(723), Err(723), Ok("inactive"), Err(11794), Ok("inactive"), Ok("gone")],
        ),
        (
            "disabled while online",
            &[Login, Disable],
            "disabled",
            [Err(723), Err(723), Ok("offline"), Err(11794), Ok("inactive"), Ok("gone")],
        ),
        (
            "replaced",
            &[Login, Replace],
            "inactive",
            [Ok("online"), Ok("online"), Err(11794), Ok("disabled"), Ok("inactive"), Ok("gone")],
        ),
        (
            "deleted",
            &[Login, Delete],
            "gone",
            [Err(705), Err(705), Err(99404), Err(99404), Err(99404), Err(99404)],
        ),
    ];
    for (name, way, state, outcomes) in table {
        for (act, expected) in acts.into_iter().zip(outcomes) {
            let mut story = Story::new();
            let mut reached = Ok("inactive");
            for step in way {
                reached = story.act(*step);
            }
            assert_eq!(reached, Ok(state), "{name}");
            assert_eq!(story.act(act), expected, "{name}, then {act:?}");
        }
    }
}

// Proves: MODEL-3-2
#[test]
fn who_is_disabled_replaced_or_deleted_is_cut_and_told_why() {
    for (act, reason) in [
        (Act::Disable, "the device was disabled"),
        (Act::Replace, "the device was replaced"),
        (Act::Delete, "the device was deleted"),
    ] {
        let mut story = Story::new();
        story.act(Act::Login).unwrap();
        let player = story.player.take().unwrap();
        story.act(act).unwrap();
        assert_eq!(player.news(), Err(reason.to_owned()));
        // What it still sends before it is gone is refused.
        let topic = format!("/sys/{PRODUCT}/new-1/thing/measurepoint/post");
        let payload = br#"{"id":"1","params":{"measurepoints":{"temp":1}}}"#;
        let code = reply(&story.world.cloud.message(&player.who, &topic, payload, 1))["code"].clone();
        assert_eq!(code, if matches!(act, Act::Disable) { 723 } else { 705 });
    }
}

// Proves: MODEL-3-4
#[test]
fn a_login_that_crosses_a_disable_or_delete_does_not_stay() {
    for (act, code) in [(Act::Disable, 723), (Act::Replace, 705), (Act::Delete, 705)] {
        let mut story = Story::new();
        let connect = Connect::signed(PRODUCT, "new-1", 2, story.device.secret.expose());
        let who = story.world.sign_in(&connect).unwrap();
        story.act(act).unwrap();
        // The transport only now brings the connection up.
        let player = story.world.on_a_line(who);
        assert!(player.news().is_err(), "{act:?}");
        player.leave();
        assert_eq!(story.world.sign_in(&connect).unwrap_err().code, code, "{act:?}");
    }
}

// Proves: MODEL-3-5
#[test]
fn a_replaced_device_keeps_asset_points_and_waiting_commands() {
    let mut story = Story::new();
    story.act(Act::Login).unwrap();
    let asset_id = story.device.asset_id.clone();
    let secret = story.device.secret.expose().to_owned();
    let old = story.device.clone();
    let topic = format!("/sys/{PRODUCT}/new-1/thing/measurepoint/post");
    let payload = br#"{"id":"1","params":{"measurepoints":{"temp":21.5},"time":5}}"#;
    story.world.cloud.message(&story.player.as_ref().unwrap().who, &topic, payload, 1);
    let command = |pending_ttl_s| crate::domain::NewCommand {
        kind: crate::domain::CommandKind::Service,
        identifier: "reboot".into(),
        name: crate::domain::names::I18n::or_default(None, "reboot"),
        params: json!({}),
        timeout_s: 30,
        pending_ttl_s,
    };
    let (sent, _) = story.world.cloud.give_command(&old, command(60)).unwrap();
    let (waiting, _) = story.world.cloud.give_command(&old, command(60)).unwrap();
    story.act(Act::Replace).unwrap();
    let new = story.device.clone();
    assert_eq!((&new.asset_id, &*new.id.device_key), (&asset_id, "next-1"));
    assert_ne!(new.secret.expose(), secret);
    assert_eq!(story.world.cloud.store.read(|directory| directory.assets[&asset_id].clone()), new.id);
    assert_eq!(new.state().points.latest(&new.product.model).count(), 1);
    let state = |id| story.world.cloud.look_at_command(&new, id, |command| command.progress as u8).unwrap();
    assert_eq!((state(sent), state(waiting)), (6, 1));
    // The old key and the old secret open nothing; the new ones bring the command.
    assert_eq!(story.world.sign_in(&Connect::signed(PRODUCT, "new-1", 2, &secret)).unwrap_err().code, 705);
    assert_eq!(story.world.sign_in(&Connect::signed(PRODUCT, "next-1", 2, &secret)).unwrap_err().code, 742);
    story.act(Act::Login).unwrap();
    assert_eq!(story.player.as_ref().unwrap().commands(), [waiting]);
    // A key in use is refused, and so is the device's own.
    let replace =
        |device: &Device, key: &str| story.world.cloud.replace_device(device, key).err().map(|f| f.code);
    assert_eq!(replace(&new, "next-1"), Some(11704));
    assert_eq!(replace(&new, "a/b"), Some(99400));
    assert_eq!(replace(&old, "next-2"), Some(99404));
    story.world.cloud.replace_device(&new, "next-2").unwrap();
    let last = story.world.cloud.store.device(&DeviceId::new(PRODUCT, "next-2")).unwrap();
    let spec = serde_json::from_value(json!({"productKey": PRODUCT, "deviceKey": "taken"})).unwrap();
    story.world.cloud.create_device(spec).ok().unwrap();
    assert_eq!(replace(&last, "taken"), Some(11702));
}

#[test]
fn deleting_a_device_ends_its_commands_and_a_new_one_of_the_same_keys_starts_empty() {
    let mut story = Story::new();
    let give = |device: &Device| {
        let new = crate::domain::NewCommand {
            kind: crate::domain::CommandKind::Service,
            identifier: "reboot".into(),
            name: crate::domain::names::I18n::or_default(None, "reboot"),
            params: json!({}),
            timeout_s: 30,
            pending_ttl_s: 60,
        };
        story.world.cloud.give_command(device, new)
    };
    let (id, heard) = give(&story.device).unwrap();
    let old = story.device.clone();
    story.world.cloud.delete_device(&old);
    assert!(*heard.borrow());
    assert_eq!(story.world.cloud.look_at_command(&old, id, |command| command.progress as u8), Some(6));
    assert_eq!(give(&old).unwrap_err().code, 99404);
    let spec = serde_json::from_value(json!({"productKey": PRODUCT, "deviceKey": "new-1"})).unwrap();
    story.device = story.world.cloud.create_device(spec).ok().unwrap();
    assert_eq!(story.world.cloud.look_at_command(&story.device, id, |_| ()), None);
    assert_eq!(story.act(Act::Login), Ok("online"));
    assert!(story.player.unwrap().commands().is_empty());
}
