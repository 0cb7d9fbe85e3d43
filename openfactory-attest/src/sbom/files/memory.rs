//! Files in memory, for tests.

use std::collections::BTreeMap;

use super::Files;
use crate::manifest::TreePath;
use crate::sbom::InventoryError;

/// Files and links by path; directories are what stands before a slash.
#[derive(Default)]
pub(in crate::sbom) struct Memory {
    files: BTreeMap<TreePath, Vec<u8>>,
    links: BTreeMap<TreePath, Vec<u8>>,
}

impl Memory {
    pub(in crate::sbom) fn of(files: &[(&str, &str)]) -> Self {
        let mut memory = Self::default();
        files.iter().for_each(|(path, text)| memory.insert(path, text));
        memory
    }

    pub(in crate::sbom) fn insert(&mut self, path: &str, text: impl AsRef<[u8]>) {
        self.files.insert(TreePath::new(path).unwrap(), text.as_ref().to_vec());
    }

    pub(in crate::sbom) fn link_to(&mut self, path: &str, target: &str) {
        self.links.insert(TreePath::new(path).unwrap(), target.as_bytes().to_vec());
    }
}

impl Files for Memory {
    fn read(&mut self, path: &TreePath, limit: usize) -> Result<Option<Vec<u8>>, InventoryError> {
        match self.files.get(path) {
            Some(bytes) if bytes.len() > limit => Err(InventoryError::TooLarge { path: path.clone(), limit }),
            bytes => Ok(bytes.cloned()),
        }
    }

    fn link(&mut self, path: &TreePath) -> Result<Option<Vec<u8>>, InventoryError> {
        Ok(self.links.get(path).cloned())
    }

    fn list(&mut self, directory: &TreePath) -> Result<Vec<TreePath>, InventoryError> {
        Ok(self.files.keys().filter(|path| path.parent().as_ref() == Some(directory)).cloned().collect())
    }
}
