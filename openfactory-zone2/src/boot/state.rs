//! What follows from what, when a device boots from one of two slots. Pure.

use openfactory_attest::Sha256Digest;

use super::{BootError, Slot};

/// What both slots hold, and which of them is booted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BootState {
    /// What slot A holds.
    pub a: Option<Image>,
    /// What slot B holds.
    pub b: Option<Image>,
    /// Which is booted, as long as it can be.
    pub preferred: Option<Slot>,
    /// Which was booted last: the one that runs.
    pub running: Option<Slot>,
}

/// What a slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Image {
    /// Its digest.
    pub sha256: Sha256Digest,
    /// What it is worth.
    pub standing: Standing,
}

/// What an image is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing {
    /// It has proved itself.
    Good,
    /// It may be booted so many times more before it has to.
    OnTrial(u8),
    /// It has not, and is not booted any more.
    Bad,
}

impl Image {
    const fn boots(&self) -> bool {
        matches!(self.standing, Standing::Good | Standing::OnTrial(1..))
    }
}

impl BootState {
    /// What a slot holds.
    #[must_use]
    pub const fn slot(&self, slot: Slot) -> Option<&Image> {
        match slot {
            Slot::A => self.a.as_ref(),
            Slot::B => self.b.as_ref(),
        }
    }

    fn slot_mut(&mut self, slot: Slot) -> &mut Option<Image> {
        match slot {
            Slot::A => &mut self.a,
            Slot::B => &mut self.b,
        }
    }

    fn boots(&self, slot: Slot) -> bool {
        self.slot(slot).is_some_and(Image::boots)
    }

    /// Which slot may be filled: the one that does not run.
    ///
    /// # Errors
    /// [`BootError::OnTrial`] while the one that runs is not good.
    pub fn to_fill(&self) -> Result<Slot, BootError> {
        let Some(running) = self.running else {
            // Nothing ran yet: a device in the factory, perhaps for the second time.
            return Ok(Slot::A);
        };
        match self.slot(running) {
            Some(Image { standing: Standing::Good, .. }) => Ok(running.other()),
            _ => Err(BootError::OnTrial),
        }
    }

    /// The slot is being filled: there is nothing in it that could be booted.
    #[must_use]
    pub fn emptied(mut self, slot: Slot) -> Self {
        *self.slot_mut(slot) = None;
        self.preferred = Some(if self.boots(slot.other()) { slot.other() } else { slot });
        self
    }

    /// The slot holds this image, which is on trial for so many boots.
    #[must_use]
    pub fn filled(mut self, slot: Slot, sha256: Sha256Digest, tries: u8) -> Self {
        *self.slot_mut(slot) = Some(Image { sha256, standing: Standing::OnTrial(tries.max(1)) });
        self.preferred = Some(slot);
        self
    }

    /// The slot that is booted now, and the state from then on.
    ///
    /// # Errors
    /// [`BootError::NothingToBoot`].
    pub fn booted(mut self) -> Result<(Self, Slot), BootError> {
        let first = self.preferred.unwrap_or(Slot::A);
        let slot = [first, first.other()].into_iter().find(|slot| self.boots(*slot));
        let slot = slot.ok_or(BootError::NothingToBoot)?;
        for other in Slot::ALL {
            if let Some(Image { standing: standing @ Standing::OnTrial(0), .. }) = self.slot_mut(other) {
                *standing = Standing::Bad;
            }
        }
        if let Some(Image { standing: Standing::OnTrial(left), .. }) = self.slot_mut(slot) {
            *left = left.saturating_sub(1);
        }
        (self.preferred, self.running) = (Some(slot), Some(slot));
        Ok((self, slot))
    }

    /// What runs has proved itself.
    ///
    /// # Errors
    /// [`BootError::NotRunning`].
    pub fn proved(self) -> Result<Self, BootError> {
        self.judged(Standing::Good)
    }

    /// What runs has failed.
    ///
    /// # Errors
    /// [`BootError::NotRunning`]; [`BootError::NothingToBoot`] if there is nothing else.
    pub fn failed(self) -> Result<Self, BootError> {
        let mut state = self.judged(Standing::Bad)?;
        let other = state.running.map(Slot::other).filter(|other| state.boots(*other));
        state.preferred = Some(other.ok_or(BootError::NothingToBoot)?);
        Ok(state)
    }

    fn judged(mut self, verdict: Standing) -> Result<Self, BootError> {
        let running = self.running.ok_or(BootError::NotRunning)?;
        let image = self.slot_mut(running).as_mut().ok_or(BootError::NotRunning)?;
        image.standing = verdict;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(text: &str) -> Sha256Digest {
        Sha256Digest::of(text.as_bytes())
    }

    fn running() -> BootState {
        let (state, slot) = BootState::default().filled(Slot::A, digest("1"), 1).booted().unwrap();
        assert_eq!(slot, Slot::A);
        state.proved().unwrap()
    }

    #[test]
    fn an_image_on_trial_is_left_when_its_tries_are_used_up() {
        let mut state = running().filled(Slot::B, digest("2"), 2);
        let mut booted = Vec::new();
        for _ in 0..4 {
            let slot;
            (state, slot) = state.booted().unwrap();
            booted.push(slot);
        }
        assert_eq!(booted, [Slot::B, Slot::B, Slot::A, Slot::A]);
        assert_eq!(state.b.unwrap().standing, Standing::Bad);
    }

    #[test]
    fn what_proved_itself_stays_and_what_failed_goes() {
        let (state, _) = running().filled(Slot::B, digest("2"), 3).booted().unwrap();
        let good = state.clone().proved().unwrap();
        assert_eq!(good.booted().unwrap().1, Slot::B);
        let bad = state.failed().unwrap();
        assert_eq!(bad.clone().booted().unwrap().1, Slot::A);
        // The last one is kept whatever is said of it.
        assert!(matches!(bad.booted().unwrap().0.failed(), Err(BootError::NothingToBoot)));
    }

    #[test]
    fn only_the_slot_beside_a_good_one_is_filled() {
        assert_eq!(BootState::default().to_fill().unwrap(), Slot::A);
        assert_eq!(running().to_fill().unwrap(), Slot::B);
        let (trial, _) = running().filled(Slot::B, digest("2"), 3).booted().unwrap();
        assert!(matches!(trial.to_fill(), Err(BootError::OnTrial)));
    }

    #[test]
    fn an_emptied_slot_is_not_booted() {
        let state = running().filled(Slot::B, digest("2"), 3).emptied(Slot::B);
        assert_eq!(state.booted().unwrap().1, Slot::A);
        assert!(matches!(BootState::default().booted(), Err(BootError::NothingToBoot)));
        assert!(matches!(BootState::default().proved(), Err(BootError::NotRunning)));
    }
}
