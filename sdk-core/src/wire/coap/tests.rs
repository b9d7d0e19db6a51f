extern crate std;
use super::*;
use crate::wire::Full;
use coap_lite::Packet;
use proptest::prelude::*;
use std::string::ToString;
use std::vec::Vec;

const POST: MessageClass = MessageClass::Request(RequestType::Post);

fn written(
    kind: MessageType,
    code: MessageClass,
    id: u16,
    token: &[u8],
    options: &[(u16, Vec<u8>)],
    payload: &[u8],
) -> Vec<u8> {
    let mut out = std::vec![0; 4_000];
    let mut w = MessageWriter::new(&mut out, kind, code, id, token).expect("room");
    for (number, value) in options {
        w.option(*number, value).expect("room");
    }
    let n = w.finish(payload).expect("room");
    out.truncate(n);
    out
}

// Proves: COAP-6.4-1
#[test]
fn a_post_has_the_bytes_of_the_rfc() {
    let mut out = [0; 128];
    let mut w =
        MessageWriter::new(&mut out, MessageType::Confirmable, POST, 0x1234, &[1, 2, 3, 4]).expect("room");
    w.path("/topic/sys/a-segment-of-20-byte").expect("room");
    w.uint(CoapOption::ContentFormat.into(), content_format::JSON).expect("room");
    w.option(option::COMMAND_PATH, b"x").expect("room");
    let n = w.finish(b"{}").expect("room");
    let wanted = b"\x44\x02\x12\x34\x01\x02\x03\x04\xB5topic\x03sys\x0D\x07a-segment-of-20-byte\x11\x32\xE1\x07\x1Bx\xFF{}";
    assert_eq!(out[..n].escape_ascii().to_string(), wanted.escape_ascii().to_string());
    let message = decode(&out[..n]).expect("a message");
    assert_eq!((message.id, message.token, message.payload), (0x1234, &[1, 2, 3, 4][..], &b"{}"[..]));
    assert_eq!(message.option(option::COMMAND_PATH), Some(&b"x"[..]));
    assert_eq!(message.option(option::COMMAND), None);
}

// Proves: COAP-3-4
#[test]
fn format_errors_are_refused_one_by_one() {
    for (datagram, error) in [
        (&b""[..], DecodeError::Short),
        (b"\x40\x01\x00", DecodeError::Short),
        (b"\x00\x01\x00\x01", DecodeError::Version(0)),
        (b"\x80\x01\x00\x01", DecodeError::Version(2)),
        (b"\xC0\x01\x00\x01", DecodeError::Version(3)),
        (b"\x49\x01\x00\x01123456789", DecodeError::Token),
        (b"\x4F\x01\x00\x01123456789012345", DecodeError::Token),
        (b"\x44\x01\x00\x01123", DecodeError::Token),
        (b"\x41\x00\x00\x01a", DecodeError::NotEmpty),
        (b"\x40\x00\x00\x01a", DecodeError::NotEmpty),
        (b"\x60\x00\x00\x01\xFFa", DecodeError::NotEmpty),
        (b"\x40\x20\x00\x01", DecodeError::Class),
        (b"\x40\xC1\x00\x01", DecodeError::Class),
        (b"\x40\xE1\x00\x01", DecodeError::Class),
        (b"\x40\x01\x00\x01\xFF", DecodeError::EmptyPayload),
        (b"\x40\x01\x00\x01\xB1", DecodeError::Option),
        (b"\x40\x01\x00\x01\xD0", DecodeError::Option),
        (b"\x40\x01\x00\x01\xE0\x00", DecodeError::Option),
        (b"\x40\x01\x00\x01\xF0", DecodeError::Option),
        (b"\x40\x01\x00\x01\x0F", DecodeError::Option),
        (b"\x40\x01\x00\x01\x0D", DecodeError::Option),
        (b"\x40\x01\x00\x01\x0E\x00", DecodeError::Option),
        (b"\x40\x01\x00\x01\xE0\xFF\xFF", DecodeError::Option),
        // 65,535 can be said, one more cannot.
        (b"\x40\x01\x00\x01\xE0\xFE\xF2\x10", DecodeError::Option),
    ] {
        assert_eq!(decode(datagram), Err(error), "{}", datagram.escape_ascii());
    }
    let last = decode(b"\x40\x01\x00\x01\xE0\xFE\xF2").expect("the largest option number");
    assert_eq!(last.options().map(|(number, _)| number).collect::<Vec<_>>(), [65_535]);
    assert_eq!(sender(b"\x4F\x01\x00\x07"), Some((MessageType::Confirmable, 7)));
    assert_eq!(sender(b"\x8F\x01\x00\x07"), None);
}

#[test]
fn empty_messages_are_four_bytes() {
    for (kind, bytes) in [
        (MessageType::Confirmable, [0x40, 0, 0x12, 0x34]),
        (MessageType::Acknowledgement, [0x60, 0, 0x12, 0x34]),
        (MessageType::Reset, [0x70, 0, 0x12, 0x34]),
    ] {
        assert_eq!(empty(kind, 0x1234), bytes);
        let message = decode(&bytes).expect("a message");
        assert_eq!((message.kind, message.code), (kind, MessageClass::Empty));
    }
}

