//! Masks secrets in a CoAP datagram without changing its length.

use coap_lite::{CoapOption, Packet};

use super::redact::Secrets;

/// The datagram as it may be written. With `secret` nothing of its payload is shown.
pub(super) fn masked(datagram: &[u8], secret: bool) -> Vec<u8> {
    let mut bytes = datagram.to_vec();
    // What is no CoAP has no place where something could be told from something else.
    let Ok(packet) = Packet::from_bytes(datagram) else {
        bytes.iter_mut().skip(4).for_each(|byte| *byte = b'*');
        return bytes;
    };
    let is_auth = packet.get_first_option(CoapOption::UriPath).is_some_and(|first| first == b"auth");
    let in_blocks = [CoapOption::Block1, CoapOption::Block2]
        .into_iter()
        .any(|option| packet.get_option(option).is_some());
    let payload = bytes.len() - packet.payload.len();
    if in_blocks && (secret || is_auth) {
        // Where a value begins stands in another datagram.
        bytes[payload..].fill(b'*');
        return bytes;
    }
    Secrets::default().mask(&mut bytes);
    if is_auth {
        mask_sign(&mut bytes[payload..]);
    }
    bytes
}

/// Masks the sign of `POST /auth`: who has it can sign in.
fn mask_sign(payload: &mut [u8]) {
    const NAME: &[u8] = b"\"sign\"";
    let Some(name) = payload.windows(NAME.len()).position(|window| window == NAME) else { return };
    let value = payload.iter_mut().skip(name + NAME.len());
    let value = value.skip_while(|byte| **byte != b'"').skip(1);
    value.take_while(|byte| **byte != b'"').for_each(|byte| *byte = b'*');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_and_secrets_are_masked_byte_for_byte() {
        let auth = b"\x40\x02\x00\x01\xB4auth\x02pk\x02dk\xFF{\"sign\": \"AB12\",\"lifetime\":30}";
        let told = b"\x40\x02\x00\x01\xB4auth\x02pk\x02dk\xFF{\"sign\": \"****\",\"lifetime\":30}";
        assert_eq!(masked(auth, false), told);
        let activation = b"\x60\x45\x00\x01\xFF{\"deviceSecret\":\"s3\"}";
        assert_eq!(masked(activation, true), b"\x60\x45\x00\x01\xFF{\"deviceSecret\":\"**\"}");
        // A part of one, whose name is elsewhere.
        let block = b"\x60\x45\x00\x01\xD1\x0A\x10\xFFcret\":\"s3\"}";
        assert_eq!(masked(block, true), b"\x60\x45\x00\x01\xD1\x0A\x10\xFF***********");
        assert_eq!(masked(block, false), block);
        assert_eq!(masked(b"\x4F\x02\x00\x01secret", false), b"\x4F\x02\x00\x01******");
        assert_eq!(masked(b"\x40\x00\x00\x01", false), b"\x40\x00\x00\x01");
    }
}
