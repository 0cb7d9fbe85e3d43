//! Declares a typed record over a row.

/// Declares a record: a struct with a public member for each field, and a [`Field`](crate::record::Field) constant of
/// the same type for queries and writes; `as String` keeps a member as text, whatever its form. Members are read from the row once; the row is kept. Every member but text is
/// optional: ServiceNow sends what is empty as `""`, and leaves out what the credential may not read.
macro_rules! record {
    (
        $(#[$doc:meta])*
        $name:ident in $table:literal {
            $($(#[$field_doc:meta])* $constant:ident $member:ident $(= $column:literal)? : $type:ident $(as $kept:ident)?),+ $(,)?
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct $name {
            row: $crate::record::Row,
            $($(#[$field_doc])* pub $member: $crate::record::member!($type $($kept)?),)+
        }

        $(
            $(#[$field_doc])*
            pub const $constant: $crate::record::Field<$type> =
                $crate::record::Field::new($crate::record::column!($member $($column)?));
        )+

        impl $crate::record::FromRow for $name {
            fn from_row(row: $crate::record::Row) -> Result<Self, $crate::record::Malformed> {
                Ok(Self { $($member: row.read($crate::record::column!($member $($column)?))?,)+ row })
            }
        }

        impl $crate::record::Record for $name {
            const TABLE: &'static str = $table;

            fn row(&self) -> &$crate::record::Row {
                &self.row
            }
        }

        impl $name {
            /// Its key.
            #[must_use]
            pub fn sys_id(&self) -> &$crate::SysId {
                self.row.sys_id()
            }
        }
    };
}

/// The type of a member: text, which may be empty, or something that may not be there.
macro_rules! member {
    (String) => { String };
    // What others write there may have another form, and is kept as it is.
    ($type:ident $kept:ident) => { $kept };
    ($type:ident) => { Option<$type> };
}

/// The name of a field's column: the member's own, unless another is given.
macro_rules! column {
    ($member:ident) => {
        stringify!($member)
    };
    ($member:ident $column:literal) => {
        $column
    };
}

pub(crate) use {column, member, record};
