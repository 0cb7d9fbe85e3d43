//! User name and password as a header.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use zeroize::Zeroizing;

use super::Credential;
use crate::secret::Secret;

/// The header of RFC 7617, in UTF-8.
pub(super) fn credential(user: &str, password: &Secret) -> Result<Credential, &'static str> {
    if user.contains(':') {
        return Err("user name holds a colon, which basic authentication cannot carry");
    }
    let pair = Zeroizing::new(format!("{user}:{}", password.expose()));
    let text = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
    let mut header = HeaderValue::from_str(&text).map_err(|_| "credential cannot be put into a header")?;
    header.set_sensitive(true);
    Ok(Credential { header, generation: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn example_of_the_rfc() {
        let credential = credential("Aladdin", &Secret::new("open sesame")).unwrap();
        assert_eq!(credential.header().to_str().unwrap(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(!format!("{credential:?} {:?}", credential.header()).contains("QWxh"));
        assert!(super::credential("a:b", &Secret::new("c")).is_err());
    }
}
