//! Public keys: what verifies RS256 and ES256 (RFC 7518 sections 3.3 and 3.4), read from PEM or from numbers.

use std::fmt::{self, Debug, Formatter};

use base64ct::{Base64, Encoding};
use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::der::{self, Tag};

/// The least that RFC 7518 section 3.3 permits, and more than anybody has, which bounds what a token costs.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

/// What stands before the digest in the text that RSA signs: SHA-256 in a `DigestInfo` (RFC 8017 section 9.2, note 1).
const SHA256_INFO: [u8; 19] =
    [0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];

const OID_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const OID_EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const OID_P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// A key of either kind.
#[derive(Debug)]
pub(crate) enum PublicKey {
    Rsa(RsaKey),
    P256(Box<VerifyingKey>),
}

/// An RSA key, with what makes its powers cheap worked out.
pub(crate) struct RsaKey {
    modulus: Vec<u8>,
    exponent: BoxedUint,
    params: BoxedMontyParams,
}

impl PublicKey {
    /// Reads `BEGIN PUBLIC KEY` (RFC 7468 section 13) or `BEGIN RSA PUBLIC KEY`.
    pub(crate) fn from_pem(text: &str) -> Result<Self, String> {
        let refuse = || "this is no public key in PEM, of RSA or P-256".to_owned();
        let body = |label: &str| {
            let text = text.trim().strip_prefix(&format!("-----BEGIN {label}-----"))?;
            let text = text.strip_suffix(&format!("-----END {label}-----"))?;
            Base64::decode_vec(&text.split_ascii_whitespace().collect::<String>()).ok()
        };
        match (body("PUBLIC KEY"), body("RSA PUBLIC KEY")) {
            (Some(info), _) => Self::from_info(&info).unwrap_or_else(|| Err(refuse())),
            (None, Some(pair)) => rsa_pair(&pair).unwrap_or_else(|| Err(refuse())),
            (None, None) => Err(refuse()),
        }
    }

    /// A `SubjectPublicKeyInfo` (RFC 5280 section 4.1); `None` where it is none, an error where its numbers are no key.
    fn from_info(mut bytes: &[u8]) -> Option<Result<Self, String>> {
        let mut info = der::take(&mut bytes, Tag::Sequence)?;
        let mut algorithm = der::take(&mut info, Tag::Sequence)?;
        let bits = der::take_bits(&mut info)?;
        match der::take(&mut algorithm, Tag::ObjectIdentifier)? {
            OID_RSA => rsa_pair(bits),
            OID_EC if der::take(&mut algorithm, Tag::ObjectIdentifier)? == OID_P256 => Some(Self::from_point(bits)),
            _ => None,
        }
    }

    /// An RSA key from its two numbers, without zeros before them.
    pub(crate) fn from_rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, String> {
        // Whole limbs, as the arithmetic has them: keys have 2048, 3072 or 4096 bits.
        let whole = modulus.len().is_multiple_of(8) && modulus.first().is_some_and(|first| *first != 0);
        if !whole || !RSA_BYTES.contains(&modulus.len()) {
            return Err("an RSA key has 2048 to 8192 bits in steps of 64".to_owned());
        }
        let odd = exponent.last().is_some_and(|last| last % 2 == 1);
        if !odd || exponent.len() > 4 || exponent == [1] {
            return Err("the exponent of an RSA key is odd, above 1 and has at most 32 bits".to_owned());
        }
        let number = BoxedUint::from_be_slice_vartime(modulus);
        let number = Odd::new(number).into_option().ok_or("the modulus of an RSA key is odd")?;
        let params = BoxedMontyParams::new_vartime(number);
        let exponent = BoxedUint::from_be_slice_vartime(exponent);
        Ok(Self::Rsa(RsaKey { modulus: modulus.to_owned(), exponent, params }))
    }

    /// A P-256 key from its point, not compressed (SEC 1 section 2.3.3).
    pub(crate) fn from_point(point: &[u8]) -> Result<Self, String> {
        let key = VerifyingKey::from_sec1_bytes(point).map_err(|_| "this is no point of P-256")?;
        Ok(Self::P256(Box::new(key)))
    }

    /// Whether this is the key's signature of the text.
    pub(crate) fn signed(&self, text: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Rsa(key) => key.signed(text, signature),
            Self::P256(key) => Signature::from_slice(signature).is_ok_and(|made| key.verify(text, &made).is_ok()),
        }
    }
}

impl RsaKey {
    /// RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2.2): the one text that may have been signed is made and compared whole,
    /// so that there is no padding to be parsed wrongly.
    fn signed(&self, text: &[u8], signature: &[u8]) -> bool {
        // Both have the same length, so this orders them as numbers.
        if signature.len() != self.modulus.len() || signature >= self.modulus.as_slice() {
            return false;
        }
        let number = BoxedUint::from_be_slice_vartime(signature);
        let power = BoxedMontyForm::new(number, &self.params).pow_bounded_exp(&self.exponent, self.exponent.bits());
        let mut expected = vec![0xff; self.modulus.len()];
        let digest = Sha256::digest(text);
        let end = [&[0][..], &SHA256_INFO, &digest].concat();
        let start = expected.len() - end.len();
        expected[..2].copy_from_slice(&[0, 1]);
        expected[start..].copy_from_slice(&end);
        *power.retrieve().to_be_bytes() == *expected
    }
}

impl Debug for RsaKey {
    fn fmt(&self, formatter: &mut Formatter) -> fmt::Result {
        write!(formatter, "RsaKey of {} bits", self.modulus.len() * 8)
    }
}

/// An `RSAPublicKey` (RFC 8017 appendix A.1.1).
fn rsa_pair(mut bytes: &[u8]) -> Option<Result<PublicKey, String>> {
    let mut pair = der::take(&mut bytes, Tag::Sequence)?;
    let modulus = der::take_unsigned(&mut pair)?;
    let exponent = der::take_unsigned(&mut pair)?;
    Some(PublicKey::from_rsa(modulus, exponent))
}
