//! What certificates say, in the words of policy files.

use std::fmt;

use serde::{Serialize, Serializer};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $variant:ident => $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$about])* $variant,)*
        }

        impl $name {
            /// The words of policy files, in the order of the variants.
            pub(crate) const WORDS: &[&str] = &[$($word),*];

            pub(crate) const ALL: [Self; Self::WORDS.len()] = [$(Self::$variant),*];

            /// The word in policy files.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            pub(crate) fn parse(word: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|known| known.as_str() == word)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}

words! {
    /// What a certificate's key may be used for (RFC 5280 section 4.2.1.3).
    KeyUsage {
        /// Signatures other than on certificates and revocation lists: TLS authentication.
        DigitalSignature => "digital-signature",
        /// Encryption of keys.
        KeyEncipherment => "key-encipherment",
        /// Agreement on keys.
        KeyAgreement => "key-agreement",
        /// Signatures on certificates.
        CertSign => "cert-sign",
        /// Signatures on revocation lists.
        CrlSign => "crl-sign",
    }
}

words! {
    /// What a certificate is for (RFC 5280 section 4.2.1.12).
    ExtendedKeyUsage {
        /// TLS servers.
        ServerAuth => "server-auth",
        /// TLS clients.
        ClientAuth => "client-auth",
        /// Signatures on programs.
        CodeSigning => "code-signing",
        /// Mail.
        EmailProtection => "email-protection",
        /// Time stamps.
        TimeStamping => "time-stamping",
        /// Answers about revocation.
        OcspSigning => "ocsp-signing",
    }
}

words! {
    /// Of what kind a certificate's key is.
    KeyType {
        /// RSA.
        Rsa => "rsa",
        /// The curve P-256.
        P256 => "p256",
        /// The curve P-384.
        P384 => "p384",
        /// The curve P-521.
        P521 => "p521",
        /// Ed25519.
        Ed25519 => "ed25519",
        /// Any other.
        Other => "other",
    }
}
