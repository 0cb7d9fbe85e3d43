//! Lists: several keys, or keys and addresses, in one field.

use super::{FieldType, Raw, ValueError, Writable};

impl FieldType for Vec<String> {
    /// Entries with commas between them, as in a watch list: keys of users, and e-mail addresses of who is none.
    ///
    /// ```
    /// use openfactory_sn::value::{FieldType, Raw};
    ///
    /// let watchers = Vec::<String>::read(Raw::of_text("5137,ops@example.com"))?;
    /// assert_eq!(watchers, ["5137", "ops@example.com"]);
    /// assert_eq!(watchers.write(), "5137,ops@example.com");
    /// # Ok::<(), openfactory_sn::value::ValueError>(())
    /// ```
    fn read(raw: Raw<'_>) -> Result<Self, ValueError> {
        let entries = raw.text().split(',').map(str::trim).filter(|entry| !entry.is_empty());
        Ok(entries.map(str::to_owned).collect())
    }

    fn write(&self) -> String {
        self.join(",")
    }
}

impl<const N: usize> Writable<Vec<String>> for [&str; N] {
    fn into_raw(self) -> String {
        self.join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_and_spaced() {
        let read = |text| Vec::<String>::read(Raw::of_text(text)).unwrap();
        assert!(read("").is_empty());
        assert_eq!(read("a, b,,c"), ["a", "b", "c"]);
        assert_eq!(["a", "b"].into_raw(), "a,b");
    }
}
