//! Tokens: what names of headers and cookies are made of.

/// Whether a text is a token, as the names of headers and cookies are (RFC 9110 section 5.6.2).
///
/// ```
/// use forebay_sdk::settings::is_token;
///
/// assert!(is_token("x-served-by"));
/// assert!(!is_token("x served by") && !is_token(""));
/// ```
pub fn is_token(text: &str) -> bool {
    let of_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(of_token)
}

#[cfg(test)]
mod tests {
    use super::is_token;

    #[test]
    fn tokens_have_neither_blanks_nor_delimiters() {
        let of_token = |byte: &u8| byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(byte);
        for byte in 0..=0x7f_u8 {
            assert_eq!(is_token(&char::from(byte).to_string()), of_token(&byte), "byte {byte:#04x}");
        }
        assert!(!is_token("") && !is_token("a b") && !is_token("\u{e9}"));
    }
}
