//! Who signed a digest: RSA with SHA-256 (PKCS #1 v1.5) by one of CloudTrail's keys of the region.
//!
//! Signed are four lines: the end of the hour, `bucket/key`, the SHA-256 of the uncompressed digest in hex, and the
//! signature of the digest before, or `null` (AWS CloudTrail user guide, "Custom implementations of CloudTrail log file
//! integrity validation").

use super::document::{Digest, unhex};
use super::keys::Keys;
use crate::fetch::hex;
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

/// What the signature of a digest came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Proof {
    /// CloudTrail signed it.
    Signed,
    /// There is no signature to check.
    Unsigned,
    /// Nobody gave us the key.
    NoKey,
    /// The signature is not of this key and this digest.
    Wrong,
}

/// Checks `signature`, in hex, of a `digest` whose bytes have the hash `sha256`.
pub(super) fn check(digest: &Digest, sha256: &[u8; 32], signature: Option<&str>, keys: &Keys) -> Proof {
    let Some(signature) = signature else { return Proof::Unsigned };
    let Some(key) = keys.of(&digest.fingerprint) else { return Proof::NoKey };
    let Some(signature) = unhex(signature) else { return Proof::Wrong };
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key);
    match key.verify(signed_text(digest, sha256).as_bytes(), &signature) {
        Ok(()) => Proof::Signed,
        Err(_) => Proof::Wrong,
    }
}

fn signed_text(digest: &Digest, sha256: &[u8; 32]) -> String {
    let previous = digest.previous_signature.as_deref().unwrap_or("null");
    format!("{}\n{}/{}\n{}\n{previous}", digest.end_text, digest.bucket, digest.object, hex(sha256))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::keys::PublicKey;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};

    fn digest() -> Digest {
        let text = r#"{"digestStartTime":"2026-01-01T00:00:00Z","digestEndTime":"2026-01-01T01:00:00Z",
            "digestS3Bucket":"b","digestS3Object":"k","digestPublicKeyFingerprint":"f"}"#;
        Digest::parse(text.as_bytes()).unwrap()
    }

    fn sign(key: &RsaKeyPair, text: &str) -> String {
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
        hex(&signature)
    }

    #[test]
    fn only_its_own_key_and_text_will_do() {
        let (ours, other) = (
            RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
            RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
        );
        let (fingerprint, der) = ("f".to_owned(), ours.public_key().as_ref().to_vec());
        let keys = Keys::from(vec![PublicKey { fingerprint, der }]);
        let hash = [0xab; 32];
        let text = format!("2026-01-01T01:00:00Z\nb/k\n{}\nnull", "ab".repeat(32));
        let good = sign(&ours, &text);
        let check = |digest: &Digest, hash, signature: &str| check(digest, hash, Some(signature), &keys);
        assert_eq!(check(&digest(), &hash, &good), Proof::Signed);
        assert_eq!(check(&digest(), &hash, &good.to_uppercase()), Proof::Signed);
        assert_eq!(check(&digest(), &[0; 32], &good), Proof::Wrong);
        assert_eq!(check(&digest(), &hash, &sign(&other, &text)), Proof::Wrong);
        for damaged in ["", "zz", &good[2..]] {
            assert_eq!(check(&digest(), &hash, damaged), Proof::Wrong, "{damaged}");
        }
        let mut moved = digest();
        moved.object = "elsewhere".to_owned();
        assert_eq!(check(&moved, &hash, &good), Proof::Wrong);
        moved.fingerprint = "g".to_owned();
        assert_eq!(check(&moved, &hash, &good), Proof::NoKey);
    }
}
