//! Keys and secrets that the hub makes up.

const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Characters of a product key, asset id and so on, as in the vendor's samples (`docs-model.md` §1).
pub(crate) const PRODUCT_KEY: usize = 8;
pub(crate) const PRODUCT_SECRET: usize = 11;
pub(crate) const ASSET_ID: usize = 8;
pub(crate) const DEVICE_KEY: usize = 10;
pub(crate) const DEVICE_SECRET: usize = 20;
/// Characters of an access token.
pub(crate) const TOKEN: usize = 32;

/// Random letters and digits.
pub(crate) fn text(length: usize) -> String {
    let mut out = String::with_capacity(length);
    let mut bytes = [0_u8; 32];
    while out.len() < length {
        getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
        // Values that would favour the first letters of the alphabet are drawn again.
        let usable = bytes.iter().filter(|byte| **byte < 248);
        let letters = usable.filter_map(|byte| ALPHABET.get(usize::from(*byte) % ALPHABET.len()));
        out.extend(letters.map(|letter| char::from(*letter)).take(length - out.len()));
    }
    out
}

/// A random UUID, for the request ids of REST replies.
pub(crate) fn request_id() -> String {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    let digits = crate::enos::sign::hex(&bytes);
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| digits.get(range).unwrap_or_default());
    parts.join("-")
}

#[cfg(test)]
mod tests {
    #[test]
    fn texts_have_their_length_and_differ() {
        for length in [0, 8, 11, 20, 64] {
            assert_eq!(super::text(length).len(), length);
        }
        assert_ne!(super::text(20), super::text(20));
    }
}
