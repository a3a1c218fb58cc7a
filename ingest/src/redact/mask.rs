//! What takes the place of a value: a pseudonym, its first characters, the network of an address.

use super::RedactError;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What a pseudonym begins with, so that a reader knows one.
pub const PSEUDONYM: &str = "hmac:";

/// Bytes of a pseudonym that name the value, and bytes that prove that it was made with this key.
const NAME: usize = 16;
const PROOF: usize = 6;

/// A key of fewer bytes can be guessed.
const LEAST: usize = 16;

/// The secret that pseudonyms are made with. Whoever has it can test whether a pseudonym stands for a value.
#[derive(Clone)]
pub struct Key {
    value: Hmac<Sha256>,
    proof: Hmac<Sha256>,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    /// The key with these bytes.
    ///
    /// # Errors
    /// There are fewer than 16.
    pub fn new(secret: &[u8]) -> Result<Self, RedactError> {
        let too_short = || {
            RedactError(format!(
                "the key has {} bytes, which is too few to be a secret\nhint: {LEAST} at least; `openssl rand -hex 32` makes one",
                secret.len()
            ))
        };
        if secret.len() < LEAST {
            return Err(too_short());
        }
        let mac = |purpose: &[u8]| -> Result<Hmac<Sha256>, RedactError> {
            let mut mac = Hmac::<Sha256>::new_from_slice(secret).map_err(|_| too_short())?;
            mac.update(purpose);
            Ok(mac)
        };
        Ok(Self { value: mac(b"trailhound value\0")?, proof: mac(b"trailhound pseudonym\0")? })
    }

    /// The pseudonym of a text; `None` when the text is a pseudonym that this key made.
    ///
    /// Nobody without the key can write a text that passes for one, so nothing slips by in this disguise.
    pub(super) fn pseudonym(&self, text: &str) -> Option<String> {
        if self.made(text) {
            return None;
        }
        let name = mac(&self.value, text.as_bytes());
        Some(self.spelt(&name[..NAME]))
    }

    fn spelt(&self, name: &[u8]) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut spelt = String::with_capacity(PSEUDONYM.len() + 2 * (NAME + PROOF));
        spelt.push_str(PSEUDONYM);
        for byte in name.iter().chain(&mac(&self.proof, name)[..PROOF]) {
            for digit in [byte >> 4, byte & 15] {
                spelt.push(char::from(DIGITS[usize::from(digit)]));
            }
        }
        spelt
    }

    fn made(&self, text: &str) -> bool {
        let Some(hex) = text.strip_prefix(PSEUDONYM).filter(|hex| hex.len() == 2 * (NAME + PROOF)) else {
            return false;
        };
        let byte = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
        let name = (0..NAME).map(|at| byte(2 * at)).collect::<Option<Vec<_>>>();
        name.is_some_and(|name| self.spelt(&name) == text)
    }
}

fn mac(begun: &Hmac<Sha256>, bytes: &[u8]) -> [u8; 32] {
    let mut mac = begun.clone();
    mac.update(bytes);
    mac.finalize().into_bytes().into()
}

/// The first `length` characters of a text; `None` when it has no more.
pub(super) fn cut(text: &str, length: usize) -> Option<&str> {
    text.char_indices().nth(length).map(|(end, _)| &text[..end])
}

/// What is left of a text that should be an address.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Network {
    /// It stays as it is: a network already, or the name of an AWS service, which is nobody's address.
    Same,
    /// The network it is in.
    Cut(String),
    /// It is no address that we know how to cut, so none of it may stay.
    Unknown,
}

/// The network of `ipv4` or `ipv6` bits that an address, or a smaller network, is in.
pub(super) fn network(text: &str, ipv4: u8, ipv6: u8) -> Network {
    if is_service(text) {
        return Network::Same;
    }
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, bits.parse::<u8>().ok()),
        None => (text, Some(u8::MAX)),
    };
    let (Ok(address), Some(bits)) = (address.parse::<IpAddr>(), bits) else { return Network::Unknown };
    // An IPv4 address in the clothes of IPv6 would else keep all its bits, or none.
    let cut = match address.to_canonical() {
        IpAddr::V4(address) if bits == u8::MAX || bits <= 32 => {
            let bits = bits.min(ipv4);
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            format!("{}/{bits}", Ipv4Addr::from(u32::from(address) & mask))
        }
        IpAddr::V6(address) if bits == u8::MAX || bits <= 128 => {
            let bits = bits.min(ipv6);
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            format!("{}/{bits}", Ipv6Addr::from(u128::from(address) & mask))
        }
        _ => return Network::Unknown,
    };
    if cut == text { Network::Same } else { Network::Cut(cut) }
}

