//! Slots that are files, or partitions.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;

use openfactory_attest::Sha256Digest;
use rustix::fs::Advice;

use super::choice::{Choice, MAX_CHOICE_BYTES};
use super::{BootError, BootSlots, BootState, Slot};
use crate::durable;
use crate::migrate::{Faults, NoFaults};

/// The two copies of the choice.
const COPIES: [&str; 2] = ["choice.0", "choice.1"];

const CHUNK: usize = 1 << 20;

/// Two images, in files or on partitions, and a directory for the choice between them. One process at a time.
pub struct FileSlots {
    directory: PathBuf,
    images: [PathBuf; 2],
    faults: Box<dyn Faults + Send>,
}

impl FileSlots {
    /// Slots in this directory, which is there already: the files `a.image` and `b.image`, and the choice.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        let directory = directory.into();
        let images = [directory.join("a.image"), directory.join("b.image")];
        Self { directory, images, faults: Box::new(NoFaults) }
    }

    /// With the images at these places instead, such as two partitions, slot A first.
    #[must_use]
    pub fn at(self, images: [PathBuf; 2]) -> Self {
        Self { images, ..self }
    }

    /// With power cuts. For tests.
    #[must_use]
    pub fn with_faults(self, faults: Box<dyn Faults + Send>) -> Self {
        Self { faults, ..self }
    }

    /// Where a slot's image is.
    #[must_use]
    pub const fn image(&self, slot: Slot) -> &PathBuf {
        let [a, b] = &self.images;
        match slot {
            Slot::A => a,
            Slot::B => b,
        }
    }

    /// The newest copy that can be read, and which it is; the first choice where there is none. The copies are the same, but
    /// while one of them is written: one that can't be read is no loss.
    fn read(&self) -> Result<(Choice, usize), BootError> {
        let mut newest: Option<(Choice, usize)> = None;
        let mut lost = None;
        for (copy, name) in COPIES.iter().enumerate() {
            let path = self.directory.join(name);
            let mut bytes = Vec::new();
            match File::open(&path)
                .and_then(|file| file.take(MAX_CHOICE_BYTES as u64 + 1).read_to_end(&mut bytes))
            {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(source) => {
                    lost = Some(BootError::Io { action: "read", path, source });
                    continue;
                }
                Ok(_) => {}
            }
            match Choice::parse(&bytes) {
                Ok(choice) if newest.as_ref().is_none_or(|(newest, _)| choice.turn > newest.turn) => {
                    newest = Some((choice, copy));
                }
                Ok(_) => {}
                Err(error) => lost = Some(BootError::Damaged(error)),
            }
        }
        match (newest, lost) {
            (Some(found), _) => Ok(found),
            (None, Some(error)) => Err(error),
            (None, None) => Ok((Choice::default(), 1)),
        }
    }

    /// Replaces the older copy, then the other.
    fn write(&mut self, state: BootState) -> Result<(), BootError> {
        let (before, copy) = self.read()?;
        if before.state == state {
            return Ok(());
        }
        let text = Choice { turn: before.turn + 1, state }.to_text();
        let (older, newer) = if copy == 0 { (COPIES[1], COPIES[0]) } else { (COPIES[0], COPIES[1]) };
        for name in [older, newer] {
            self.step("choice")?;
            durable::replace(&self.directory, name, text.as_bytes())?;
        }
        self.step("chosen")
    }

    fn step(&mut self, name: &'static str) -> Result<(), BootError> {
        let path = &self.directory;
        self.faults.at(name).map_err(|source| BootError::Io { action: name, path: path.clone(), source })
    }

    /// Writes an image, and reads it again from the disk.
    fn fill(&mut self, slot: Slot, image: &mut dyn Read) -> Result<Sha256Digest, BootError> {
        let path = self.image(slot).clone();
        let failed = |action| {
            let path = path.clone();
            move |source| BootError::Io { action, path, source }
        };
        let mut options = File::options();
        let mut file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed("open"))?;
        if file.metadata().map_err(failed("look at"))?.is_file() {
            file.set_len(0).map_err(failed("empty"))?;
        }
        let (mut buffer, mut written) = (vec![0; CHUNK], 0);
        loop {
            self.step("image")?;
            let read = image.read(&mut buffer).map_err(failed("read the image for"))?;
            if read == 0 {
                break;
            }
            file.write_all(buffer.get(..read).unwrap_or_default()).map_err(failed("write"))?;
            written += read as u64;
        }
        file.sync_all().map_err(failed("sync"))?;
        if let Some(directory) = path.parent() {
            durable::sync(directory)?;
        }
        self.step("written")?;
        // Not what the system remembers, but what stands there.
        rustix::fs::fadvise(&file, 0, None, Advice::DontNeed)
            .map_err(|errno| failed("reread")(errno.into()))?;
        file.seek(SeekFrom::Start(0)).map_err(failed("reread"))?;
        let (found, _) = Sha256Digest::of_reader(file.take(written)).map_err(failed("reread"))?;
        Ok(found)
    }
}

impl BootSlots for FileSlots {
    fn state(&self) -> Result<BootState, BootError> {
        Ok(self.read()?.0.state)
    }

    fn install(
        &mut self,
        image: &mut dyn Read,
        expected: &Sha256Digest,
        tries: u8,
    ) -> Result<Slot, BootError> {
        let state = self.state()?;
        let slot = state.to_fill()?;
        let state = state.emptied(slot);
        self.write(state.clone())?;
        let found = self.fill(slot, image)?;
        if found != *expected {
            return Err(BootError::OtherImage { expected: *expected, found });
        }
        self.write(state.filled(slot, found, tries))?;
        Ok(slot)
    }

    fn boot(&mut self) -> Result<Slot, BootError> {
        let (state, slot) = self.state()?.booted()?;
        self.write(state)?;
        Ok(slot)
    }

    fn mark_good(&mut self) -> Result<(), BootError> {
        let state = self.state()?.proved()?;
        self.write(state)
    }

    fn mark_bad(&mut self) -> Result<(), BootError> {
        let state = self.state()?.failed()?;
        self.write(state)
    }
}

impl std::fmt::Debug for FileSlots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { directory, images, .. } = self;
        f.debug_struct("FileSlots")
            .field("directory", directory)
            .field("images", images)
            .finish_non_exhaustive()
    }
}

impl From<durable::Failed> for BootError {
    fn from(durable::Failed { action, path, source }: durable::Failed) -> Self {
        Self::Io { action, path, source }
    }
}
