//! The filter as an operator sees it, against the vectors of RFC 7515 appendix A and tokens that OpenSSL signed.

use std::time::{Duration, SystemTime};

use base64ct::{Base64UrlUnpadded, Encoding};
use forebay_sdk::rehearsal::{Message, Rehearsal, get, rehearse};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::Jwt;

const SECRET: &str = "a secret of thirty-two bytes or more";
/// The payload of RFC 7515 appendix A: of joe, until 1300819380.
const JOE: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const HS256: (&str, &str) = ("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
const RS256: (&str, &str) = (
    "eyJhbGciOiJSUzI1NiJ9",
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1\
     dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDw\
     usC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77\
     Rw",
);
const ES256: (&str, &str) =
    ("eyJhbGciOiJFUzI1NiJ9", "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q");

fn rfc_keys() -> Value {
    json!([
        { "jwk": { "kty": "oct",
                   "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow" } },
        { "jwk": { "kty": "RSA", "e": "AQAB", "n": concat!(
            "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2l",
            "ZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEM",
            "a2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2P",
            "AcDTW9gb54h4FRWyuXpoQ") } },
        { "jwk": { "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                   "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" } },
    ])
}

fn filter(settings: &Value) -> Rehearsal<Jwt> {
    rehearse(&settings.to_string()).expect("settings of a test")
}

/// A filter of one secret with some settings more.
fn with(more: Value) -> Rehearsal<Jwt> {
    let mut settings = json!({ "keys": [{ "secret": SECRET }] });
    settings.as_object_mut().expect("a table").extend(more.as_object().cloned().unwrap_or_default());
    filter(&settings)
}

fn bearer(token: &str) -> Message {
    get("http://a.example/").with("authorization", format!("Bearer {token}"))
}

fn signed(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| Base64UrlUnpadded::encode_string(value.to_string().as_bytes());
    let text = format!("{}.{}", part(header), part(claims));
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any length").chain_update(&text);
    format!("{text}.{}", Base64UrlUnpadded::encode_string(&mac.finalize().into_bytes()))
}

/// A token that does not expire within a rehearsal.
fn token(mut claims: Value) -> String {
    claims["exp"] = claims.get("exp").cloned().unwrap_or(json!(1_735_693_200));
    signed(&json!({ "alg": "HS256" }), &claims)
}

/// `passed`, or the word of the refusal.
fn outcome(filter: &Rehearsal<Jwt>, request: Message) -> String {
    let exchange = filter.request(request);
    let word = exchange.reply().map(|reply| String::from_utf8_lossy(reply.body()).trim().to_owned());
    word.unwrap_or_else(|| "passed".to_owned())
}

#[test]
fn the_vectors_of_rfc_7515_verify_and_no_change_of_them_does() {
    let filter = filter(&json!({ "keys": rfc_keys(), "require": { "http://example.com/is_root": "true" } }));
    filter.set_now(SystemTime::UNIX_EPOCH + Duration::from_secs(1_300_819_379));
    for (header, signature) in [HS256, RS256, ES256] {
        assert_eq!(outcome(&filter, bearer(&format!("{header}.{JOE}.{signature}"))), "passed", "{header}");
        let other = Base64UrlUnpadded::encode_string(br#"{"iss":"eve","exp":1300819380}"#);
        assert_eq!(outcome(&filter, bearer(&format!("{header}.{other}.{signature}"))), "forged", "{header}");
        let mut bytes = Base64UrlUnpadded::decode_vec(signature).expect("base64url");
        for position in [0, bytes.len() / 2, bytes.len() - 1] {
            bytes[position] ^= 1;
            let flipped = Base64UrlUnpadded::encode_string(&bytes);
            assert_eq!(outcome(&filter, bearer(&format!("{header}.{JOE}.{flipped}"))), "forged", "{header} {position}");
            bytes[position] ^= 1;
        }
        for wrong in [&bytes[1..], &[&bytes[..], &[0]].concat(), &vec![0; bytes.len()], &vec![0xff; bytes.len()], &[]] {
            let wrong = Base64UrlUnpadded::encode_string(wrong);
            assert_eq!(outcome(&filter, bearer(&format!("{header}.{JOE}.{wrong}"))), "forged", "{header} {wrong}");
        }
    }
    let (header, signature) = HS256;
    filter.set_now(SystemTime::UNIX_EPOCH + Duration::from_secs(1_300_819_380));
    assert_eq!(outcome(&filter, bearer(&format!("{header}.{JOE}.{signature}"))), "expired");
}

#[test]
fn keys_in_pem_verify_and_never_serve_as_secrets() {
    let made: Value = serde_json::from_str(include_str!("../testdata/openssl.json")).expect("test data");
    let text = |name: &str| made[name].as_str().expect("a text").to_owned();
    for (pem, token) in [("rsa_pem", "rs"), ("rsa_pkcs1", "rs"), ("ec_pem", "es")] {
        let filter = filter(&json!({ "keys": [{ "pem": text(pem) }] }));
        for sent in ["rs", "es"] {
            let expected = if sent == token { "passed" } else { "unknown_key" };
            assert_eq!(outcome(&filter, bearer(&text(sent))), expected, "{pem} {sent}");
        }
        assert_eq!(outcome(&filter, bearer(&text("confused"))), "unknown_key", "the PEM as the secret of HS256");
    }
}

#[test]
fn an_unsigned_or_odd_token_is_refused() {
    let filter = with(json!({}));
    let claims = json!({ "exp": 1_735_693_200 });
    let good = token(json!({}));
    let unsigned = good.rsplit_once('.').expect("a token has dots").0.to_owned();
    for (token, word) in [
        (signed(&json!({ "alg": "none" }), &claims), "unknown_key"),
        (format!("{}.", signed(&json!({ "alg": "none" }), &claims).rsplit_once('.').expect("dots").0), "unknown_key"),
        (signed(&json!({ "alg": "hs256" }), &claims), "unknown_key"),
        (signed(&json!({ "alg": "HS512" }), &claims), "unknown_key"),
        (signed(&json!({}), &claims), "malformed"),
        (signed(&json!({ "alg": "HS256", "crit": ["b64"], "b64": false }), &claims), "malformed"),
        (signed(&json!({ "alg": "HS256" }), &json!([1])), "malformed"),
        (signed(&json!({ "alg": "HS256" }), &json!({ "exp": "tomorrow" })), "malformed"),
        (format!("{unsigned}."), "forged"),
        (unsigned.clone(), "malformed"),
        (format!("{good}.x"), "malformed"),
        (format!("{good}="), "malformed"),
        ("..".to_owned(), "malformed"),
        (String::new(), "malformed"),
    ] {
        assert_eq!(outcome(&filter, bearer(&token)), word, "{token}");
    }
}

#[test]
fn times_and_parties_are_checked_to_the_second() {
    let filter = with(json!({ "leeway": "10s", "issuers": ["sso"], "audiences": ["shop", "api"] }));
    let now = 1_735_689_600;
    for (change, word) in [
        (json!({}), "passed"),
        (json!({ "exp": now - 9 }), "passed"),
        (json!({ "exp": now - 10 }), "expired"),
        (json!({ "exp": now as f64 - 9.5 }), "passed"),
        (json!({ "nbf": now + 10 }), "passed"),
        (json!({ "nbf": now + 11 }), "early"),
        (json!({ "iss": "other" }), "issuer"),
        (json!({ "iss": null }), "issuer"),
        (json!({ "aud": ["web", "api"] }), "passed"),
        (json!({ "aud": [] }), "audience"),
        (json!({ "aud": "shopping" }), "audience"),
    ] {
        let mut claims = json!({ "iss": "sso", "aud": "shop" });
        claims.as_object_mut().expect("a table").extend(change.as_object().cloned().unwrap_or_default());
        assert_eq!(outcome(&filter, bearer(&token(claims))), word, "{change}");
    }
    let endless = bearer(&signed(&json!({ "alg": "HS256" }), &json!({})));
    assert_eq!(outcome(&with(json!({})), endless.clone()), "expired");
    assert_eq!(outcome(&with(json!({ "expiry": "optional" })), endless), "passed");
}

#[test]
fn required_claims_have_a_value_that_is_accepted() {
    let filter = with(json!({ "require": { "role": ["admin", "editor"], "scope": "write", "sub": true } }));
    for (claims, word) in [
        (json!({ "role": "admin", "scope": "read write", "sub": "1" }), "passed"),
        (json!({ "role": ["x", "editor"], "scope": "write", "sub": 1 }), "passed"),
        (json!({ "role": "reader", "scope": "write", "sub": "1" }), "insufficient"),
        (json!({ "role": "admin", "scope": "writer", "sub": "1" }), "insufficient"),
        (json!({ "role": "admin", "scope": "write", "sub": null }), "insufficient"),
        (json!({}), "insufficient"),
    ] {
        assert_eq!(outcome(&filter, bearer(&token(claims.clone()))), word, "{claims}");
    }
}

#[test]
fn claims_reach_origin_and_cache_and_forged_ones_do_not() {
    let headers = json!({ "X-User": "sub", "X-Roles": "roles", "X-Plan": "plan" });
    let filter = with(json!({ "headers": headers, "key_claims": ["sub", "plan"], "token": "optional" }));
    let token_of_u1 = token(json!({ "sub": "u1", "roles": ["a", "b"] }));
    let sent = bearer(&token_of_u1).with("x-user", "root").with("x-plan", "gold").with("X_User", "root");
    let exchange = filter.request(sent);
    let header = |name| exchange.sent().header(name);
    assert_eq!((header("x-user"), header("x-roles"), header("x-plan")), (Some("u1"), Some("a,b"), None));
    assert_eq!(header("x_user"), None, "to CGI it is the same name");
    let part = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(exchange.cache().key_parts(), [part("jwt", "passed"), part("jwt.sub", "u1")]);
    assert!(header("authorization").is_some());
    let anonymous = filter.request(get("http://a.example/").with("x-user", "root"));
    assert_eq!(anonymous.sent().header("x-user"), None);
    assert_eq!(anonymous.cache().key_parts(), [part("jwt", "anonymous")]);
    assert_eq!(outcome(&filter, bearer("x")), "malformed", "optional is not any");
    assert_eq!(outcome(&filter, bearer(&token(json!({ "sub": "a\r\nx-admin: 1" })))), "malformed");
}

#[test]
fn every_claim_parts_the_cache_or_the_token_is_refused() {
    let plan = "https://shop.example/plan";
    let filter = with(json!({ "key_claims": ["sub", plan] }));
    let exchange = filter.request(bearer(&token(json!({ "sub": "u1", plan: "gold" }))));
    let parts = [("jwt.sub", "u1"), ("jwt-1", "gold")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(exchange.cache().key_parts(), parts, "no part has a URL for its name");
    for (bytes, word) in [(8_000, "passed"), (8_200, "malformed")] {
        assert_eq!(outcome(&filter, bearer(&token(json!({ "sub": "u".repeat(bytes) })))), word, "{bytes}");
    }
}

#[test]
fn a_key_signs_for_its_issuer_alone() {
    let other = "another secret of thirty-two bytes";
    let keys = json!([{ "secret": SECRET, "issuer": "sso" }, { "secret": other, "issuer": "partner" }]);
    let filter = filter(&json!({ "keys": keys, "issuers": ["sso", "partner"] }));
    for (claims, word) in [
        (json!({ "iss": "sso" }), "passed"),
        (json!({ "iss": "partner" }), "issuer"),
        (json!({ "iss": "none" }), "issuer"),
        (json!({}), "issuer"),
    ] {
        assert_eq!(outcome(&filter, bearer(&token(claims.clone()))), word, "{claims}");
    }
}

#[test]
fn a_cookie_may_hold_the_token_and_the_token_may_be_kept_here() {
    let filter = with(json!({ "cookie": "session", "forward": false }));
    let good = token(json!({}));
    let exchange = filter.request(get("http://a.example/").with("cookie", format!("a=1; session={good}; b=2")));
    assert_eq!(exchange.sent().header("cookie"), Some("a=1; b=2"));
    let exchange = filter.request(bearer(&good).with("cookie", "session=x"));
    assert_eq!((exchange.sent().header("authorization"), exchange.sent().header("cookie")), (None, None));
    let basic = get("http://a.example/").with("authorization", "Basic eDp5").with("cookie", format!("session={good}"));
    assert_eq!(filter.request(basic).sent().header("authorization"), Some("Basic eDp5"));
}

#[test]
fn a_refusal_has_the_status_and_challenge_of_rfc_6750() {
    let filter = with(json!({ "realm": "shop", "require": { "sub": true } }));
    let described =
        |code: &str, word: &str| format!("Bearer realm=\"shop\", error=\"{code}\", error_description=\"{word}\"");
    for (request, status, challenge) in [
        (get("http://a.example/"), 401, "Bearer realm=\"shop\"".to_owned()),
        (bearer("x"), 401, described("invalid_token", "malformed")),
        (bearer("x").with("authorization", "Bearer y"), 400, described("invalid_request", "ambiguous")),
        (bearer(&token(json!({}))), 403, described("insufficient_scope", "insufficient")),
    ] {
        let exchange = filter.request(request);
        let reply = exchange.reply().expect("a refusal");
        assert_eq!((reply.status(), reply.header("www-authenticate")), (status, Some(&*challenge)));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
    }
    assert_eq!(filter.metric(r#"jwt_requests_total{outcome="missing"}"#), 1);
}

#[test]
fn keys_are_chosen_by_id() {
    let keys =
        json!([{ "id": "old", "secret": "another secret of thirty-two bytes" }, { "id": "new", "secret": SECRET }]);
    let filter = filter(&json!({ "keys": keys }));
    for (header, word) in [
        (json!({ "alg": "HS256" }), "passed"),
        (json!({ "alg": "HS256", "kid": "new" }), "passed"),
        (json!({ "alg": "HS256", "kid": "old" }), "forged"),
        (json!({ "alg": "HS256", "kid": "gone" }), "unknown_key"),
    ] {
        assert_eq!(outcome(&filter, bearer(&signed(&header, &json!({ "exp": 1_735_693_200 })))), word, "{header}");
    }
}

#[test]
fn wrong_settings_are_refused_with_their_reason() {
    for (settings, expected) in [
        (json!({}), "missing field `keys`"),
        (json!({ "keys": [] }), "there must be a key"),
        (json!({ "keys": [{ "secret": "short" }] }), "settings.keys[0]: a secret of HS256 has 32 bytes or more"),
        (json!({ "keys": [{}] }), "a key has one of secret, secret_base64url, pem and jwk"),
        (json!({ "keys": [{ "pem": "x" }] }), "this is no public key in PEM"),
        (json!({ "keys": [{ "jwk": { "kty": "EC", "crv": "P-384" } }] }), "is no kind of key here"),
        (
            json!({ "keys": [{ "jwk": { "kty": "RSA", "n": "AQAB", "e": "AQAB" } }] }),
            "an RSA key has 2048 to 8192 bits",
        ),
        (
            json!({ "keys": [{ "jwk": { "kty": "EC", "crv": "P-256", "x": "AQAB", "y": "AQAB" } }] }),
            "no point of P-256",
        ),
        (json!({ "keys": [{ "jwk": { "kty": "oct", "k": "AQAB=" } }] }), "k must be there, in base64url"),
        (json!({ "require": { "sub": false } }), "expected a list of texts, a text, or true"),
        (json!({ "realm": "a\"b" }), "is no realm"),
        (json!({ "headers": { "a b": "sub" } }), "is no header name"),
    ] {
        let fault = rehearse::<Jwt>(&settings.to_string()).expect_err("wrong settings");
        assert!(fault.contains(expected), "{settings}: {fault}");
    }
}