#[test]
fn blocks_have_their_bounds() {
    for (value, block) in [
        (&b""[..], Some((0, false, 0))),
        (b"\x08", Some((0, true, 0))),
        (b"\x1D", Some((1, true, 5))),
        (b"\xFF\xFF\xF6", Some((Block::MAX_NUMBER, false, 6))),
        (b"\x07", None),
        (b"\x00\x00\x00\x10", None),
    ] {
        let wanted = block.map(|(number, more, exponent)| Block { number, more, exponent });
        assert_eq!(Block::from_value(value), wanted, "{}", value.escape_ascii());
        if let Some(block) = wanted {
            let mut out = [0; 16];
            let mut w = MessageWriter::new(&mut out, MessageType::Confirmable, POST, 1, b"").expect("room");
            w.block(23, block).expect("room");
            let n = w.finish(b"").expect("room");
            assert_eq!(decode(&out[..n]).expect("a message").block(23), Ok(Some(block)));
            assert_eq!(decode(&out[..n]).expect("a message").option(23), Some(value));
        }
    }
    let block = Block { number: 3, more: true, exponent: 5 };
    assert_eq!((block.size(), block.offset()), (512, 1_536));
    assert_eq!(
        decode(b"\x40\x02\x00\x01\xD1\x0E\x07").expect("a message").block(27),
        Err(DecodeError::Option)
    );
}

#[test]
fn what_does_not_fit_is_refused_and_leaves_nothing() {
    let mut out = [0; 20];
    assert!(MessageWriter::new(&mut out, MessageType::Confirmable, POST, 1, &[0; 9]).is_err());
    let mut w = MessageWriter::new(&mut out, MessageType::Confirmable, POST, 1, &[0; 8]).expect("room");
    assert_eq!(w.option(11, b"12345678"), Err(Full));
    assert_eq!(w.option(11, b"123"), Ok(()));
    assert_eq!(w.option(10, b""), Err(Full), "numbers go up");
    assert_eq!(w.option(11, b""), Ok(()));
    assert_eq!(w.payload_room(), 2);
    assert_eq!(w.finish(b"123"), Err(Full));
}

#[test]
fn codes_are_told_as_people_write_them() {
    assert_eq!(class_and_detail(MessageClass::Response(ResponseType::NotFound)), (4, 4));
    assert_eq!(class_and_detail(MessageClass::from(0x9F)), (4, 31));
    assert!(is_critical(23) && !is_critical(option::COMMAND_PATH) && !is_critical(option::COMMAND));
}

fn kinds() -> impl Strategy<Value = MessageType> {
    prop_oneof![
        Just(MessageType::Confirmable),
        Just(MessageType::NonConfirmable),
        Just(MessageType::Acknowledgement),
        Just(MessageType::Reset),
    ]
}

proptest! {
    /// What is written here the other codec reads, and what that one writes is read here: the same message.
    #[test]
    fn the_other_codec_agrees(
        kind in kinds(),
        code in prop_oneof![1_u8..32, 64_u8..96, 128_u8..160, 160_u8..192],
        id in any::<u16>(),
        token in proptest::collection::vec(any::<u8>(), 0..=8),
        mut options in proptest::collection::vec(
            (prop_oneof![0_u16..60, 200_u16..400, any::<u16>()], proptest::collection::vec(any::<u8>(), 0..300)), 0..6),
        payload in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        options.sort_by_key(|(number, _)| *number);
        let ours = written(kind, code.into(), id, &token, &options, &payload);
        let theirs = Packet::from_bytes(&ours).expect("their reading");
        prop_assert_eq!(theirs.to_bytes_unlimited().expect("their writing"), ours.clone());
        let read = decode(&ours).expect("our reading");
        prop_assert_eq!((read.kind, u8::from(read.code), read.id), (kind, code, id));
        prop_assert_eq!((read.token, read.payload), (&token[..], &payload[..]));
        let again: Vec<_> = read.options().map(|(number, value)| (number, value.to_vec())).collect();
        prop_assert_eq!(again, options);
        prop_assert_eq!(theirs.get_token(), &token[..]);
        prop_assert_eq!(&theirs.payload, &payload);
    }

    /// Whatever comes: nothing panics, and what is a message here is one there, too.
    #[test]
    fn any_bytes(mut bytes in proptest::collection::vec(any::<u8>(), 0..60), plausible in any::<bool>()) {
        if let (true, Some(first)) = (plausible, bytes.first_mut()) {
            *first = *first & 0x3F & !8 | 0x40;
        }
        let _ = sender(&bytes);
        if let Ok(message) = decode(&bytes) {
            let theirs = Packet::from_bytes(&bytes).expect("a message");
            prop_assert_eq!(message.options().count(), theirs.options().map(|(_, values)| values.len()).sum::<usize>());
            prop_assert_eq!(message.payload, &theirs.payload[..]);
        }
    }
}