/// `AWS Internal`, or `ec2.amazonaws.com`: what `sourceIPAddress` holds when a service called.
fn is_service(text: &str) -> bool {
    // `ec2-192-0-2-7` is the name of an address.
    let begins = |part: &str| part.starts_with(|first: char| first.is_ascii_lowercase());
    let plain = |name: &str| {
        name.split('-').all(begins)
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let service = text.strip_suffix(".amazonaws.com").or_else(|| text.strip_suffix(".amazonaws.com.cn"));
    text == "AWS Internal" || service.is_some_and(|name| name.split('.').all(plain) && name.len() <= 40)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_is_stable_marked_and_not_made_twice() {
        let key = Key::new(b"0123456789abcdef").unwrap();
        let ada = key.pseudonym("ada").unwrap();
        assert!(ada.starts_with(PSEUDONYM) && ada.len() == PSEUDONYM.len() + 44, "{ada}");
        assert_eq!(key.pseudonym("ada").as_ref(), Some(&ada));
        assert_ne!(key.pseudonym("Ada").as_ref(), Some(&ada));
        assert_eq!(key.pseudonym(&ada), None);
        let other = Key::new(b"0123456789abcdeg").unwrap();
        assert_ne!(other.pseudonym("ada").as_ref(), Some(&ada));
        assert!(other.pseudonym(&ada).is_some());
        for forged in ["hmac:", "hmac:ada", &ada.to_uppercase(), &ada.replace('a', "b"), &format!("{ada}0")] {
            assert!(key.pseudonym(forged).is_some(), "{forged}");
        }
        assert!(Key::new(b"short").unwrap_err().to_string().contains("5 bytes"));
        assert_eq!(format!("{key:?}"), "Key(…)");
    }

    /// RFC 4231, test case 2, by the same route.
    #[test]
    fn it_is_hmac() {
        let begun = Hmac::<Sha256>::new_from_slice(b"Jefe").unwrap();
        let hex = mac(&begun, b"what do ya want for nothing?").map(|byte| format!("{byte:02x}")).concat();
        assert_eq!(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn addresses() {
        for (text, cut) in [
            ("192.0.2.77", "192.0.2.0/24"),
            ("192.0.2.77/31", "192.0.2.0/24"),
            ("192.0.0.0/16", "192.0.0.0/16"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
            ("::ffff:192.0.2.77", "192.0.2.0/24"),
            ("ec2.amazonaws.com", "ec2.amazonaws.com"),
            ("s3-outposts.amazonaws.com.cn", "s3-outposts.amazonaws.com.cn"),
            ("AWS Internal", "AWS Internal"),
        ] {
            match network(text, 24, 48) {
                Network::Same => assert_eq!(text, cut),
                Network::Cut(got) => {
                    assert_eq!(got, cut);
                    assert_eq!(network(&got, 24, 48), Network::Same);
                }
                Network::Unknown => panic!("{text}"),
            }
        }
        assert_eq!(network("10.1.2.3", 0, 0), Network::Cut("0.0.0.0/0".to_owned()));
        assert_eq!(network("10.1.2.3", 32, 0), Network::Cut("10.1.2.3/32".to_owned()));
        for odd in [
            "192.0.2.077",
            " 192.0.2.7",
            "192.0.2.7:443",
            "1.2.3.4, 5.6.7.8",
            "ada",
            "",
            "1.2.3.4/33",
            "1.2.3.4/x",
            "192-0-2-7.amazonaws.com",
            "ec2-192-0-2-7.compute.amazonaws.com",
        ] {
            assert_eq!(network(odd, 24, 48), Network::Unknown, "{odd}");
        }
    }

    #[test]
    fn texts() {
        assert_eq!(cut("héllo", 2), Some("hé"));
        assert_eq!((cut("hé", 2), cut("", 0), cut("x", 0)), (None, None, Some("")));
    }
}
