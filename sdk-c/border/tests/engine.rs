//! The exports called as C calls them, in one process and without a compiler: what Miri can run of the border.
//!
//! `cargo +nightly miri test` of this file finds a reference that two owners hold, a read of what was never written, and a
//! pointer outside of its block, where valgrind and the sanitizers see memory only.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use enos_engine::*;
use std::mem::MaybeUninit;
use std::ptr::{null, null_mut};

const NOW: enos_engine_now_t = enos_engine_now_t { mono_ms: 1000, wall_ms: ENOS_ENGINE_NO_CLOCK };

fn text(text: &str) -> enos_str_t {
    enos_str_t { ptr: text.as_ptr().cast(), len: text.len() }
}

fn int(i: i64) -> enos_value_t {
    enos_value_t { r#type: ENOS_TYPE_INT, quality: -1, r#as: enos_as_t { i } }
}

/// What the engine told and sent.
#[derive(Default)]
struct Seen {
    tags: Vec<i32>,
    sent: Vec<u8>,
    secrets: Vec<String>,
    calls: Vec<u32>,
    settled: Vec<u32>,
}

/// A text that the engine lent, copied while it is there.
fn lent(text: enos_str_t) -> String {
    if text.len == 0 {
        return String::new();
    }
    // SAFETY: an output's text, before the next call with the engine.
    let bytes = unsafe { std::slice::from_raw_parts(text.ptr.cast::<u8>(), text.len) };
    std::str::from_utf8(bytes).unwrap().to_owned()
}

fn drain(engine: *mut enos_engine_t, seen: &mut Seen) {
    let mut out = MaybeUninit::<enos_engine_output_t>::uninit();
    // SAFETY: room for an output; then each call gets what it needs, and a union's member is the tag's.
    unsafe {
        enos_engine_output_init(out.as_mut_ptr());
        let out = out.assume_init_mut();
        loop {
            assert_eq!(enos_engine_poll_output(engine, &NOW, out), ENOS_OK);
            match out.tag {
                ENOS_ENGINE_WAIT => return,
                ENOS_ENGINE_DIAL => {
                    assert_eq!(lent(out.r#as.dial.host), "hub");
                    assert_eq!(enos_engine_link_up(engine, &NOW), ENOS_OK);
                }
                ENOS_ENGINE_TRANSMIT => {
                    let bytes = out.r#as.transmit;
                    let taken = bytes.len.div_ceil(2);
                    seen.sent.extend_from_slice(std::slice::from_raw_parts(bytes.ptr, taken));
                    assert_eq!(enos_engine_sent(engine, &NOW, taken), ENOS_OK);
                }
                ENOS_ENGINE_STORE => {
                    seen.secrets.push(lent(out.r#as.store.device_secret));
                    assert_eq!(enos_engine_stored(engine, &NOW, ENOS_OK), ENOS_OK);
                }
                ENOS_ENGINE_HANG_UP => {
                    let reason = ENOS_ENGINE_LINK_HUNG_UP;
                    assert_eq!(enos_engine_link_down(engine, &NOW, reason), ENOS_OK);
                }
                ENOS_ENGINE_COMMAND => {
                    let command = out.r#as.command;
                    assert_eq!(lent(command.service), "reboot");
                    // What was lent is refused as an argument, before anything is read of it.
                    let echo = enos_engine_reply(engine, &NOW, command.call, 200, command.params, text(""));
                    assert_eq!(echo, 101);
                    seen.calls.push(command.call);
                }
                ENOS_ENGINE_SETTLED => seen.settled.push(out.r#as.settled.request),
                tag => seen.tags.push(tag),
            }
        }
    }
}

fn hear(engine: *mut enos_engine_t, seen: &mut Seen, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let mut room = 0;
        // SAFETY: the engine lends room for so many bytes, until the next call.
        unsafe {
            let buffer = enos_engine_receive_buffer(engine, &mut room);
            let n = room.min(bytes.len()).min(7);
            buffer.copy_from_nonoverlapping(bytes.as_ptr(), n);
            assert_eq!(enos_engine_received(engine, &NOW, n), ENOS_OK);
            bytes = &bytes[n..];
        }
        drain(engine, seen);
    }
}

fn publish(topic: &str, payload: &str) -> Vec<u8> {
    let len = 2 + topic.len() + payload.len();
    let mut packet = vec![0x30, (len % 128 + 128) as u8, (len / 128) as u8, 0, topic.len() as u8];
    packet.extend_from_slice(topic.as_bytes());
    packet.extend_from_slice(payload.as_bytes());
    packet
}

fn holds(bytes: &[u8], part: &str) -> bool {
    bytes.windows(part.len()).any(|window| window == part.as_bytes())
}

/// A device's life: activation, a post with nested values, a command answered later, the end.
fn live(block: &mut [MaybeUninit<u8>], config: &enos_engine_config_t) {
    let (mut engine, mut seen) = (null_mut(), Seen::default());
    let entropy = [7_u8; 32];
    // SAFETY: all of it lives in this function, and the block is the engine's until its end.
    unsafe {
        let memory = block.as_mut_ptr().cast();
        let made = enos_engine_init(memory, block.len(), config, entropy.as_ptr(), &mut engine, null_mut());
        assert_eq!(made, ENOS_OK);
        assert_eq!(enos_engine_handle(engine, &NOW, 0, ENOS_INVOCATION_SERVICE, text("reboot")), ENOS_OK);
        assert_eq!(enos_engine_connect(engine, &NOW, ENOS_ENGINE_FOREVER), ENOS_OK);
    }
    drain(engine, &mut seen);
    hear(engine, &mut seen, &[0x20, 2, 0, 0]);
    let secret = r#"{"id":"1","version":"1.0","method":"thing.activate.info","params":{"assetId":"a","productKey":"pk","deviceKey":"dk","deviceSecret":"cNk2Sf7R"}}"#;
    hear(engine, &mut seen, &publish("/ext/session/pk/dk/thing/activate/info", secret));
    assert_eq!(seen.secrets, ["cNk2Sf7R"]);
    hear(engine, &mut seen, &[0x20, 2, 0, 0]);
    assert!(seen.tags.contains(&ENOS_ENGINE_ONLINE));

    let (items, field) = ([int(1), int(2)], [enos_point_t { id: text("b"), value: int(3) }]);
    let array = enos_as_t { a: enos_array_t { items: items.as_ptr(), count: 2 } };
    let fields = enos_as_t { o: enos_struct_t { fields: field.as_ptr(), count: 1 } };
    let value = |r#type, r#as| enos_value_t { r#type, quality: -1, r#as };
    let points = [
        enos_point_t { id: text("list"), value: value(ENOS_TYPE_ARRAY, array) },
        enos_point_t { id: text("whole"), value: value(ENOS_TYPE_STRUCT, fields) },
        enos_point_t { id: text("name"), value: value(ENOS_TYPE_STR, enos_as_t { s: text("é") }) },
    ];
    let mut request = 0;
    // SAFETY: as above.
    let posted = unsafe {
        enos_engine_post_measurepoints(engine, &NOW, 0, points.as_ptr(), 3, 17, 9000, &mut request)
    };
    assert_eq!(posted, ENOS_OK);
    drain(engine, &mut seen);
    assert!(holds(&seen.sent, r#"{"list":[1,2],"whole":{"b":3},"name":"é"}"#));
    let reply = format!(r#"{{"id":"{request}","code":200,"data":""}}"#);
    hear(engine, &mut seen, &publish("/sys/pk/dk/thing/measurepoint/post_reply", &reply));
    assert_eq!(seen.settled, [request]);

    let command = r#"{"id":"2","version":"1.0","method":"thing.service.reboot","params":{"delay":3}}"#;
    hear(engine, &mut seen, &publish("/sys/pk/dk/thing/service/reboot", command));
    let outputs = [enos_point_t { id: text("accepted"), value: int(1) }];
    let mut said = [0_u8; 64];
    // SAFETY: as above.
    unsafe {
        let first = outputs.as_ptr();
        let replied = enos_engine_reply_values(engine, &NOW, seen.calls[0], 200, first, 1, text(""));
        assert_eq!(replied, ENOS_OK);
        assert_eq!(enos_engine_reply(engine, &NOW, seen.calls[0], 200, text(""), text("")), 102);
        let len = enos_engine_message(engine, said.as_mut_ptr().cast(), said.len());
        assert!(len > 20 && said.starts_with(b"the command was answered already"));
    }
    drain(engine, &mut seen);
    assert!(holds(&seen.sent, r#"{"id":"2","code":200,"data":{"accepted":1}}"#));
    // SAFETY: as above; the last call but those that find it ended.
    unsafe {
        assert_eq!(enos_engine_close(engine, &NOW, 1000), ENOS_OK);
        drain(engine, &mut seen);
        assert_eq!(seen.tags.last(), Some(&ENOS_ENGINE_CLOSED));
        enos_engine_end(engine);
        assert_eq!(enos_engine_close(engine, &NOW, 1000), 102);
        enos_engine_end(engine);
        assert!(block.iter().all(|byte| byte.assume_init_read() == 0));
        assert_eq!(enos_engine_deadline(null()), ENOS_ENGINE_NEVER);
    }
}

#[test]
fn a_device_lives_in_a_block_at_any_address() {
    let mut config = MaybeUninit::<enos_engine_config_t>::uninit();
    // SAFETY: room for a configuration, made ready here.
    let mut config = unsafe {
        enos_engine_config_init(config.as_mut_ptr());
        config.assume_init()
    };
    config.hub = text("tcp://hub");
    config.login = ENOS_LOGIN_DYNAMIC_ACTIVATION;
    (config.product_key, config.device_key, config.secret) = (text("pk"), text("dk"), text("secret"));
    // SAFETY: the configuration is there.
    let len = unsafe { enos_engine_size(&config) };
    for offset in [0, 1, 5] {
        // Never written, and not a byte too many.
        let mut block = vec![MaybeUninit::uninit(); offset + len];
        live(&mut block[offset..], &config);
    }
}
