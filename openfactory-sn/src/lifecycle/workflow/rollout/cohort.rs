//! Which device belongs to which stage.

use std::collections::BTreeMap;

use super::super::super::event::rollout::{RolloutRequested, Stage};
use super::super::super::id::{BuildId, DeviceId, hashed};

/// The stage of each device: one canary, configured or the first by hash of build and device; of the others,
/// in that order, a tenth of all, rounded up and at least one; then the rest. A fleet may be too small for the
/// later stages.
pub(super) fn stages(body: &RolloutRequested) -> BTreeMap<DeviceId, Stage> {
    let mut devices: Vec<&DeviceId> = body.devices.iter().map(|one| &one.device).collect();
    devices
        .sort_by_cached_key(|device| (Some(*device) != body.canary.as_ref(), draw(&body.build_id, device)));
    let staged = devices.len().div_ceil(10).max(1);
    let stage = |place: usize| match place {
        0 => Stage::Canary,
        place if place <= staged => Stage::Staged,
        _ => Stage::Full,
    };
    devices.into_iter().enumerate().map(|(place, device)| (device.clone(), stage(place))).collect()
}

/// The same device is not the canary of every build.
fn draw(build: &BuildId, device: &DeviceId) -> String {
    hashed("openfactory/rollout_cohort/v1", &[build.as_str(), device.as_str()])
}

#[cfg(test)]
mod tests {
    use openfactory_attest::digest::Sha256Digest;

    use super::super::super::super::event::rollout::{ImageFacts, RolloutDevice};
    use super::super::super::super::id::FleetId;
    use super::*;

    fn request(build: &str, devices: usize) -> RolloutRequested {
        let digest = Sha256Digest::of(b"");
        let devices = (1..=devices)
            .map(|n| RolloutDevice::new(DeviceId::new(format!("press-{n}")).unwrap(), ""))
            .collect();
        RolloutRequested::new(
            BuildId::new(build).unwrap(),
            FleetId::new("line-7").unwrap(),
            devices,
            ImageFacts::new(digest, digest, digest),
        )
    }

    fn count(request: &RolloutRequested) -> [usize; 3] {
        let stages = stages(request);
        Stage::ALL.map(|stage| stages.values().filter(|found| **found == stage).count())
    }

    #[test]
    fn one_canary_a_tenth_and_the_rest() {
        for (devices, expected) in [
            (1, [1, 0, 0]),
            (2, [1, 1, 0]),
            (3, [1, 1, 1]),
            (5, [1, 1, 3]),
            (10, [1, 1, 8]),
            (11, [1, 2, 8]),
            (20, [1, 2, 17]),
            (21, [1, 3, 17]),
            (1000, [1, 100, 899]),
        ] {
            assert_eq!(count(&request("b-1", devices)), expected, "{devices}");
        }
    }

    #[test]
    fn the_canary_is_the_configured_one_or_drawn_by_build_and_device() {
        let canary = |request: &RolloutRequested| {
            let stages = stages(request);
            stages.into_iter().find(|(_, stage)| *stage == Stage::Canary).unwrap().0
        };
        for n in 1..=9 {
            let mut request = request("b-1", 9);
            let wanted = request.devices[n - 1].device.clone();
            request.canary = Some(wanted.clone());
            assert_eq!(canary(&request), wanted);
        }
        let drawn: std::collections::BTreeSet<_> =
            (0..20).map(|n| canary(&request(&format!("b-{n}"), 9))).collect();
        assert!(drawn.len() > 1, "{drawn:?}");
        let mut reversed = request("b-1", 9);
        reversed.devices.reverse();
        assert_eq!(stages(&reversed), stages(&request("b-1", 9)), "the order of the request does not matter");
    }
}
