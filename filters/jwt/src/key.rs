//! The keys that tokens may be signed with. Each has one algorithm, whatever a token says (RFC 8725 section 3.1).

use std::fmt::{self, Debug, Formatter};

use forebay_sdk::settings;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Deserializer};
use sha2::Sha256;

use crate::public_key::PublicKey;
use crate::refusal::Refusal;
use crate::token::{Token, decoded};

/// RFC 7518 section 3.2: a key as long as what the hash gives, or longer.
const SECRET_BYTES_MIN: usize = 32;

/// `keys` of the settings: a list of tables, each with one of `secret`, `pem` and `jwk`.
///
/// | key | what it is |
/// |---|---|
/// | `id` | compared with the token's `kid`; a key without one serves for every token |
/// | `issuer` | the only `iss` that the key may sign for; without it, any that `issuers` has |
/// | `secret` | of HS256, 32 bytes or more |
/// | `secret_base64url` | the same, for secrets that are no text |
/// | `pem` | a public key: RSA makes it RS256, P-256 makes it ES256 |
/// | `jwk` | a table as in a key set (RFC 7517): of `kty` `oct`, `RSA` or `EC` |
#[derive(Debug)]
pub(crate) struct Keys(Vec<Key>);

#[derive(Debug)]
pub(crate) struct Key {
    id: Option<String>,
    /// RFC 8725 section 3.8: one issuer's key must not make tokens of another.
    pub(crate) issuer: Option<String>,
    secret: Secret,
}

/// What a signature is verified with, and by that its algorithm.
enum Secret {
    Shared(Hmac<Sha256>),
    Public(PublicKey),
}

impl Keys {
    /// The key that made the token's signature, of those that fit its header.
    pub(crate) fn verify(&self, token: &Token) -> Result<&Key, Refusal> {
        let named = |key: &&Key| match (&key.id, &token.header.kid) {
            (Some(id), Some(named)) => id == named,
            _ => true,
        };
        let fitting = |key: &&Key| key.secret.algorithm() == token.header.alg;
        let mut fitting = self.0.iter().filter(named).filter(fitting).peekable();
        fitting.peek().ok_or(Refusal::UnknownKey)?;
        fitting.find(|key| key.secret.signed(token.signed.as_bytes(), &token.signature)).ok_or(Refusal::Forged)
    }
}

impl Secret {
    /// The only `alg` it is for: a public key never serves as a shared secret, and none serves for `none`.
    fn algorithm(&self) -> &'static str {
        match self {
            Self::Shared(_) => "HS256",
            Self::Public(PublicKey::Rsa(_)) => "RS256",
            Self::Public(PublicKey::P256(_)) => "ES256",
        }
    }

    fn signed(&self, text: &[u8], signature: &[u8]) -> bool {
        match self {
            // Takes the same time for every wrong signature.
            Self::Shared(mac) => mac.clone().chain_update(text).verify_slice(signature).is_ok(),
            Self::Public(key) => key.signed(text, signature),
        }
    }

    fn shared(secret: &[u8]) -> Result<Self, String> {
        if secret.len() < SECRET_BYTES_MIN {
            return Err(format!("a secret of HS256 has {SECRET_BYTES_MIN} bytes or more"));
        }
        Ok(Self::Shared(Hmac::new_from_slice(secret).expect("HMAC takes keys of any length")))
    }
}

/// The secret itself is not shown.
impl Debug for Secret {
    fn fmt(&self, formatter: &mut Formatter) -> fmt::Result {
        formatter.write_str(self.algorithm())
    }
}

/// A key as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: Option<String>,
    issuer: Option<String>,
    secret: Option<String>,
    secret_base64url: Option<String>,
    pem: Option<String>,
    jwk: Option<Jwk>,
}

/// A key of a key set; members that are not needed to verify are left unread.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    alg: Option<String>,
    kid: Option<String>,
    k: Option<String>,
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl TryFrom<Written> for Key {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let id = written.id.or_else(|| written.jwk.as_ref().and_then(|jwk| jwk.kid.clone()));
        let secret = match (written.secret, written.secret_base64url, written.pem, written.jwk) {
            (Some(secret), None, None, None) => Secret::shared(secret.as_bytes())?,
            (None, Some(secret), None, None) => Secret::shared(&number("secret_base64url", Some(secret))?)?,
            (None, None, Some(pem), None) => Secret::Public(PublicKey::from_pem(&pem)?),
            (None, None, None, Some(jwk)) => jwk.read()?,
            _ => return Err("a key has one of secret, secret_base64url, pem and jwk".to_owned()),
        };
        Ok(Self { id, issuer: written.issuer, secret })
    }
}

impl Jwk {
    fn read(self) -> Result<Secret, String> {
        let secret = match self.kty.as_str() {
            "oct" => Secret::shared(&number("k", self.k)?)?,
            "RSA" => Secret::Public(PublicKey::from_rsa(&number("n", self.n)?, &number("e", self.e)?)?),
            "EC" if self.crv.as_deref() == Some("P-256") => {
                let point = [vec![4], number("x", self.x)?, number("y", self.y)?].concat();
                Secret::Public(PublicKey::from_point(&point)?)
            }
            other => return Err(format!("{other:?} is no kind of key here: oct, RSA, or EC with crv P-256")),
        };
        match self.alg.as_deref() {
            Some(alg) if alg != secret.algorithm() => Err(format!("{alg:?} is not {}", secret.algorithm())),
            _ => Ok(secret),
        }
    }
}

/// The bytes of a member in base64url.
fn number(name: &str, text: Option<String>) -> Result<Vec<u8>, String> {
    text.and_then(|text| decoded(&text)).ok_or_else(|| format!("{name} must be there, in base64url without padding"))
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        settings::checked::<D, Written, Self>(deserializer)
    }
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let keys = Vec::<Key>::deserialize(deserializer)?;
        if keys.is_empty() {
            return Err(serde::de::Error::custom("there must be a key"));
        }
        Ok(Self(keys))
    }
}
