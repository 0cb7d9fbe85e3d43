//! Choice lists: a few known values, and whatever else an instance has put on its list.

/// Declares an enum over the raw values of a choice list. A value that is not listed is kept, not refused: choice lists
/// are the instance's own data.
macro_rules! choice {
    (
        $(#[$doc:meta])*
        $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $raw:literal),+ $(,)? }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
            /// A value that stock instances do not have.
            Other(String),
        }

        impl $name {
            /// Every value that stock instances have, in the order of the list.
            pub const STOCK: &'static [Self] = &[$(Self::$variant),+];

            /// The raw value, as the Table API takes it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $raw,)+
                    Self::Other(raw) => raw,
                }
            }

            /// The choice that has this raw value.
            #[must_use]
            pub fn from_raw(raw: &str) -> Self {
                match raw {
                    $($raw => Self::$variant,)+
                    other => Self::Other(other.to_owned()),
                }
            }
        }

        impl $crate::value::FieldType for $name {
            fn read(raw: $crate::value::Raw<'_>) -> Result<Self, $crate::value::ValueError> {
                match raw.text() {
                    "" => Err($crate::value::ValueError::Empty),
                    text => {
                        // Numbers come as `-5.0` from some APIs; of a text, this is the end.
                        let whole = text.strip_suffix(".0").filter(|whole| whole.parse::<i64>().is_ok());
                        Ok(Self::from_raw(whole.unwrap_or(text)))
                    }
                }
            }

            fn write(&self) -> String {
                self.as_str().to_owned()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    Self::Other(raw) => f.write_str(raw),
                    known => std::fmt::Debug::fmt(known, f),
                }
            }
        }
    };
}

pub(crate) use choice;
